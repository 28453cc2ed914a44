package ami_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami"
)

func TestLookupAction(t *testing.T) {
	t.Parallel()
	want := ami.Action{Name: "AbsoluteTimeout", Synopsis: "Set the time after which a channel is hung up.",
		Class: ami.ClassSystem | ami.ClassCall, Scope: ami.ScopeChannel}
	for _, name := range []string{"AbsoluteTimeout", "absolutetimeout", "ABSOLUTETIMEOUT"} {
		if got, ok := ami.LookupAction(name); !ok || got != want {
			t.Errorf("%s: %+v, %t", name, got, ok)
		}
	}
	for _, name := range []string{"", "Pin", "Pingg", "ping ", "A", "zzz", "P\xefng"} {
		if got, ok := ami.LookupAction(name); ok {
			t.Errorf("%q is %+v", name, got)
		}
	}
	for _, c := range []struct {
		name   string
		class  ami.Class
		scope  ami.Scope
		only12 bool
	}{
		{"Ping", ami.ClassNone, ami.ScopeSession, false},
		{"CoreShowChannels", ami.ClassSystem | ami.ClassReporting, ami.ScopeClusterList, false},
		{"UserEvent", ami.ClassUser, ami.ScopeLocalPublish, false},
		{"DataGet", ami.ClassNone, ami.ScopeNode, true},
	} {
		if a, ok := ami.LookupAction(c.name); !ok || a.Class != c.class || a.Scope != c.scope || a.Only12 != c.only12 {
			t.Errorf("%s: %+v, %t", c.name, a, ok)
		}
	}
}

func TestActions(t *testing.T) {
	t.Parallel()
	all := ami.Actions()
	if !slices.IsSortedFunc(all, func(a, b ami.Action) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) }) {
		t.Error("not sorted without case")
	}
	for i, a := range all {
		if got, ok := ami.LookupAction(a.Name); !ok || got != a {
			t.Errorf("%s is found as %+v", a.Name, got)
		}
		if a.Synopsis == "" || a.Scope == "" || i > 0 && strings.EqualFold(a.Name, all[i-1].Name) {
			t.Errorf("bad entry %+v", a)
		}
	}
	all[0].Name = "changed"
	if ami.Actions()[0].Name == "changed" {
		t.Error("the table can be changed from outside")
	}
}

// TestActionsOfAsterisk compares names and classes with what an Asterisk lists (ami/behaviour.md 4.11).
//
//ami:same 4.11
func TestActionsOfAsterisk(t *testing.T) {
	t.Parallel()
	answers, _ := decodeAll(ami.NewDecoder(bytes.NewReader(recording(t, "malformed-pipelined/alpha.ami")), ami.Client))
	i := slices.IndexFunc(answers, func(m decoded) bool { return string(m.Get("ActionID")) == "s2" })
	if i < 0 || answers[i].Len() < 100 {
		t.Fatal("no answer to ListCommands")
	}
	last := ""
	for n := 2; n < answers[i].Len(); n++ {
		name, value, _ := answers[i].Field(n)
		_, privilege, _ := bytes.Cut(value, []byte("  (Priv: "))
		a, ok := ami.LookupAction(string(name))
		if !ok || a.Name != string(name) || a.Only12 || string(a.Class.AppendPrivilege(nil))+")" != string(privilege) {
			t.Errorf("Asterisk has %s, %s; the table has %+v", name, privilege, a)
		}
		if strings.ToLower(a.Name) <= last {
			t.Errorf("%s is not behind %s", a.Name, last)
		}
		last = strings.ToLower(a.Name)
	}
}
