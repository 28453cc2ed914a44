package actions

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"

	"github.com/amibus/amibus/proto/ami"
)

// part is how far the answer of one node has come.
type part struct {
	Part
	state
	tag      []byte       // the end of its items: SystemName
	rest     []byte       // the beginning of a message
	answer   *ami.Message // its Response, if that is the whole answer
	last     *ami.Message // the last event of its list
	items    int
	group    []byte // items that stay together
	failure  string
	nothing  bool // it failed only because there is nothing of the kind
	finished bool // nothing more will come
}

type state uint8

const (
	waiting state = iota
	listing       // the list has begun
	listed        // and has ended
	answered
	failed
)

var endOfMessage = []byte("\r\n\r\n")

// messages calls take for each whole message of the node's answer so far. A message is valid during the call.
func (p *part) messages(piece []byte, m *ami.Message, take func(m *ami.Message)) {
	b := piece
	if len(p.rest) > 0 {
		p.rest = append(p.rest, piece...)
		b = p.rest
	}
	for len(b) > 0 && p.state != failed {
		if bytes.HasPrefix(b, crlf) { // an additional empty line
			b = b[len(crlf):]
			continue
		}
		end := bytes.Index(b, endOfMessage)
		if end < 0 && len(b) < ami.MaxMessage {
			break
		}
		if end < 0 || m.Parse(b[:end+len(endOfMessage)]) != nil {
			p.fail("its answer is no AMI")
			break
		}
		take(m)
		b = b[end+len(endOfMessage):]
	}
	p.rest = append(p.rest[:0], b...)
	if cap(p.rest) > roomKept && len(p.rest) < roomKept {
		p.rest = append([]byte(nil), p.rest...)
	}
}

// roomKept is the largest buffer that is kept for the next piece.
const roomKept = 128 << 10

var crlf = []byte("\r\n")

// fail ends the node's part, unless it is complete.
func (p *part) fail(why string) {
	if p.state == waiting || p.state == listing {
		p.state, p.failure = failed, cmp.Or(why, "error without a text")
	}
}

// respond takes the node's answer where that is no list.
func (p *part) respond(a *Action, m *ami.Message) {
	p.answer = m.Clone()
	if strings.EqualFold(string(m.Get("Response")), "Success") {
		p.state = answered
		return
	}
	text := string(m.Get("Message"))
	p.nothing = a.none(text)
	p.fail(text)
}

// parts are the nodes that answer together.
type parts struct {
	action  *Action
	id      string
	all     []part
	missing []string
	open    int // whose answers have not ended
	message ami.Message
}

func newParts(action *ami.Message, d *Decision) parts {
	p := parts{action: d.Action, id: string(action.Get("ActionID")), missing: d.Missing, open: len(d.Parts), all: make([]part, len(d.Parts))}
	for i := range d.Parts {
		p.all[i].Part = d.Parts[i]
		p.all[i].tag = ami.New("SystemName", d.Parts[i].SystemName).Bytes()
	}
	return p
}

// end tells whether the answer of part i has ended only now.
func (p *parts) end(i int, failure string) bool {
	if p.all[i].finished {
		return false
	}
	p.all[i].fail(cmp.Or(failure, "its answer broke off"))
	p.all[i].rest, p.all[i].finished = nil, true
	p.open--
	return true
}

// ended tells whether all answers have.
func (p *parts) ended() bool { return p.open == 0 }

// first returns the first part in one of the states, the own node before the others.
func (p *parts) first(states ...state) *part {
	for i := range p.all {
		for _, s := range states {
			if p.all[i].state == s {
				return &p.all[i]
			}
		}
	}
	return nil
}

// mostNames bounds the value of a header that names nodes: an Asterisk would not take a longer line either.
const mostNames = 900

// confess adds who is missing and who failed, but for the one whose own words are the answer.
func (p *parts) confess(m *ami.Message, but *part) *ami.Message {
	if len(p.missing) > 0 {
		m.Add("NodesMissing", enumerate(p.missing))
	}
	var all []string
	for i := range p.all {
		if f := &p.all[i]; f != but && f.state == failed && !f.nothing {
			all = append(all, f.Label+" ("+shorten(strings.TrimSpace(f.failure))+")")
		}
	}
	if len(all) > 0 {
		m.Add("NodesFailed", enumerate(all))
	}
	return m
}

func enumerate(all []string) string {
	text := ""
	for i, s := range all {
		if len(text)+len(s) > mostNames {
			return text + " and " + strconv.Itoa(len(all)-i) + " more"
		}
		if i > 0 {
			text += ", "
		}
		text += s
	}
	return text
}

func shorten(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// head is the start of an answer.
func (p *parts) head(response string) *ami.Message {
	m := ami.New("Response", response)
	if p.id != "" {
		m.Add("ActionID", p.id)
	}
	return m
}

// refusal is the answer if no node has anything else to say: the first one's error, which is this node's own if it was asked.
func (p *parts) refusal() *ami.Message {
	f := p.first(failed)
	m := p.head("Error").Add("Message", f.failure)
	if f.answer != nil {
		m = f.answer
	}
	return p.confess(m, f)
}
