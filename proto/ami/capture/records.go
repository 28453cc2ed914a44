package capture

import (
	"bytes"
	"slices"
	"strings"
	"sync"

	"github.com/amibus/amibus/proto/ami"
)

// records are the answers that were recorded, by action.
type records struct {
	mu sync.Mutex
	by map[string]*record
}

// record holds the answers to one action, given out in turn.
type record struct {
	answers []recorded
	turn    int
}

// recorded is one answer with all that belongs to it.
type recorded []piece

// piece is one message, cut where its ActionID is or would be.
type piece struct {
	head, tail []byte
	id         bool // an ActionID goes between them
}

// newRecords takes the answers behind the login; those before it are about a client without rights.
func newRecords(c *Capture) *records {
	r := &records{by: make(map[string]*record)}
	if c.Login < 0 {
		return r
	}
	for _, m := range c.Messages[c.Login+1:] {
		if m.Kind != Answer || m.Action == nil || m.Action.Action() == "" {
			continue
		}
		id := m.Action.Get("ActionID")
		answer := recorded{cut(m.Text, id)}
		for _, rest := range m.Rest {
			answer = append(answer, cut(rest, id))
		}
		key := recordKey(m.Action)
		if r.by[key] == nil {
			r.by[key] = &record{}
		}
		r.by[key].answers = append(r.by[key].answers, answer)
	}
	return r
}

// recordKey is the same for actions with the same name and the same parameters, ActionID aside. Their order counts only between
// equal names (ami/behaviour.md 2.13).
func recordKey(action *ami.Message) string {
	lines := make([]string, 0, action.Len())
	for i := range action.Len() {
		name, value, ok := action.Field(i)
		key := strings.ToLower(string(name))
		if ok && (key == "action" || key == "actionid") {
			continue
		}
		lines = append(lines, key+":"+string(value))
	}
	slices.SortStableFunc(lines, func(a, b string) int {
		return strings.Compare(a[:strings.IndexByte(a, ':')], b[:strings.IndexByte(b, ':')])
	})
	return strings.ToLower(action.Action()) + "\n" + strings.Join(lines, "\n")
}

// has tells whether there is an answer to action.
func (r *records) has(action *ami.Message) bool { return r.by[recordKey(action)] != nil }

// next returns the answer to action whose turn it is, nil if there is none.
func (r *records) next(action *ami.Message) recorded {
	found := r.by[recordKey(action)]
	if found == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	answer := found.answers[found.turn]
	found.turn = (found.turn + 1) % len(found.answers)
	return answer
}

// cut cuts m at the ActionID it got from an action with that id. If the action had none, one would stand in the second line,
// where Asterisk puts it in answers and most list items. Bytes are kept: raw text has line ends of its own.
func cut(m *ami.Message, id []byte) piece {
	raw := m.Bytes()
	crlf := []byte("\r\n")
	if len(id) > 0 {
		for i := range m.Len() {
			line := m.Line(i)
			if !hasHeader(line, "ActionID") || !bytes.HasSuffix(line, id) {
				continue
			}
			if head, tail, ok := bytes.Cut(raw, slices.Concat(crlf, line, crlf)); ok {
				return piece{raw[:len(head)+2], tail, true}
			}
		}
		return piece{head: raw}
	}
	if at := bytes.Index(raw, crlf); at > 0 && (m.Kind() == ami.KindResponse || m.Kind() == ami.KindEvent) {
		return piece{raw[:at+2], raw[at+2:], true}
	}
	return piece{head: raw}
}

// appendTo appends the answer with the asker's ActionID, without one if it is empty.
func (r recorded) appendTo(dst, id []byte) []byte {
	for _, p := range r {
		dst = append(dst, p.head...)
		if p.id && len(id) > 0 {
			dst = append(append(append(dst, "ActionID: "...), id...), "\r\n"...)
		}
		dst = append(dst, p.tail...)
	}
	return dst
}
