package engine

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/verify"
)

// loaded makes an engine that makes calls by itself, and hand is given what it says.
func loaded(tb testing.TB, mix string, rate float64, hand func([]Event)) *Engine {
	var log bytes.Buffer
	e, err := New(Config{SystemName: "alpha", Settings: config.Engine{Seed: 7, Load: config.Traffic{CallsPerSecond: rate, Mix: mix}},
		Log: slog.New(slog.NewTextHandler(&log, nil))})
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

// TestLoad: what the generator does breaks no rule of order, has all that its mix is made of, and is the same each time.
func TestLoad(t *testing.T) {
	t.Parallel()
	for mix, wanted := range map[string][]string{
		config.MixOffice: {"Newchannel", "DialBegin", "DialEnd", "BridgeEnter", "Hold", "Unhold", "DTMFEnd", "UserEvent", "LocalBridge",
			"LocalOptimizationEnd", "OriginateResponse", "MusicOnHoldStart", "BlindTransfer", "ParkedCall", "AttendedTransfer"},
		config.MixTransfer: {"BlindTransfer", "AttendedTransfer", "ParkedCall", "UnParkedCall", "ParkedCallTimeOut", "LocalOptimizationEnd"},
	} {
		t.Run(mix, func(t *testing.T) {
			t.Parallel()
			run := func() (string, map[string]int) {
				var stream strings.Builder
				seen := map[string]int{}
				checker := verify.New(verify.Config{Report: func(v verify.Violation) { t.Errorf("%v", v) }})
				e := loaded(t, mix, 20, func(events []Event) {
					for i := range events {
						m, err := ami.ParseMessage(events[i].Text)
						if err != nil {
							t.Fatal(err)
						}
						checker.Next(m)
						seen[events[i].Name]++
						stream.Write(events[i].Text)
					}
				})
				e.advance(time.Unix(1_700_000_000, 0), 90*time.Second)
				checker.End(false)
				if s := e.Stats(); s.Refused+s.DroppedFrames > 0 || e.load.Stats().LeftOut > 0 {
					t.Errorf("%+v %+v", s, e.load.Stats())
				}
				return stream.String(), seen
			}
			one, seen := run()
			for _, name := range wanted {
				if seen[name] == 0 {
					t.Errorf("no %s", name)
				}
			}
			if two, _ := run(); one != two {
				t.Error("the same seed, another stream")
			}
			t.Log(fmt.Sprint(len(one), " bytes, ", seen))
		})
	}
}
