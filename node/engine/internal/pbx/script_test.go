package pbx

import (
	"slices"
	"testing"
	"time"
)

// TestScriptedByVariables: who is dialled behaves as inherited variables say.
func TestScriptedByVariables(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		name, set string
		status    string // DIALSTATUS
		after     time.Duration
	}{
		{"as configured", "NoOp(x)", "ANSWER", 0},
		{"rings", "Set(__SIM_RING=2)", "ANSWER", 2 * time.Second},
		{"busy", "Set(__SIM_RESULT=busy)", "BUSY", 0},
		{"congestion", "Set(__SIM_RESULT=CONGESTION)", "CONGESTION", 0},
		{"no answer", "Set(__SIM_RESULT=no-answer)", "NOANSWER", 20 * time.Second},
		{"rejected", "Set(__SIM_RESULT=reject); Set(__SIM_CAUSE=17); Set(__SIM_RING=1)", "BUSY", time.Second},
		{"forwarded", "Set(__SIM_FORWARD=Local/busy@x)", "BUSY", 0},
		{"not inherited", "Set(SIM_RESULT=busy)", "ANSWER", 0},
		{"nonsense", "Set(__SIM_RESULT=maybe); Set(__SIM_RING=soon); Set(__SIM_DTMF=x)", "ANSWER", 0},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, Config{Dialplan: parsePlan("[x]\ncall: " + k.set + "; Dial(Sim/phone,20,g); NoOp(x)\nbusy: Busy(1)\n")})
			w.do(Incoming{Endpoint: "me", Context: "x", Exten: "call"})
			status := func() string {
				for _, c := range w.p.all() {
					if c.name == "Sim/me-00000000" {
						return c.vars.get("DIALSTATUS")
					}
				}
				return "gone"
			}
			began := w.now
			for w.now.Sub(began) < 25*time.Second && !slices.Contains([]string{k.status, "gone"}, status()) {
				w.run(100 * time.Millisecond)
			}
			if took := w.now.Sub(began); status() != k.status && status() != "gone" || took < k.after || took > k.after+500*time.Millisecond {
				t.Errorf("%s after %v, want %s after %v", status(), took, k.status, k.after)
			}
		})
	}
}
