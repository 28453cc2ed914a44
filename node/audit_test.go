package node

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
)

// TestAudit: what changes something is accounted for at the entry, with user, address, owner and outcome, and without values; if another node
// ran it, security events tell of it everywhere. What only reads is not.
func TestAudit(t *testing.T) {
	t.Parallel()
	c, log := newTestCluster(t, 10*time.Second), &lockedBuffer{}
	c.source, c.log = config.Source{Kind: config.KindEngine}, log
	c.engines("alpha", "bravo")
	auditor, err := login(t, c.nodes[1].AMI(), "plain")
	if err != nil {
		t.Fatal(err)
	}
	alpha, bravo := c.client(t, "alpha"), c.client(t, "bravo")
	bravo.call(t, "answer", "one")
	eventually(t, "alpha knows the call", func() bool { return c.nodes[0].owners.Stats().Channels == 2 })
	alpha.ask(t, "Action: Getvar", "Channel: one", "Variable: X")
	alpha.ask(t, "Action: Setvar", "Channel: one", "Variable: PIN", "Value: 4711")
	alpha.ask(t, "Action: Setvar", "Variable: HERE", "Value: 4711")
	alpha.ask(t, "Action: Setvar", "Channel: nobody", "Variable: X", "Value: 4711")
	alpha.ask(t, "Action: Hangup", "Channel: one")
	var told []string
	for len(told) < 2 {
		m, err := auditor.Decode()
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Get("Event")) == "ActionForwarded" {
			told = append(told, fmt.Sprintf("%s %s %s %s %s %s %s", m.Get("SystemName"), m.Get("User"), m.Get("ActionName"), m.Get("About"), m.Get("From"),
				m.Get("Nodes"), m.Get("Outcome")))
			if host, _, _ := strings.Cut(string(m.Get("Address")), ":"); host != "127.0.0.1" {
				t.Errorf("%q", m.Bytes())
			}
		}
	}
	if want := "[alpha plain Setvar one default/alpha default/bravo success alpha plain Hangup one default/alpha default/bravo success]"; fmt.Sprint(told) != want {
		t.Errorf("told %v, want %s", told, want)
	}
	var lines []string
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "component=audit") && strings.Contains(line, "at=alpha") {
			_, rest, _ := strings.Cut(line, "action=")
			rest, _, _ = strings.Cut(rest, " ms=")
			lines = append(lines, rest)
		}
	}
	want := []string{"Setvar about=one nodes=default/bravo outcome=success", `Setvar about="" nodes=default/alpha outcome=success`,
		`Setvar about=nobody nodes="" outcome=refused`, "Hangup about=one nodes=default/bravo outcome=success"}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") || strings.Contains(log.String(), "4711") {
		t.Errorf("audit:\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

// TestOutcomeOfAnAnswer reads it off any answer, whole or not.
func TestOutcomeOfAnAnswer(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		"":                          "unknown no answer",
		"Response: Success\r\n\r\n": "success ",
		"Response: Goodbye\r\n\r\n": "success ",
		"Response: Success\r\nMessage: " + strings.Repeat("x", 2000) + "\r\n\r\n":     "success ",
		"Response: Error\r\nMessage: No such channel\r\n\r\nmore":                     "refused No such channel",
		"Response: Error\r\nMessage: Node b is gone\r\nOutcome: not executed\r\n\r\n": "not executed Node b is gone",
	} {
		a := &account{action: ami.New("Action", "Hangup")}
		if err := a.listen(func([]byte) error { return nil })([]byte(answer)); err != nil {
			t.Fatal(err)
		}
		if outcome, why := a.outcome(nil); outcome+" "+why != want {
			t.Errorf("%.60q: %s %s, want %s", answer, outcome, why, want)
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
