package ami_test

import (
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami"
)

func TestReplace(t *testing.T) {
	t.Parallel()
	const command = "Response: Follows\r\nPrivilege: Command\r\nActionID: a\r\nbare\nCRLF\r\n--END COMMAND--\r\n\r\n"
	for _, c := range []struct {
		name, in, header string
		line             []byte
		want             string
	}{
		{"longer", "A: 1\r\nB: 2\r\nC: 3\r\n\r\n", "b", []byte("B: twenty"), "A: 1\r\nB: twenty\r\nC: 3\r\n\r\n"},
		{"shorter", "A: 1\r\nB: twenty\r\nC: 3\r\n\r\n", "B", []byte("B:"), "A: 1\r\nB:\r\nC: 3\r\n\r\n"},
		{"left out", "A: 1\r\nB: 2\r\nC: 3\r\n\r\n", "B", nil, "A: 1\r\nC: 3\r\n\r\n"},
		{"last left out", "A: 1\r\nB: 2\r\n\r\n", "B", nil, "A: 1\r\n\r\n"},
		{"bare line feeds stay", command, "ActionID", []byte("ActionID: other"), strings.Replace(command, "ActionID: a", "ActionID: other", 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := ami.NewDecoder(strings.NewReader(c.in), ami.Client).Decode()
			if err != nil {
				t.Fatal(err)
			}
			var got ami.Message
			m.Replace(&got, m.Find(c.header), c.line)
			if string(got.Bytes()) != c.want {
				t.Fatalf("got %q, want %q", got.Bytes(), c.want)
			}
			again, err := ami.NewDecoder(strings.NewReader(c.want), ami.Client).Decode()
			if err != nil {
				t.Fatal(err)
			}
			if !got.Equal(again) {
				t.Errorf("lines do not agree with the bytes: %q", got.Bytes())
			}
		})
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	m := ami.New("Response", "Success", "ActionID", "1", "actionid", "2")
	if i := m.Find("ACTIONID"); i != 1 {
		t.Errorf("ActionID found at %d, want 1", i)
	}
	if i := m.Find("Action"); i != -1 {
		t.Errorf("Action found at %d, want -1", i)
	}
}

// TestActionIsTheFirstThatIsNotEmpty: XXX
//
//ami:same 2.10
func TestActionIsTheFirstThatIsNotEmpty(t *testing.T) { // ami/behaviour.md 2.10
	t.Parallel()
	m := ami.New("Action", "", "action", "UserEvent", "Action", "Hangup")
	if m.Action() != "UserEvent" || !m.IsAction("userevent") || m.IsAction("Hangup") || m.IsAction("") {
		t.Fatalf("Action() = %q", m.Action())
	}
	if none := ami.New("ActionID", "1"); none.Action() != "" {
		t.Fatalf("Action() = %q without one", none.Action())
	}
}
