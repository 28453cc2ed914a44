package verify

import (
	"strconv"
	"strings"

	"github.com/amibus/amibus/proto/ami"
)

// list is one that is open.
type list struct {
	open  bool
	id    string
	items int
	ref   Ref
}

// item takes an event that is none: a list item or the end of a list. It returns false for events.
func (s *session) item(c *Checker, m *ami.Message) bool {
	if isEvent(m) && !(s.list.open && s.list.id != "" && string(m.Get("ActionID")) == s.list.id) {
		return false
	}
	s.over(c, m)
	id, mark := m.Get("ActionID"), string(m.Get("EventList"))
	end := strings.EqualFold(mark, "Complete") || strings.EqualFold(mark, "cancelled")
	if !s.list.open {
		s.stray(c, m, id, end)
		return true
	}
	if string(id) != s.list.id && !(len(id) == 0 && string(m.Get("Event")) == "PeerEntry") { // IAXpeerlist forgets it
		c.message(50, m, s.list.ref, "a list item has the ActionID %q, its action %q", id, s.list.id)
	}
	if !end {
		s.list.items++
		return true
	}
	if v := string(m.Get("ListItems")); v != "" && strings.EqualFold(mark, "Complete") {
		if n, err := strconv.Atoi(v); err != nil || n != s.list.items {
			c.message(46, m, s.list.ref, "ListItems is %s, there were %d", v, s.list.items)
		}
	}
	s.list = list{}
	return true
}

// stray reports what is no event and stands in no list.
func (s *session) stray(c *Checker, m *ami.Message, id []byte, end bool) {
	switch {
	case !s.whole: // the list may have begun before
	case end && string(m.Get("Event")) != "SnapshotComplete":
		c.message(46, m, Ref{}, "the end of a list that was not begun")
	case !end && len(id) > 0 && !s.answered.has(id):
		c.message(45, m, Ref{}, "something with the ActionID %q comes before the answer", id)
	}
}

// isEvent tells events from list items: the second line is a Privilege header with event classes (ami/behaviour.md 4.7, 6.9).
func isEvent(m *ami.Message) bool {
	if m.Len() < 2 {
		return false
	}
	_, ok := ami.ParsePrivilege(privilege(m))
	return ok
}

func privilege(m *ami.Message) []byte {
	if m.Len() < 2 {
		return nil
	}
	const name = "Privilege: "
	if line := m.Line(1); len(line) >= len(name) && string(line[:len(name)]) == name {
		return line[len(name):]
	}
	return nil
}
