package node

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/standby"
	"github.com/amibus/amibus/node/upstream"
	"github.com/amibus/amibus/proto/amibuspb"
)

// Another node, its Asterisk and ours.
const oneMark, otherMark = "11111111", "22222222"

var ours = upstream.Identity{Mark: oneMark, SystemName: "pbx"}

func twin(mark string) *amibuspb.Member {
	return &amibuspb.Member{Site: "default", Node: "twin", Epoch: 1, Mark: mark, Systemname: "pbx", Publishing: mark != ""}
}

func (s *source) see(others ...*amibuspb.Member) { s.membersChanged(others) }

// heardOf lets the twin have been heard of last at a time.
func (s *source) heardOf(at time.Time) {
	s.positions = func() []merge.Position {
		return []merge.Position{{Node: merge.Node{Site: "default", Name: "twin"}, Heard: time.Since(at)}}
	}
}

// declared returns reason and, in seconds of Unix time, Since of each Discontinuity, and the other events by their number.
func declared(published []string) (all []string) {
	for _, text := range published {
		field := func(name string) string {
			_, rest, _ := strings.Cut(text, "\r\n"+name+": ")
			value, _, _ := strings.Cut(rest, "\r\n")
			return value
		}
		if strings.HasPrefix(text, "Event: Discontinuity\r\n") {
			seconds, _, _ := strings.Cut(field("Since"), ".")
			all = append(all, strings.TrimSpace(field("Reason")+" "+seconds))
		} else {
			all = append(all, field("UserEvent"))
		}
	}
	return all
}

func wantDeclared(t *testing.T, what string, published []string, want ...string) {
	t.Helper()
	if got := declared(published); !slices.Equal(got, want) {
		t.Errorf("%s: published %d, which begin with %q, want %q", what, len(got), got[:min(len(got), 10)], want)
	}
}

// TestStandbyFlaps: a node that stands by and loses its link again before it knows the Asterisk leaves what it heard to the one that
// publishes, also if that is more than fits; not if that one is gone.
func TestStandbyFlaps(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		what   string
		before func(s *source)
		mark   string // of the twin while the link flaps
		events int
		want   []string
	}{
		{what: "standing by", mark: oneMark, events: 1},
		{what: "standing by, too many events", mark: oneMark, events: holdEvents + 5},
		{what: "the twin has lost its link", events: 1, want: []string{"link lost", "0"}},
	} {
		s, got := newSourceAlone()
		s.see(twin(oneMark))
		s.loggedIn(time.Time{})
		s.identified(ours)
		s.loggedOut()
		s.see(twin(tt.mark))
		s.loggedIn(time.Unix(1000, 0))
		for i := range tt.events {
			s.event(userEvent(i))
		}
		s.loggedOut()
		wantDeclared(t, tt.what, *got, tt.want...)
		if held := s.held.Load(); tt.want == nil && held != uint64(tt.events) {
			t.Errorf("%s: %d of %d held", tt.what, held, tt.events)
		}
		if tt.want != nil {
			continue
		}
		s.heardOf(time.Unix(900, 0))
		s.see()
		s.loggedIn(time.Unix(2000, 0))
		s.identified(ours)
		s.event(userEvent(7))
		wantDeclared(t, tt.what+", then the twin has died", *got, "link lost 900", "7")
	}
}

// TestTooManyAfterStandby: more events than fit, and then it turns out that the twin has gone: the loss is declared.
func TestTooManyAfterStandby(t *testing.T) {
	t.Parallel()
	s, got := newSourceAlone()
	s.see(twin(oneMark))
	s.loggedIn(time.Time{})
	s.identified(ours)
	s.loggedOut()
	s.loggedIn(time.Unix(1000, 0))
	for i := range holdEvents + 1 {
		s.event(userEvent(i))
	}
	s.heardOf(time.Unix(1001, 0))
	s.see()
	s.identified(ours)
	s.event(userEvent(7))
	wantDeclared(t, "after", *got, "link lost 1000", "7")
}

