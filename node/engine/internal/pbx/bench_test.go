package pbx

import (
	"testing"
	"time"

	"github.com/amibus/amibus/translator"
)

// BenchmarkCalls runs calls of a minute, 1,000 more each second, in fake time, and renders what they say.
func BenchmarkCalls(b *testing.B) {
	plan := parsePlan(`
[test]
h: NoOp(bye)
call: Set(X=${EXTEN}); Dial(Sim/fast,20); Hangup()
`)
	p := New(Config{Dialplan: plan, Endpoints: map[string]Endpoint{"fast": {Ring: time.Second, Talk: time.Minute}}, SystemName: "alpha"})
	w := translator.Writer{SystemName: "alpha"}
	now, events, bytes := epoch, 0, 0
	var text []byte
	say := func(out []Output) {
		for i := range out {
			text = w.Append(text[:0], out[i].At, &out[i].Event)
			bytes += len(text)
		}
		events += len(out)
	}
	b.ReportAllocs()
	for range b.N {
		now = now.Add(time.Millisecond)
		out, _ := p.Step(now, Incoming{Endpoint: "caller", Context: "test", Exten: "call", CallerNum: "100"})
		say(out)
	}
	for p.Stats().Channels > 0 {
		now = now.Add(time.Second)
		out, _ := p.Step(now)
		say(out)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(bytes)/float64(events), "B/event")
}
