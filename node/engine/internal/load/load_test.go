package load

import (
	"reflect"
	"testing"
	"time"

	"github.com/amibus/amibus/node/engine/internal/pbx"
)

var epoch = time.Unix(1_700_000_000, 0)

// everybody is a PBX in which all calls are answered at once.
type everybody struct{}

func (everybody) Peer(id string) (string, bool) { return "peer of " + id, true }

// run lets a Generator make calls for a time, and returns what it did, and when.
func run(g *Generator, d time.Duration) (did []pbx.Input, at []time.Duration) {
	began := 0
	for now := epoch; now.Before(epoch.Add(d)); now = g.Next() {
		for _, in := range g.Step(now, everybody{}) {
			if in, ok := in.(pbx.Incoming); ok && in.Begun != nil {
				began++
				in.Begun(time.Duration(began).String())
			}
			did, at = append(did, in), append(at, now.Sub(epoch))
		}
	}
	return did, at
}

// plain is what can be compared of an input: no function can.
func plain(all []pbx.Input) []pbx.Input {
	for i, in := range all {
		if in, ok := in.(pbx.Incoming); ok {
			in.Begun = nil
			all[i] = in
		}
	}
	return all
}

func TestTheSameSeedDoesTheSame(t *testing.T) {
	t.Parallel()
	for _, transfers := range []bool{false, true} {
		of := func(seed uint64) ([]pbx.Input, []time.Duration, map[string]pbx.Endpoint) {
			g, people := New(Config{CallsPerSecond: 5, Transfers: transfers, Seed: seed})
			did, at := run(g, 100*time.Second)
			return plain(did), at, people
		}
		a, when, who := of(7)
		b, then, others := of(7)
		if !reflect.DeepEqual(a, b) || !reflect.DeepEqual(when, then) || !reflect.DeepEqual(who, others) {
			t.Error("the same seed did something else")
		}
		if c, _, strangers := of(8); reflect.DeepEqual(a, c) || reflect.DeepEqual(who, strangers) {
			t.Error("the seed does not matter")
		}
	}
}

// Calls come as often as they are wanted, and not in step.
func TestCallsComeAtRandom(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{0.5, 20, 2000} {
		g, _ := New(Config{CallsPerSecond: rate, Seed: 1})
		const many = 20_000
		var last time.Time
		short := 0 // pauses below half of the mean: 39 % of a Poisson process, none of a steady one
		for now := epoch; g.Stats().Calls < many; now = g.Next() {
			before := g.Stats().Calls
			if g.Step(now, everybody{}); g.Stats().Calls == before {
				continue
			}
			if !last.IsZero() && now.Sub(last).Seconds() < 0.5/rate {
				short++
			}
			last = now
		}
		if got := many / last.Sub(epoch).Seconds(); got < rate*0.97 || got > rate*1.03 {
			t.Errorf("%v calls a second, want %v", got, rate)
		}
		if share := float64(short) / many; share < 0.37 || share > 0.42 {
			t.Errorf("%v of the pauses are short, want 0.39", share)
		}
	}
}

// The mix is what it says, at any speed, and speed is only about what people take their time for.
func TestSpeed(t *testing.T) {
	t.Parallel()
	count := func(speed float64) (calls, hold int, first time.Duration) {
		g, people := New(Config{CallsPerSecond: 20, Speed: speed, Seed: 3})
		did, at := run(g, 1000*time.Second)
		for i, in := range did {
			switch in := in.(type) {
			case pbx.Incoming:
				calls++
			case pbx.Hold:
				if in.On {
					hold++
				}
				if first == 0 {
					first = at[i]
				}
			}
		}
		if ring := people["load-100"].Ring; ring < time.Duration(float64(time.Second)/speed) || ring > time.Duration(float64(5*time.Second)/speed) {
			t.Errorf("load-100 rings %v at speed %v", ring, speed)
		}
		return calls, hold, first
	}
	calls, hold, first := count(1)
	fastCalls, fastHold, fastFirst := count(10)
	if calls < 17_000 || fastCalls < 17_000 || hold < 1000 || fastHold < 1000 {
		t.Errorf("%d and %d calls, %d and %d of them held", calls, fastCalls, hold, fastHold)
	}
	if first < 9*time.Second || fastFirst < 900*time.Millisecond || fastFirst > 5*time.Second {
		t.Errorf("the first one is held after %v and %v", first, fastFirst)
	}
}

// What a pause of the process, or too high a rate, leaves undone is bounded, counted, and said once.
func TestNothingGrowsWithoutBound(t *testing.T) {
	t.Parallel()
	said := 0
	g, _ := New(Config{CallsPerSecond: 1000, Seed: 1, Warn: func(string) { said++ }})
	g.Step(epoch, everybody{})
	if n := len(g.Step(epoch.Add(10*time.Second), everybody{})); n < 1800 || n > 2200 {
		t.Errorf("%d inputs after a pause", n)
	}
	if s := g.Stats(); s.Calls < 1800 || s.Calls > 2200 || s.Calls+s.LeftOut < 9500 || s.Calls+s.LeftOut > 10_500 {
		t.Errorf("%+v", s)
	}
	for range 2 * maxDeeds {
		g.after(1, 2, func(Calls) {})
	}
	if len(g.deeds) != maxDeeds || said != 1 {
		t.Errorf("%d deeds are planned, and it was said %d times", len(g.deeds), said)
	}
	g.Step(epoch.Add(time.Hour), everybody{})
	if len(g.deeds) > maxDeeds/2 {
		t.Errorf("%d deeds are left", len(g.deeds))
	}
}
