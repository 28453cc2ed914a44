package actions

import (
	"testing"

	"github.com/amibus/amibus/proto/ami"
)

func TestReads(t *testing.T) {
	t.Parallel()
	for name := range reads {
		if a := Lookup(name); a == nil || a.Name != name {
			t.Errorf("there is no action %s", name)
		}
	}
	for _, k := range []struct {
		action        []string
		reads, shared bool
	}{
		{[]string{"Action", "coreshowchannels"}, true, true},
		{[]string{"Action", "Status", "Channel", "x"}, true, true},
		{[]string{"Action", "Status", "Variables", "A,B"}, true, true},
		{[]string{"Action", "Status", "Variables", "A,DB_DELETE(f/k)"}, false, false},
		{[]string{"Action", "GETVAR", "Variable", "X"}, true, false},
		{[]string{"Action", "Getvar", "Variable", "SHELL(date)"}, false, false},
		{[]string{"Action", "BridgeInfo", "BridgeUniqueid", "x"}, true, false},
		{[]string{"Action", "Setvar", "Variable", "X"}, false, false},
		{[]string{"Action", "Hangup", "Channel", "/x/"}, false, false},
		{[]string{"Action", "Command", "Command", "core show channels"}, false, false},
		{[]string{"Action", "QueueAdd"}, false, false},
		{[]string{"Action", "Unheard"}, false, false},
	} {
		if a := ami.New(k.action...); Reads(a) != k.reads || Shared(a) != k.shared {
			t.Errorf("%s: reads %v, shared %v", k.action, Reads(a), Shared(a))
		}
	}
}
