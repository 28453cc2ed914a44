package ami_test

import (
	"testing"

	"github.com/amibus/amibus/proto/ami"
)

// TestPrivilege: class names in bit order, then all; <none> for none.
//
//ami:same 6.9
func TestPrivilege(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		class ami.Class
		ok    bool
	}{ // ami/behaviour.md 6.9
		{"call,all", ami.ClassCall, true},
		{"dialplan,all", ami.ClassDialplan, true},
		{"cdr,all", ami.ClassCDR, true},
		{"user,all", ami.ClassUser, true},
		{"agent,all", ami.ClassAgent, true},
		{"system,all", ami.ClassSystem, true},
		{"security,all", ami.ClassSecurity, true},
		{"reporting,all", ami.ClassReporting, true},
		{"aoc,all", ami.ClassAOC, true},
		{"message,all", ami.ClassMessage, true},
		{"system,user,all", ami.ClassSystem | ami.ClassUser, true},
		{"call,reporting,all", ami.ClassCall | ami.ClassReporting, true},
		{"<none>", ami.ClassNone, true},
		{"", 0, false},
		{"all", 0, false},
		{"call", 0, false},
		{"Call", 0, false}, // items of Status (4.7)
		{"call,all ", 0, false},
		{"call,all,all", 0, false},
		{"call,call,all", 0, false},
		{"user,call,all", 0, false},
		{"call,root,all", 0, false},
		{",all", 0, false},
		{"<none>,all", 0, false},
	} {
		got, ok := ami.ParsePrivilege([]byte(c.text))
		if got != c.class || ok != c.ok {
			t.Errorf("%q is %b, %t, want %b, %t", c.text, got, ok, c.class, c.ok)
		}
		if text := string(c.class.AppendPrivilege(nil)); c.ok && text != c.text {
			t.Errorf("%q is written as %q", c.text, text)
		}
	}
}

// TestClass: the bits of the classes.
//
//ami:same 6.1
func TestClass(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		class ami.Class
		first string
	}{ // ami/behaviour.md 6.1
		{ami.ClassNone, "none"},
		{ami.ClassSystem, "system"},
		{ami.ClassCall | ami.ClassReporting, "call"},
		{ami.ClassMessage, "message"},
		{1 << 20, "all"},
		{2147483647, "system"},
	} {
		if got := c.class.First(); got != c.first {
			t.Errorf("%b starts with %q, want %q", c.class, got, c.first)
		}
	}
	for name, want := range map[string]ami.Class{"system": 1, "security": 1 << 18, "message": 1 << 30, "all": 2147483647} {
		if got, ok := ami.ClassNamed(name); got != want || !ok {
			t.Errorf("%s is %d, %t", name, got, ok)
		}
	}
	for _, name := range []string{"", "System", "none", "root", "cal"} {
		if got, ok := ami.ClassNamed(name); ok {
			t.Errorf("%q is %d", name, got)
		}
	}
}
