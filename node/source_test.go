package node

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/stasis"
	"github.com/amibus/amibus/node/owner"
	"github.com/amibus/amibus/node/standby"
	"github.com/amibus/amibus/node/upstream"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/wire"
	"github.com/amibus/amibus/translator"
)

func userEvent(i int) *ami.Message {
	return ami.New("Event", "UserEvent", "Privilege", "user,all", "UserEvent", fmt.Sprint(i))
}

// newSourceAlone returns a source of a node without anything else, and what it publishes.
func newSourceAlone() (s *source, published *[]string) {
	n := &Node{self: merge.Node{Site: "default", Name: "alpha"}, epoch: 5, log: slog.New(slog.DiscardHandler), patience: 10 * time.Millisecond,
		fatal: make(chan error, 1), manager: stasis.NewTopic[wire.Entry]("manager"), owners: owner.New(owner.Config{})}
	n.origin.Store(&translator.Origin{Node: "alpha"})
	n.intake, n.source = newIntake(n), newSource(n)
	published = new([]string)
	n.manager.Handle(func(entries []wire.Entry) {
		for i := range entries {
			*published = append(*published, string(entries[i].AMI()))
		}
	})
	return n.source, published
}

// TestHeldEvents: events that come before it is decided who publishes wait, in order, and more than fit decide at once.
func TestHeldEvents(t *testing.T) {
	t.Parallel()
	s, got := newSourceAlone()
	s.logins = 1 // this is not the first link
	s.loggedIn(time.Unix(1700000000, 5000))
	total := 0
	for ; total < 10; total++ {
		s.event(userEvent(total))
	}
	if s.publishing.Load() || len(s.queue) != 10 {
		t.Fatal("not held")
	}
	for ; total < holdEvents+10; total++ {
		s.event(userEvent(total))
	}
	if !s.publishing.Load() || s.queue != nil {
		t.Fatal("too many, and not decided")
	}
	if len(*got) != total+1 {
		t.Fatalf("%d of %d events", len(*got), total+1)
	}
	want := "Event: Discontinuity\r\nPrivilege: system,all\r\nSystemName: alpha\r\nNode: default/alpha\r\nReason: link lost\r\nSince: 1700000000.000005\r\n\r\n"
	if (*got)[0] != want {
		t.Errorf("first\n%s\nwant\n%s", (*got)[0], want)
	}
	for i, text := range (*got)[1:] {
		if !strings.Contains(text, fmt.Sprintf("\r\nUserEvent: %d\r\n", i)) {
			t.Fatalf("event %d is\n%s", i, text)
		}
	}
}

// TestConflictOfSystemnames: the newcomer gives up when its patience is over; one that has published before only says so.
func TestConflictOfSystemnames(t *testing.T) {
	t.Parallel()
	for i := range 2 {
		s, _ := newSourceAlone()
		s.settled = i > 0
		s.logins = 2 // a link that flaps makes nobody less of a newcomer
		s.loggedIn(time.Time{})
		s.event(userEvent(1))
		s.mark, s.system = "11111111", "pbx"
		s.others = []standby.Node{{Site: "default", Name: "twin", Epoch: 1, Mark: "22222222", Systemname: "pbx", Publishing: true}}
		s.mu.Lock()
		s.settle()
		s.mu.Unlock()
		<-time.After(20 * time.Millisecond)
		s.mu.Lock()
		s.decide()
		s.mu.Unlock()
		if s.publishing.Load() || s.conflicting.Load() != 1 {
			t.Errorf("link %d: publishing %v, %d dropped", i+1, s.publishing.Load(), s.conflicting.Load())
		}
		select {
		case err := <-s.n.fatal:
			if i > 0 || !strings.Contains(err.Error(), s.n.self.String()) || !strings.Contains(err.Error(), "default/twin") {
				t.Errorf("link %d: %v", i+1, err)
			}
		default:
			if i == 0 {
				t.Error("the newcomer goes on")
			}
		}
	}
}

// TestEventsOfALostLink: what was heard before the link broke is published, though it was not decided yet.
func TestEventsOfALostLink(t *testing.T) {
	t.Parallel()
	s, got := newSourceAlone()
	s.loggedIn(time.Time{})
	s.event(userEvent(1))
	s.loggedOut()
	s.loggedIn(time.Now())
	s.identified(upstream.Identity{Mark: "11111111", SystemName: "pbx"})
	s.event(userEvent(2))
	if len(*got) != 3 || !strings.Contains((*got)[0], "UserEvent: 1") || !strings.Contains((*got)[1], "Reason: link lost") ||
		!strings.Contains((*got)[2], "UserEvent: 2") {
		t.Errorf("published: %q", *got)
	}
}
