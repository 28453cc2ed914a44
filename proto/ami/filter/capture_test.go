package filter_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/filter"
)

// add does what the Filter action does and returns what it answers.
func add(s *filter.Set, m *ami.Message) (*filter.Set, string) {
	if !strings.EqualFold(string(m.Get("Operation")), "Add") {
		return s, "Unknown operation"
	}
	criteria, pattern := string(m.Get("MatchCriteria")), string(m.Get("Filter"))
	f, err := filter.Legacy(pattern)
	if criteria != "" {
		f, err = filter.Advanced(criteria, pattern)
	}
	switch {
	case errors.Is(err, filter.ErrFormat):
		return s, "Filter was formatted incorrectly.  Check the syntax of the filter given."
	case errors.Is(err, filter.ErrCompile):
		return s, "Filter did not compile.  Check the syntax of the filter given."
	}
	return s.With(f), "Success"
}

// TestFilterAction: a recorded session gets the answers that Asterisk gave, and of the events of a session without filters those
// that Asterisk let through.
//
//ami:same 8.1 8.2 8.4 8.5 8.6 8.7 8.9 8.11 8.14 8.15
func TestFilterAction(t *testing.T) {
	t.Parallel()
	all := messages(t, "filter-action/alpha-driver.ami", ami.Client)
	var events []*ami.Message
	for _, m := range all {
		if m.Kind() == ami.KindEvent {
			events = append(events, m)
		}
	}
	stream := messages(t, "filter-action/alpha.ami", ami.Client)
	passes := func(s *filter.Set, m *ami.Message) bool { return s.Pass(0, m.Get("Event"), m.Bytes()) }

	set, before := filter.None(), filter.None() // before: what may still have been in force for an event that did not come
	actions, seen, missed := messages(t, "filter-action/alpha.sent", ami.Server), 0, 0
	for _, m := range stream {
		if m.Kind() == ami.KindResponse {
			a := actions[0]
			actions = actions[1:]
			if string(a.Get("ActionID")) != string(m.Get("ActionID")) {
				t.Fatalf("%q answers %q", m.Bytes(), a.Bytes())
			}
			if string(a.Get("Action")) != "Filter" {
				continue
			}
			next, answer := add(set, a)
			if answer != string(m.Get("Message")) {
				t.Errorf("%q: answered %q, not %q", a.Bytes(), m.Get("Message"), answer)
			}
			if before = set; next != set {
				set = next
			}
			continue
		}
		if set.Empty() {
			continue
		}
		if !passes(set, m) {
			t.Errorf("%q came through, but does not pass %v", m.Bytes(), set)
		}
		for !bytes.Equal(events[0].Bytes(), m.Bytes()) {
			if seen > 0 && passes(set, events[0]) && passes(before, events[0]) {
				t.Errorf("%q passes, but did not come through", events[0].Bytes())
			}
			missed, events = missed+1, events[1:]
			if len(events) == 0 {
				t.Fatalf("%q is not in the stream without filters", m.Bytes())
			}
		}
		seen, events = seen+1, events[1:]
	}
	if seen < 12 || missed < 100 || len(actions) > 0 {
		t.Errorf("%d events came through, %d did not, %d actions left", seen, missed, len(actions))
	}
}