// TestSinceOfATakeover: nobody may have listened since the twin was heard of last, or since the own link was lost before that.
func TestSinceOfATakeover(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		died, lost int64 // lost: the own link
		want       string
	}{
		{died: 1000, want: "standby took over 1000"},
		{died: 1000, lost: 2000, want: "link lost 1000"},
		{died: 2000, lost: 1000, want: "link lost 1000"},
	} {
		s, got := newSourceAlone()
		s.see(twin(oneMark))
		s.loggedIn(time.Time{})
		s.identified(ours)
		s.heardOf(time.Unix(tt.died, 0))
		if tt.lost > 0 {
			s.loggedOut()
			s.loggedIn(time.Unix(tt.lost, 0))
			s.see()
			s.identified(ours)
		} else {
			s.see()
		}
		s.event(userEvent(7))
		wantDeclared(t, fmt.Sprint(tt), *got, tt.want, "7")
	}
}

// TestGapOfAConflict: what a conflict has kept from being published is declared, from where it began.
func TestGapOfAConflict(t *testing.T) {
	t.Parallel()
	const before = 1000
	for _, tt := range []struct {
		what  string
		begin func(s *source)
		want  string
	}{
		{"first link", func(s *source) { s.loggedIn(time.Time{}) }, fmt.Sprint("name conflict ended ", before+1)},
		{"restarted", func(s *source) { s.n.restarted = true; s.loggedIn(time.Time{}) }, "node restarted"},
		{"link lost", func(s *source) { s.logins = 1; s.loggedIn(time.Unix(before, 0)) }, "link lost 1000"},
		{"link lost in the conflict", func(s *source) {
			s.logins = 1
			s.loggedIn(time.Unix(before, 0))
			s.identified(ours)
			s.loggedOut()
			s.loggedIn(time.Unix(2*before, 0))
		}, "link lost 1000"},
	} {
		s, got := newSourceAlone()
		s.see(twin(otherMark))
		tt.begin(s)
		s.begun = time.Unix(before+1, 0)
		s.event(userEvent(1))
		s.identified(ours)
		s.event(userEvent(2))
		wantDeclared(t, tt.what+", while it lasts", *got)
		if n := s.conflicting.Load(); n != 2 || s.held.Load() != 0 {
			t.Errorf("%s: %d dropped for the conflict, %d held, want 2 and 0", tt.what, n, s.held.Load())
		}
		s.see()
		s.event(userEvent(3))
		wantDeclared(t, tt.what, *got, tt.want, "3")
	}
}

// TestConflictIsNoStandby: they are told apart, and a link that flaps before the Asterisk is known does not publish in a conflict.
func TestConflictIsNoStandby(t *testing.T) {
	t.Parallel()
	for mark, want := range map[string]standby.Verdict{oneMark: standby.StandBy, otherMark: standby.Conflict, "": standby.Publish} {
		s, got := newSourceAlone()
		s.see(twin(mark))
		s.loggedIn(time.Time{})
		s.identified(ours)
		v, node := s.standing()
		if v != want || (node != "") != (v != standby.Publish) {
			t.Errorf("twin marked %q: verdict %d about %q, want %d", mark, v, node, want)
		}
		if want != standby.Conflict {
			continue
		}
		s.loggedOut()
		s.loggedIn(time.Unix(1000, 0))
		s.event(userEvent(1))
		s.loggedOut()
		wantDeclared(t, "a flap in the conflict", *got)
		if s.conflicting.Load() != 1 || s.held.Load() != 0 {
			t.Errorf("%d dropped for the conflict, %d held, want 1 and 0", s.conflicting.Load(), s.held.Load())
		}
	}
}

