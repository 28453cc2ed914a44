package verify

import (
	"slices"
	"strconv"
	"strings"

	"github.com/amibus/amibus/proto/ami"
)

// maxPending bounds the actions that are sent and not answered yet; with one more, those before are not waited for.
const maxPending = 4096

// maxIDs bounds the ActionIDs that are remembered.
const maxIDs = 1024

// session is what belongs to the connection, not to a node: answers and lists. A checker that joined in the middle knows nothing before
// the first answer.
type session struct {
	whole    bool // from the banner on
	state    login
	bye      Ref
	pending  []action
	known    bool // actions were told of
	twice    bool // the last answer was to ModuleLoad, which may answer twice
	away     bool // LocalOptimizeAway was sent
	list     list
	answered ids            // ActionIDs of answers
	origins  map[string]Ref // ActionIDs of accepted asynchronous Originates without an OriginateResponse
	calls    bool           // events of class call were seen
	told     ids            // OriginateResponses
}

type login uint8

const (
	loginUnknown login = iota
	loginNone
	loginDone
	loginOver
)

// action is one that was sent.
type action struct {
	name, id string
	async    bool
	ref      Ref
}

// ids remembers the newest.
type ids struct {
	set  map[string]int
	ring ring[string]
}

func (s *ids) add(id string) {
	if s.set == nil {
		s.set = map[string]int{}
	}
	s.set[id]++
	if old, full := s.ring.put(id, maxIDs); full {
		if s.set[old]--; s.set[old] == 0 {
			delete(s.set, old)
		}
	}
}

func (s *ids) has(id []byte) bool { return s.set[string(id)] > 0 }

// Connected says that the connection begins: the banner was read, and what comes next is the first message.
func (c *Checker) Connected() { c.session.whole, c.session.state = true, loginNone }

// Sent takes an action that was written to the server; where its place is not known, any time before its answer. Without it, what
// needs the actions is not checked (47, 51, parts of 45 and 39).
func (c *Checker) Sent(m *ami.Message) {
	s := &c.session
	s.known = true
	a := action{name: strings.ToLower(m.Action()), id: string(m.Get("ActionID")), ref: Ref{c.stats.Messages, head(m)}}
	a.async = a.name == "originate" && isTrue(string(m.Get("Async")))
	if a.name == "login" || a.name == "challenge" { // no secret belongs into a report
		a.ref.Head = "Action: " + m.Action()
	}
	s.away = s.away || a.name == "localoptimizeaway"
	if len(s.pending) >= maxPending {
		s.pending = nil
		c.stats.Forgotten++
	}
	s.pending = append(s.pending, a)
}

func isTrue(v string) bool {
	switch strings.ToLower(v) {
	case "yes", "true", "y", "t", "1", "on":
		return true
	}
	return false
}

// response takes an answer.
func (s *session) response(c *Checker, m *ami.Message) {
	s.over(c, m)
	if s.list.open {
		c.message(46, m, s.list.ref, "an answer stands within a list")
		s.list = list{}
	}
	id := m.Get("ActionID")
	a, ok := s.take(c, m, id)
	ref := Ref{c.stats.Messages, head(m)}
	switch text := string(m.Get("Message")); {
	case text == "Authentication accepted":
		s.state = loginDone
	case string(m.Get("Response")) == "Goodbye":
		s.state, s.bye = loginOver, ref
	case ok && a.async && string(m.Get("Response")) == "Success" && a.id != "":
		if s.origins == nil {
			s.origins = map[string]Ref{}
		}
		if len(s.origins) < maxPending {
			s.origins[a.id] = ref
		}
	}
	if len(id) > 0 {
		s.answered.add(string(id))
	}
	if strings.EqualFold(string(m.Get("EventList")), "start") {
		s.list = list{open: true, id: string(id), ref: ref}
	}
}

