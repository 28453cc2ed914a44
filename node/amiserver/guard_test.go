package amiserver

import (
	"context"
	"testing"

	"github.com/amibus/amibus/proto/ami"
)

// The node's user at its Asterisk may do all, so what Asterisk refuses to users without class system must be refused here
// (ami/behaviour.md 16.4, 16.7).
//
//ami:same 16.4 16.7
func TestGuard(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	f.node.run = func(_ context.Context, _ Caller, action *ami.Message, send func([]byte) error) error {
		return send(ami.New("Response", "Success", "Message", "ran").Bytes())
	}
	const (
		originate = "Originate Access Forbidden: app or data blacklisted"
		getvar    = "GetVar Access Forbidden: Variable"
		status    = "Status Access Forbidden: Variables"
	)
	limited, calls, admin := f.quiet(t, "limited"), f.quiet(t, "calls"), f.quiet(t, "admin")
	for _, c := range []struct {
		who    *client
		action []string
		want   string
	}{
		{limited, []string{"Action: Originate", "Application: System", "Data: id"}, originate},
		{limited, []string{"action: ORIGINATE", "application: trySYSTEM"}, originate},
		{limited, []string{"Action:", "Action: Originate", "Application: ExecIf"}, originate},
		{limited, []string{"Action: Originate", "Application: EAGI"}, originate},
		{limited, []string{"Action: Originate", "Application: MixMonitor"}, originate},
		{limited, []string{"Action: Originate", "Application: ExternalIVR"}, originate},
		{limited, []string{"Action: Originate", "Application: Originate"}, originate},
		{limited, []string{"Action: Originate", "Application: DBdeltree"}, originate},
		{limited, []string{"Action: Originate", "Application: NoOp", "Data: ${SHELL(id)}"}, originate},
		{limited, []string{"Action: Originate", "Application: NoOp", "Data: ${EVAL(x)}"}, originate},
		{limited, []string{"Action: Originate", "Application: NoOp", "Data: ${FILE(/etc/passwd)}"}, originate},
		{limited, []string{"Action: Originate", "Application: Playback", "Data: shell"}, "ran"},
		{limited, []string{"Action: Originate", "Context: system", "Exten: exec", "Priority: 1"}, "ran"},
		{calls, []string{"Action: Getvar", "Variable: SHELL(id)"}, getvar},
		{calls, []string{"Action: Getvar", "Variable: EVAL(x)"}, getvar},
		{calls, []string{"Action: Getvar", "Variable: shell"}, "ran"},
		{calls, []string{"Action: Status", "Variables: a,SHELL(id)"}, status},
		{calls, []string{"Action: Status", "Variables: a,b"}, "ran"},
		{limited, []string{"Action: Originate", "Application: Queue", "Data: sales,n,,,60,script.agi"}, originate},
		{limited, []string{"Action: Originate", "Application: Queue", "Data: sales,n,,,60,,gosub"}, "ran"},
		{limited, []string{"Action: Originate", "Application: Wait", "Variable: a=1,SHELL(id)=x"}, "Originate Access Forbidden: Variable"},
		{limited, []string{"Action: Originate", "Application: Wait", "Variable: a=SHELL"}, "ran"},
		{calls, []string{"Action: Setvar", "Variable: EVAL(id)", "Value: x"}, "SetVar Access Forbidden: Variable"},
		{calls, []string{"Action: Setvar", "Variable: a", "Value: SHELL(id)"}, "ran"},
		{admin, []string{"Action: Command", "Command: module  LOAD app_system.so"}, "Command blacklisted"},
		{admin, []string{"Action: Command", "Command: restart gracefully"}, "Command blacklisted"},
		{admin, []string{"Action: Command", "Command: restart now"}, "ran"},
		{admin, []string{"Action: Setvar", "Variable: SHELL(id)", "Value: x"}, "ran"},
		{admin, []string{"Action: Originate", "Application: System"}, "ran"},
		{admin, []string{"Action: Getvar", "Variable: SHELL(id)"}, "ran"},
		{admin, []string{"Action: Status", "Variables: SHELL(id)"}, "ran"},
	} {
		c.who.say(c.action...)
		want := "Response: Error|Message: " + c.want
		if c.want == "ran" {
			want = "Response: Success|Message: ran"
		}
		if got := c.who.next(); got != want {
			t.Errorf("%q: %s, want %s", c.action, got, want)
		}
	}
}
