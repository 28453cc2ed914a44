package verify_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
)

// mutations change one event of a stream. It returns nil where that would change nothing that a rule is about.
var mutations = map[string]func(all []sent, i int) []sent{
	"drop":   func(all []sent, i int) []sent { return slices.Delete(slices.Clone(all), i, i+1) },
	"double": func(all []sent, i int) []sent { return slices.Insert(slices.Clone(all), i, all[i]) },
	"swap": func(all []sent, i int) []sent { // with the next event of the same channel or bridge
		for j := i + 1; j < min(len(all), i+200); j++ {
			if isEvent(all[j]) && !slices.Contains(beside, eventName(all[j])) && subject(all[i]) != "" && subject(all[j]) == subject(all[i]) {
				all = slices.Clone(all)
				all[i], all[j] = all[j], all[i]
				return all
			}
		}
		return nil
	},
}

func isEvent(m sent) bool { return !m.action && capture.IsEvent(m.Message) }

// subject is what an event is about, "" if nothing.
func subject(m sent) string {
	for _, name := range []string{"BridgeUniqueid", "Uniqueid", "DestUniqueid", "LocalOneUniqueid"} {
		if v := m.Get(name); len(v) > 0 {
			return string(v)
		}
	}
	return ""
}

// beside are events whose place means nothing.
var beside = []string{"CEL", "Cdr", "OriginateResponse", "UserEvent", "ParkedCall", "ParkedCallGiveUp", "AgentComplete"}

// structural events are those whose place the rules are about. A VarSet, a Newexten or a change of caller id may be missing, and may
// come twice.
var structural = []string{"Newchannel", "Hangup", "DialBegin", "DialEnd", "BridgeCreate", "BridgeDestroy", "BridgeEnter", "BridgeLeave"}

// TestMutations: random changes of what an Asterisk sent are noticed. The floors are what is reached, less a little. What is missing from
// a recording of two calls may have begun before it; "all" are mostly CEL, VarSet and the like, of which nothing is promised.
func TestMutations(t *testing.T) {
	t.Parallel()
	all, err := allCaptures()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name                string
		structural, stamps  bool
		drop, double, swaps float64
	}{
		{"structural", true, false, 0.65, 0.95, 0.55},
		{"all", false, false, 0.08, 0.25, 0.15},
		{"structural, with Timestamp", true, true, 0.65, 0.98, 0.9},
		{"all, with Timestamp", false, true, 0.08, 0.5, 0.6},
	} {
		floors := map[string]float64{"drop": tt.drop, "double": tt.double, "swap": tt.swaps}
		for name, mutate := range mutations {
			rnd := rand.New(rand.NewPCG(1, 2))
			tried, noticed := 0, 0
			missed := map[string]int{}
			for _, c := range all {
				stream := messages(c)
				if len(stream) > 2000 { // the busy ones would be all there is
					continue
				}
				if !tt.stamps {
					stream = withoutTimestamp(stream)
				}
				_, busy := busyAtTheEnd[c.Scenario+"/"+c.Instance]
				for range 20 {
					i := rnd.IntN(max(1, len(stream)))
					if len(stream) == 0 || !isEvent(stream[i]) || tt.structural && !slices.Contains(structural, eventName(stream[i])) {
						continue
					}
					mutated := mutate(stream, i)
					if mutated == nil {
						continue
					}
					tried++
					if run(mutated, !busy, nil) > 0 {
						noticed++
					} else {
						missed[eventName(stream[i])]++
					}
				}
			}
			share := float64(noticed) / float64(max(1, tried))
			t.Logf("%s: %-6s %4d of %4d noticed: %.2f; not noticed: %v", tt.name, name, noticed, tried, share, missed)
			if tried < 100 || share < floors[name] {
				t.Errorf("%s: %s: %d of %d noticed, should be %.2f of 100 at least", tt.name, name, noticed, tried, floors[name])
			}
		}
	}
}

func eventName(m sent) string { return string(m.Get("Event")) }

func withoutTimestamp(all []sent) []sent {
	out := make([]sent, len(all))
	for i, m := range all {
		out[i] = m
		if m.action || m.Len() < 3 || !strings.HasPrefix(string(m.Line(2)), "Timestamp: ") {
			continue
		}
		var bare ami.Message
		m.Replace(&bare, 2, nil)
		out[i].Message = &bare
	}
	return out
}