// take finds the action that is answered (rule 47).
func (s *session) take(c *Checker, m *ami.Message, id []byte) (a action, ok bool) {
	if !s.known {
		return action{}, false
	}
	i := slices.IndexFunc(s.pending, func(a action) bool { return a.id == string(id) })
	for j := range max(i, 0) { // an answer without an ActionID: past what has none, not past what has one
		if !mayBeSilent(s.pending[j].name) {
			c.message(47, m, s.pending[j].ref, "an answer comes before that of an action sent earlier")
			break
		}
	}
	if i < 0 {
		if !s.twice || !s.answered.has(id) {
			c.message(47, m, Ref{}, "an answer to no action that was sent")
		}
		return action{}, false
	}
	a = s.pending[i]
	s.pending = slices.Delete(s.pending, 0, i+1)
	s.twice = a.name == "moduleload"
	return a, true
}

// mayBeSilent: Events with brokeneventsaction, WaitEvent that was given up, and what answers in raw text (ami/behaviour.md 4.10).
func mayBeSilent(name string) bool {
	switch name {
	case "events", "waitevent", "queues", "iaxnetstats":
		return true
	}
	return false
}

// event takes what every client may get.
func (s *session) event(c *Checker, e *event) {
	m := e.msg
	s.over(c, m)
	if s.state == loginNone {
		c.message(48, m, Ref{}, "an event before the answer to a login")
	}
	if s.list.open {
		c.message(46, m, s.list.ref, "an event stands within a list")
	}
	if class, _ := ami.ParsePrivilege(privilege(m)); class&ami.ClassCall != 0 {
		s.calls = true
	}
	id := e.values[hActionID]
	if len(id) == 0 || e.spec.name == "UserEvent" || e.spec.name == "OriginateResponse" || s.answered.has(id) {
		return
	}
	if i := slices.IndexFunc(s.pending, func(a action) bool { return a.id == string(id) }); i >= 0 {
		c.message(45, m, s.pending[i].ref, "an event with the ActionID %q comes before the answer", id)
	}
}

// raw takes text that is no message: the answer of an action that has no better one.
func (s *session) raw(c *Checker, m *ami.Message) {
	s.over(c, m)
	if len(s.pending) > 0 && mayBeSilent(s.pending[0].name) {
		s.pending = slices.Delete(s.pending, 0, 1)
	}
}

// over reports what comes behind the answer to Logoff.
func (s *session) over(c *Checker, m *ami.Message) {
	if s.state == loginOver {
		c.message(49, m, s.bye, "something comes after the answer to Logoff")
		s.state = loginUnknown
	}
}

// originated takes an OriginateResponse. Every client gets it, and their ActionIDs may be the same, but not those of one channel. An id that
// somebody chose may come again, with the same ActionID, and has no channel if the Originate failed; since the response has no place among
// the events of its channel, such an id is judged only while it has had one channel.
func (c *Checker) originated(e *event) {
	s := &c.session
	id := e.value(hActionID)
	delete(s.origins, id)
	g, ok := e.group("")
	if !ok {
		return
	}
	key := e.node.name + "\n" + id + "\n" + string(g.id)
	if !generated(g.id) {
		ch := e.node.channels[string(g.id)]
		if ch == nil || ch.again || string(e.msg.Get("Response")) == "Failure" { // the channel may be another Originate's that chose the same
			return
		}
		key += "\n" + strconv.FormatInt(ch.created.At, 10)
	}
	if s.told.has([]byte(key)) {
		c.report(51, e, nil, "a second OriginateResponse of a channel: %s", g.id)
	}
	s.told.add(key)
}

// rest reports what an action still owes.
func (s *session) rest(c *Checker) {
	for _, a := range s.pending {
		if s.state != loginOver && !mayBeSilent(a.name) && a.name != "" {
			c.violation(47, "", []Ref{a.ref}, "an action was not answered")
		}
	}
	if s.list.open {
		c.violation(46, "", []Ref{s.list.ref}, "a list was not ended")
	}
	if !s.calls {
		return // they may be masked
	}
	for _, id := range sortedKeys(s.origins) {
		c.violation(51, "", []Ref{s.origins[id]}, "there is no OriginateResponse for the ActionID %q", id)
	}
}

// message reports a break that is about the connection.
func (c *Checker) message(rule Rule, m *ami.Message, earlier Ref, format string, args ...any) {
	c.violation(rule, "", []Ref{earlier, {c.stats.Messages, head(m)}}, format, args...)
}
