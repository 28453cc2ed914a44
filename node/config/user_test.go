package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami"
)

// only returns the user u of a manager.conf with that section.
func only(t *testing.T, section string) (*User, *Manager) {
	t.Helper()
	m := loadManager(t, "[u]\n"+section)
	u, ok := m.User("u")
	if !ok {
		t.Fatal("there is no user u")
	}
	return u, m
}

// TestUserDefaults: a section with a secret alone sees and does nothing, is not restricted otherwise, and has no filters.
//
//ami:same 6.10
func TestUserDefaults(t *testing.T) {
	t.Parallel()
	u, m := only(t, "secret=s\n")
	if u.Read != 0 || u.Write != 0 || !u.AllowMultipleLogin || !u.DisplayConnects {
		t.Errorf("%+v", u)
	}
	if u.Filter == nil || !u.Filter.Empty() || u.Setvar != nil || u.Scope != ScopeCluster || u.Nodes != nil || u.Actions != nil {
		t.Errorf("%+v", u)
	}
	if len(m.Warnings) > 0 {
		t.Errorf("%v", m.Warnings)
	}
}

// TestSetvar: in the order of the file; of one name the first counts, as in Asterisk, and 255 bytes at most.
func TestSetvar(t *testing.T) {
	t.Parallel()
	long := "L=" + strings.Repeat("x", 300)
	u, m := only(t, "secret=s\nsetvar = A=1,2\nsetvar=B=\nsetvar=A=3\nsetvar=nothing\nsetvar="+long+"\n")
	if want := []string{"A=1,2", "B=", long[:255]}; !slices.Equal(u.Setvar, want) {
		t.Errorf("%q", u.Setvar)
	}
	if len(m.Warnings) != 3 {
		t.Errorf("%v", m.Warnings)
	}
}

// TestEventFilter: both forms are taken; what is wrong is told with its line and left out.
//
//ami:same 8.16
func TestEventFilter(t *testing.T) {
	t.Parallel()
	u, m := only(t, "secret=s\neventfilter=Event: (Newchannel|Hangup)\neventfilter=!Channel: Local/\nEventFilter(name(VarSet)) =\n"+
		"eventfilter(header(Channel),method(regexp)) = x\neventfilter=(\n")
	for text, want := range map[string]bool{
		"Event: Newchannel\r\nChannel: PJSIP/1\r\n\r\n": true,
		"Event: Newchannel\r\nChannel: Local/1\r\n\r\n": false,
		"Event: VarSet\r\n\r\n":                         true,
		"Event: Newstate\r\n\r\n":                       false,
	} {
		name, _, _ := strings.Cut(strings.TrimPrefix(text, "Event: "), "\r\n")
		if got := u.Filter.Pass(0, []byte(name), []byte(text)); got != want {
			t.Errorf("%q passes: %v", text, got)
		}
	}
	if len(m.Warnings) != 2 || m.Warnings[0].Line != 6 || m.Warnings[1].Line != 7 {
		t.Errorf("%v", m.Warnings)
	}
}

// TestReach: the settings that only amibus has.
func TestReach(t *testing.T) {
	t.Parallel()
	u, m := only(t, "secret=s\nscope=site\nnodes=alpha, west/bravo\nnodes=alpha\nactions=PING,clusternodes\nactions=Logoff\n")
	if u.Scope != ScopeSite || !slices.Equal(u.Nodes, []string{"alpha", "west/bravo"}) {
		t.Errorf("%+v", u)
	}
	if len(u.Actions) != 3 || !u.Actions["ping"] || !u.Actions["clusternodes"] || !u.Actions["logoff"] {
		t.Errorf("%v", u.Actions)
	}
	if len(m.Warnings) > 0 {
		t.Errorf("%v", m.Warnings)
	}
	if u, _ := only(t, "secret=s\nscope=node\nendings=no\nambiguous=error\n"); u.Scope != ScopeNode || u.Endings || u.AmbiguousOwn {
		t.Errorf("%+v", u)
	}
}

func TestKnownAction(t *testing.T) {
	t.Parallel()
	for name, nearest := range map[string]string{
		"pong": "Ping", "originat": "Originate", "CoreShowChanels": "CoreShowChannels", "EventCursr": "EventCursor",
	} {
		if near, known := knownAction(name); known || near != nearest {
			t.Errorf("%s: %s, %v", name, near, known)
		}
	}
	for _, a := range ami.Actions() {
		if _, known := knownAction(strings.ToUpper(a.Name)); !known {
			t.Errorf("%s is not known", a.Name)
		}
	}
}
