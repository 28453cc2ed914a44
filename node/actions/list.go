package actions

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/amibus/amibus/proto/ami"
)

// List makes one list of the answers of several nodes (ami/behaviour.md 4.4). It is not safe for concurrent use.
type List struct {
	parts
	begun bool
}

// NewList returns the List for an action that is to be run on the parts of a decision. There is at least one.
func NewList(action *ami.Message, d *Decision) *List { return &List{parts: newParts(action, d)} }

// Take takes the next piece of the answer of part i, AMI text that need not end with a message, and appends to dst what can be sent
// now: whole messages.
func (l *List) Take(dst []byte, i int, piece []byte) []byte {
	p := &l.all[i]
	if !p.finished {
		p.messages(piece, &l.message, func(m *ami.Message) { dst = l.take(dst, p, m) })
	}
	return dst
}

// End tells that no more of part i will come: all of it has, or failure says why not. With the last part comes the end of the answer.
func (l *List) End(dst []byte, i int, failure string) []byte {
	if !l.end(i, failure) {
		return dst
	}
	dst = l.all[i].flush(dst)
	if l.ended() {
		return append(dst, l.close().Bytes()...)
	}
	return dst
}

func (l *List) take(dst []byte, p *part, m *ami.Message) []byte {
	switch {
	case p.state == waiting && l.action.BeginsList(m):
		p.state = listing
		if l.begun {
			return dst
		}
		l.begun = true
		return append(dst, l.start(m).Bytes()...)
	case p.state == waiting && m.Kind() == ami.KindResponse:
		p.respond(l.action, m)
	case p.state == listing && l.action.EndsList(m):
		p.state, p.last = listed, m.Clone()
		return p.flush(dst)
	case p.state == listing && m.Kind() == ami.KindEvent:
		return p.item(dst, m, l.action.Group)
	}
	return dst
}

// start is the first node's, with EventList in the place where 22 has it.
func (l *List) start(m *ami.Message) *ami.Message {
	if m.Has("EventList") {
		return m
	}
	s := l.head("Success").Add("EventList", "start")
	for i := range m.Len() {
		if name, _, ok := m.Field(i); !ok || !equalFold(name, "Response") && !equalFold(name, "ActionID") {
			s.AddLine(m.Line(i))
		}
	}
	return s
}

// mostGrouped bounds the items that are kept until their group is whole.
const mostGrouped = 256 << 10

// item passes an item on, as it came, with SystemName as its last header. With a group it waits for the others of its group: the items
// of several nodes come mixed, groups do not.
func (p *part) item(dst []byte, m *ami.Message, group string) []byte {
	p.items++
	if group == "" {
		return p.named(dst, m)
	}
	if string(m.Get("Event")) == group || len(p.group) > mostGrouped {
		dst = p.flush(dst)
	}
	p.group = p.named(p.group, m)
	return dst
}

func (p *part) named(dst []byte, m *ami.Message) []byte {
	if m.Has("SystemName") {
		return append(dst, m.Bytes()...)
	}
	return append(append(dst, bytes.TrimSuffix(m.Bytes(), crlf)...), p.tag...)
}

func (p *part) flush(dst []byte) []byte {
	dst = append(dst, p.group...)
	p.group = p.group[:0]
	return dst
}

// close is the end of the answer.
func (l *List) close() *ami.Message {
	if l.begun {
		return l.confess(l.complete(), nil)
	}
	if p := l.first(answered); p != nil {
		return l.confess(p.answer, nil)
	}
	return l.refusal()
}

// complete is the last event of the list: ListItems, then what else the nodes counted, in the order of the first of them.
func (l *List) complete() *ami.Message {
	items, broken := 0, 0
	var extra []string
	sums := map[string]int{}
	for i := range l.all {
		p := &l.all[i]
		if p.last == nil {
			broken += p.items
			continue
		}
		items += declared(p)
		for n := range p.last.Len() {
			key, value, ok := p.last.Field(n)
			count, err := strconv.Atoi(string(value))
			if !ok || err != nil || equalFold(key, "ListItems") || equalFold(key, "ActionID") {
				continue
			}
			if !slices.Contains(extra, string(key)) {
				extra = append(extra, string(key))
			}
			sums[string(key)] += count
		}
	}
	m := ami.New("Event", l.action.Complete)
	if l.id != "" {
		m.Add("ActionID", l.id)
	}
	m.Add("EventList", "Complete").Add("ListItems", strconv.Itoa(items+broken))
	for _, key := range extra {
		if key == "Items" || key == "Total" { // the same count once more
			sums[key] += broken
		}
		m.Add(key, strconv.Itoa(sums[key]))
	}
	return m
}

// declared is how many items the node says it has sent; an Asterisk 12 does not say.
func declared(p *part) int {
	if n, err := strconv.Atoi(string(p.last.Get("ListItems"))); err == nil {
		return n
	}
	return p.items
}

func equalFold(b []byte, s string) bool { return len(b) == len(s) && bytes.EqualFold(b, []byte(s)) }
