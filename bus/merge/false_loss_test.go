package merge

import (
	"testing"
	"time"

	"github.com/amibus/amibus/proto/wire"
)

// TestAnOriginThatIsSilentForAMomentHasLostNothing: alpha repairs a hole of bravo, which is alive and holds everything; one answer
// breaks off, then no frame of bravo comes for a moment. Charlie misses the same events.
func TestAnOriginThatIsSilentForAMomentHasLostNothing(t *testing.T) {
	t.Parallel()
	alpha, bravo, charlie := Node{"s", "alpha"}, Node{"s", "bravo"}, Node{"s", "charlie"}
	m := New(Config{Self: alpha, Epoch: 10, Hold: 300 * time.Millisecond})
	start := time.Unix(1_700_000_000, 0).UnixNano()
	now := int64(0)
	type due struct {
		at int64
		in Input
	}
	var pending []due
	hlc := start
	frame := func(n Node, first uint64, entries int) FrameIn {
		f := &wire.Frame{Site: n.Site, Node: n.Name, Epoch: 5, First: first}
		for range entries {
			hlc++
			e := entry("x")
			e.Stamp(hlc)
			f.Entries = append(f.Entries, e)
		}
		f.Mark = hlc
		return FrameIn{Frame: f}
	}
	step := func(in Input) {
		for _, out := range m.Step(Time{Mono: now, Wall: start + now}, in) {
			switch out := out.(type) {
			case Emit:
				for _, e := range out.Events {
					if e.Missing > 0 {
						t.Fatalf("%v after %v: %d events of %v declared lost", time.Duration(now), out, e.Missing, e.Node)
					}
				}
			case Ask:
				t.Logf("%v: ask %v for %v %d…%d", time.Duration(now), out.Target.Name, out.Origin.Name, out.From, out.To)
				if out.Target == bravo {
					pending = append(pending, due{now + int64(75*time.Millisecond), ReplayEnd{Ask: out, Failed: true}})
				} else {
					pending = append(pending, due{now + int64(time.Millisecond), ReplayEnd{Ask: out}})
				}
			}
		}
	}
	step(Start{Peers: []Node{bravo, charlie}})
	for ; now < int64(2*time.Second); now += int64(time.Millisecond) {
		ms := now / int64(time.Millisecond)
		step(Tick{})
		for i := 0; i < len(pending); i++ {
			if d := pending[i]; d.at <= now {
				pending = append(pending[:i], pending[i+1:]...)
				i--
				step(d.in)
			}
		}
		if ms%5 != 0 || ms < 400 {
			continue
		}
		step(frame(charlie, 1, 0))
		switch {
		case ms == 1000:
			step(Peers{Peers: []Node{charlie}}) // after a long cut membership is behind
			step(frame(bravo, 1000, 1))         // 900 events missing
		case ms < 1000:
			step(frame(bravo, 1, 0))
		case ms < 1080, ms > 1500:
			step(frame(bravo, 1001, 0))
		}
	}
}
