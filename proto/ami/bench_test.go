package ami_test

import (
	"bytes"
	"testing"

	"github.com/amibus/amibus/proto/ami"
)

// benchmarkDecode reads the stream again and again; an operation is one message.
func benchmarkDecode(b *testing.B, stream []byte, mode ami.Mode) {
	r := bytes.NewReader(stream)
	d := ami.NewDecoder(r, mode)
	size := 0
	b.ReportAllocs()
	for b.Loop() {
		m, err := d.Decode()
		for m == nil {
			r.Reset(stream)
			if d = ami.NewDecoder(r, mode); err == nil {
				b.Fatal("neither message nor error")
			}
			m, err = d.Decode()
		}
		size += len(m.Bytes())
	}
	b.SetBytes(int64(size / b.N))
}

func BenchmarkDecodeClient(b *testing.B) {
	stream := recording(b, "busy-1/alpha.ami")
	_, stream, _ = bytes.Cut(stream, []byte("\r\n"))
	benchmarkDecode(b, stream, ami.Client)
}

func BenchmarkDecodeServer(b *testing.B) {
	benchmarkDecode(b, recording(b, "busy-1/alpha-driver.sent"), ami.Server)
}

func BenchmarkParse(b *testing.B) {
	all, _ := decodeAll(ami.NewDecoder(bytes.NewReader(recording(b, "call-answered/alpha.ami")), ami.Client))
	var m ami.Message
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := m.Parse(all[i%len(all)].Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParsePrivilege(b *testing.B) {
	for _, text := range []string{"call,all", "dialplan,all", "call,reporting,all"} {
		b.Run(text, func(b *testing.B) {
			v := []byte(text)
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := ami.ParsePrivilege(v); !ok {
					b.Fatal(text)
				}
			}
		})
	}
}

func BenchmarkLookupAction(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := ami.LookupAction("coreshowchannels"); !ok {
			b.Fatal("not found")
		}
	}
}