// TestConflictOfAStandby: the Asterisk has restarted, and the node that published its events takes its time to notice. Who stood by is no
// newcomer, and takes over in the end.
func TestConflictOfAStandby(t *testing.T) {
	t.Parallel()
	s, got := newSourceAlone()
	s.see(twin(oneMark))
	s.loggedIn(time.Time{})
	s.identified(ours)
	s.loggedOut()
	s.loggedIn(time.Unix(1000, 0))
	s.identified(upstream.Identity{Mark: otherMark, SystemName: "pbx"})
	if v, _ := s.standing(); v != standby.Conflict {
		t.Fatalf("verdict %d", v)
	}
	<-time.After(2 * s.n.patience)
	s.see(twin(oneMark))
	select {
	case err := <-s.n.fatal:
		t.Error(err)
	default:
	}
	s.see(twin(""))
	s.event(userEvent(1))
	wantDeclared(t, "when the twin has noticed", *got, "link lost", "1")
}

// TestMarkFound: a mark that is there at the first link, and that nobody publishes for, is of a time in which this node may have listened.
func TestMarkFound(t *testing.T) {
	t.Parallel()
	found := ours
	found.Found = true
	for _, tt := range []struct {
		what  string
		id    upstream.Identity
		twin  *amibuspb.Member
		links int // before
		want  []string
	}{
		{what: "found", id: found, twin: twin(""), want: []string{"node restarted", "1", "2"}},
		{what: "set", id: ours, twin: twin(""), want: []string{"1", "2"}},
		{what: "found and published", id: found, twin: twin(oneMark)},
		{what: "found at the second link", id: found, twin: twin(""), links: 1, want: []string{"link lost 1000", "1", "2"}},
	} {
		s, got := newSourceAlone()
		s.see(tt.twin)
		s.logins, s.met = tt.links, tt.links > 0
		s.loggedIn(time.Unix(1000, 0))
		s.event(userEvent(1))
		s.identified(tt.id)
		s.event(userEvent(2))
		wantDeclared(t, tt.what, *got, tt.want...)
	}
}

// TestMarkFoundAtLast: the first link may have been lost before the mark was read.
func TestMarkFoundAtLast(t *testing.T) {
	t.Parallel()
	s, got := newSourceAlone()
	s.loggedIn(time.Time{})
	s.loggedOut()
	s.loggedIn(time.Unix(1000, 0))
	found := ours
	found.Found = true
	s.identified(found)
	s.event(userEvent(1))
	wantDeclared(t, "found", *got, "node restarted", "1")
}

// TestFromIsToldOnce: whose calls a node goes on with is said with the takeover, and not again with what gets lost later; nor if it was not for
// this node to take over.
func TestFromIsToldOnce(t *testing.T) {
	t.Parallel()
	s, got := newSourceAlone()
	s.see(twin(oneMark))
	s.loggedIn(time.Time{})
	s.identified(ours)
	s.heardOf(time.Unix(900, 0))
	s.see() // the twin has gone
	s.event(userEvent(1))
	s.loggedOut()
	s.loggedIn(time.Unix(1000, 0))
	s.identified(ours)
	s.event(userEvent(2))
	wantDeclared(t, "taken over, then lost", *got, "standby took over 900", "1", "link lost 1000", "2")
	for i, text := range *got {
		if told := strings.Contains(text, "\r\nFrom: default/twin\r\n"); told != (i == 0) {
			t.Errorf("event %d: %s", i, text)
		}
	}
}

// TestCheckedLater: an Asterisk that says too much while it is asked what calls it has is asked again.
func TestCheckedLater(t *testing.T) {
	t.Parallel()
	s, _ := newSourceAlone()
	s.loggedIn(time.Time{})
	s.mu.Lock()
	s.check = &check{cancel: func() {}}
	s.settle()
	s.mu.Unlock()
	if !s.publishing.Load() || s.check != nil || s.again.IsZero() {
		t.Errorf("publishing %v, again at %v", s.publishing.Load(), s.again)
	}
}
