package translator

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/wire"
)

// mean is about the mean of the captured events: 21 lines, 500 bytes.
const mean = "Event: VarSet\r\nPrivilege: dialplan,all\r\nTimestamp: 1795398679.805958\r\nSystemName: alpha\r\n" +
	"Channel: Local/agi@test-00000078;2\r\nChannelState: 6\r\nChannelStateDesc: Up\r\nCallerIDNum: <unknown>\r\n" +
	"CallerIDName: <unknown>\r\nConnectedLineNum: <unknown>\r\nConnectedLineName: <unknown>\r\nLanguage: en\r\nAccountCode: \r\n" +
	"Context: test\r\nExten: agi\r\nPriority: 2\r\nUniqueid: alpha-1795398677.498\r\nLinkedid: alpha-1795398677.497\r\n" +
	"ChanVariable: CALLTYPE=\r\nChanVariable: TENANT=\r\nVariable: PLAYBACKSTATUS\r\nValue: SUCCESS\r\n\r\n"

// bare is the same from a source without systemname.
var bare = bytes.ReplaceAll(bytes.ReplaceAll([]byte(mean), []byte("SystemName: alpha\r\n"), nil), []byte("alpha-"), nil)

// repeat is an endless stream of one event.
type repeat struct {
	text []byte
	at   int
}

func (r *repeat) Read(p []byte) (n int, err error) {
	for n < len(p) {
		c := copy(p[n:], r.text[r.at:])
		n, r.at = n+c, (r.at+c)%len(r.text)
	}
	return n, nil
}

func decodeOne(b *testing.B, text string) *ami.Message {
	m, err := ami.NewDecoder(bytes.NewReader([]byte(text)), ami.Client).Decode()
	if err != nil {
		b.Fatal(err)
	}
	return m
}

func benchmarkEntry(b *testing.B, text string) {
	o := &Origin{Node: "alpha"}
	m := decodeOne(b, text)
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := o.AppendEntry(buf, m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEntry(b *testing.B) {
	b.Run("copy", func(b *testing.B) { benchmarkEntry(b, mean) })
	b.Run("qualify", func(b *testing.B) { benchmarkEntry(b, string(bare)) })
}

// floor is the least any decoder does, in ns: finding every line end, and copying the text once. Measured in the same run, best of five.
func floor(text []byte) float64 {
	best := time.Duration(math.MaxInt64)
	buf := make([]byte, len(text))
	const rounds = 20_000
	for range 5 {
		start := time.Now()
		for range rounds {
			for rest := text; len(rest) > 0; {
				rest = rest[bytes.IndexByte(rest, '\n')+1:]
			}
			copy(buf, text)
		}
		best = min(best, time.Since(start))
	}
	return float64(best.Nanoseconds()) / rounds
}

func benchmarkDecodeAndEntry(b *testing.B, text []byte) {
	least := floor(text)
	o := &Origin{Node: "alpha"}
	d := ami.NewDecoder(&repeat{text: text}, ami.Client)
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		m, err := d.Decode()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := o.AppendEntry(buf, m); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/least, "x-floor")
}

func BenchmarkDecodeAndEntry(b *testing.B) {
	b.Run("copy", func(b *testing.B) { benchmarkDecodeAndEntry(b, []byte(mean)) })
	b.Run("qualify", func(b *testing.B) { benchmarkDecodeAndEntry(b, bare) })
}

func BenchmarkDecode(b *testing.B) {
	d := ami.NewDecoder(&repeat{text: []byte(mean)}, ami.Client)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Decode(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEvent(b *testing.B) {
	e, id := benchEntry(b), Ident{Site: "default", Node: "alpha", Epoch: 1795398677000, Seq: 4711, HLC: 1795398679805958000}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := AppendEvent(buf, id, &e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	e := benchEntry(b)
	event, err := AppendEvent(nil, Ident{Site: "default", Node: "alpha", Epoch: 1, Seq: 1, HLC: 1}, &e)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := AppendText(buf, event); err != nil {
			b.Fatal(err)
		}
	}
}

func benchEntry(b *testing.B) wire.Entry {
	raw, err := (&Origin{Node: "alpha"}).AppendEntry(nil, decodeOne(b, mean))
	if err != nil {
		b.Fatal(err)
	}
	e, err := wire.ParseEntry(raw)
	if err != nil {
		b.Fatal(err)
	}
	return e
}
