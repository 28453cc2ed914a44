package engine

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"hash"
	"log/slog"
	"testing"
	"time"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/verify"
)

var (
	seeds = flag.Int("seeds", 1, "how many runs of TestLoad, of each mix")
	seed0 = flag.Uint64("seed", 0, "the first one's seed")
)

// loaded makes an engine that makes calls by itself, and hand is given what it says.
func loaded(tb testing.TB, traffic config.Traffic, hand func([]Event)) *Engine {
	var log bytes.Buffer
	e, err := New(Config{SystemName: "alpha", Settings: config.Engine{Seed: 7, Load: traffic}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		tb.Fatal(err)
	}
	if log.Len() > 0 {
		tb.Errorf("loading the dialplan: %s", log.String())
	}
	e.Events().Handle(hand)
	return e
}

// advance lets fake time pass.
func (e *Engine) advance(from time.Time, d time.Duration) (to time.Time) {
	now, end := from, from.Add(d)
	for !now.After(end) {
		now = now.Add(max(e.step(now, nil), time.Microsecond))
	}
	return end
}

// tally is what an engine said: a sum of all of it, and how often what.
type tally struct {
	stream hash.Hash
	seen   map[string]int
}

func (y *tally) add(name string, m *ami.Message) {
	switch name {
	case "DialEnd":
		name += " " + string(m.Get("DialStatus"))
	case "BlindTransfer":
		name += " " + string(m.Get("Result"))
	case "AttendedTransfer":
		name += " " + string(m.Get("Result")) + " " + string(m.Get("DestType"))
	}
	y.seen[name]++
}

// runLoad lets an engine make calls for a minute and a half, then lets them end, and holds what it said against the rules of order.
func runLoad(t *testing.T, traffic config.Traffic) tally {
	y := tally{stream: sha256.New(), seen: map[string]int{}}
	checker := verify.New(verify.Config{Report: func(v verify.Violation) { t.Errorf("%v", v) }})
	e := loaded(t, traffic, func(events []Event) {
		for i := range events {
			m, err := ami.ParseMessage(events[i].Text)
			if err != nil {
				t.Fatal(err)
			}
			checker.Next(m)
			y.add(events[i].Name, m)
			y.stream.Write(events[i].Text)
		}
	})
	now := e.advance(time.Unix(1_700_000_000, 0), 90*time.Second)
	if s := e.Stats(); s.Refused+s.DroppedFrames+s.Unkept+s.Load.LeftOut > 0 || s.Load.Calls == 0 {
		t.Errorf("%+v", s)
	}
	e.load = nil
	for range 20 {
		now = e.advance(now, time.Minute)
	}
	for _, b := range e.pbx.BridgeList("") { // that of the parking lot stays
		out, _ := e.pbx.Step(now, pbx.BridgeDestroy{Bridge: b.Parts[0].Bridge.Uniqueid})
		e.publish(out)
	}
	checker.End(true)
	if s := e.Stats(); s.Channels > 0 {
		t.Errorf("%d channels never end: %v", s.Channels, e.pbx.CoreShowChannels())
	}
	return y
}

// TestLoad: what the generator does breaks no rule of order, ends, has all that its mix is made of, and is the same each time.
func TestLoad(t *testing.T) {
	t.Parallel()
	for mix, wanted := range map[string][]string{
		config.MixOffice: {"Newchannel", "DialBegin", "BridgeEnter", "Hold", "Unhold", "DTMFEnd", "UserEvent", "LocalBridge", "LocalOptimizationEnd",
			"OriginateResponse", "MusicOnHoldStart", "BlindTransfer Success", "ParkedCall", "AttendedTransfer Success Bridge",
			"DialEnd ANSWER", "DialEnd BUSY", "DialEnd CANCEL", "DialEnd NOANSWER", "DialEnd CONGESTION"},
		config.MixTransfer: {"BlindTransfer Success", "BlindTransfer Invalid", "AttendedTransfer Success Bridge", "AttendedTransfer Success Threeway",
			"AttendedTransfer Fail Fail", "BridgeMerge", "ParkedCall", "UnParkedCall", "ParkedCallTimeOut", "ParkedCallGiveUp", "LocalOptimizationEnd"},
	} {
		for i := range *seeds {
			traffic := config.Traffic{CallsPerSecond: 20, Mix: mix, Seed: *seed0 + uint64(i) + 1}
			t.Run(fmt.Sprint(mix, traffic.Seed), func(t *testing.T) {
				t.Parallel()
				one := runLoad(t, traffic)
				for _, name := range wanted {
					if one.seen[name] == 0 {
						t.Errorf("no %s", name)
					}
				}
				dialled := one.seen["DialEnd ANSWER"] + one.seen["DialEnd BUSY"] + one.seen["DialEnd NOANSWER"] + one.seen["DialEnd CANCEL"] + one.seen["DialEnd CONGESTION"]
				if share := 100 * one.seen["DialEnd ANSWER"] / dialled; share < 45 || share > 80 {
					t.Errorf("%d %% are answered", share)
				}
				if i == 0 && !bytes.Equal(one.stream.Sum(nil), runLoad(t, traffic).stream.Sum(nil)) {
					t.Error("the same seed, another stream")
				}
				t.Log(one.seen)
			})
		}
	}
}
