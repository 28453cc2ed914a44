package node

import (
	"bytes"
	"sync/atomic"
	"time"

	"github.com/amibus/amibus/node/actions"
	"github.com/amibus/amibus/node/admin"
	"github.com/amibus/amibus/proto/ami"
)

// actionScopes are all there are.
var actionScopes = [...]ami.Scope{ami.ScopeNode, ami.ScopeSession, ami.ScopeChannel, ami.ScopeChannelOrNode, ami.ScopeBridge, ami.ScopeOriginate,
	ami.ScopeClusterList, ami.ScopeOwnerLookup, ami.ScopeBroadcastSafe, ami.ScopeLocalPublish, scopeUnknown}

const scopeUnknown ami.Scope = "unknown" // of an action that is not in the table

// What came of an action.
const (
	outcomeSuccess     = iota
	outcomeRefused     // by the Asterisk, or because it cannot be routed
	outcomeNotExecuted // an attempt was made, and it is certain that it did not run
	outcomeUnknown     // it may have run or not, or the answer broke off
)

var outcomes = [...]string{"success", "refused", "not executed", "unknown"}

// actionMeter counts the actions that clients of this node gave to it, but for those about their own session.
type actionMeter struct {
	counts [len(actionScopes)][len(outcomes)]atomic.Uint64
	took   [len(actionScopes)]func(seconds float64)
}

// meter measures one action.
type meter struct {
	begun   time.Time
	outcome int
	heard   bool
}

// listen returns a send that looks at the begin of the answer.
func (m *meter) listen(send func([]byte) error) func([]byte) error {
	m.outcome = outcomeUnknown
	return func(piece []byte) error {
		if !m.heard {
			m.heard, m.outcome = true, outcomeOf(piece)
		}
		return send(piece)
	}
}

func outcomeOf(answer []byte) int {
	if !bytes.HasPrefix(answer, []byte("Response: Error\r\n")) {
		return outcomeSuccess
	}
	first, _, _ := bytes.Cut(answer, []byte("\r\n\r\n"))
	_, outcome, _ := bytes.Cut(first, []byte("\r\nOutcome: "))
	outcome, _, _ = bytes.Cut(outcome, []byte("\r\n"))
	switch string(outcome) {
	case "not executed":
		return outcomeNotExecuted
	case "unknown":
		return outcomeUnknown
	}
	return outcomeRefused
}

// count counts an action that has been measured.
func (a *actionMeter) count(action *ami.Message, m *meter, err error) {
	if err != nil {
		m.outcome = outcomeUnknown
	}
	s := len(actionScopes) - 1
	if known := actions.Lookup(action.Action()); known != nil {
		for i, scope := range actionScopes {
			if scope == known.Scope {
				s = i
			}
		}
	}
	a.counts[s][m.outcome].Add(1)
	a.took[s](time.Since(m.begun).Seconds())
}

// newActionMeter registers what it counts. All there can be is there from the beginning: Prometheus does not see a counter begin at 1.
func newActionMeter(a *admin.Server) *actionMeter {
	m := &actionMeter{}
	for i, scope := range actionScopes {
		m.took[i] = a.Histogram("amibus_action_seconds", "How long an action took, from its arrival to the end of its answer.", map[string]string{"scope": string(scope)},
			[]float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .5, 2.5, 10, 60})
	}
	a.CollectFunc("amibus_actions_total", "Actions of this node's clients, but for those that it answers itself, by what they are about (docs/actions.md) and what came of them.",
		admin.Counter, []string{"scope", "outcome"}, func(emit func(float64, ...string)) {
			for s, scope := range actionScopes {
				for o, outcome := range outcomes {
					emit(float64(m.counts[s][o].Load()), string(scope), outcome)
				}
			}
		})
	return m
}
