package pbx

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/amibus/amibus/translator"
)

// maxHints is how many extensions with a hint there can be: a pattern makes one of each extension that somebody asks for.
const maxHints = 100_000

// Hint is an extension and the devices that its state is made of.
type Hint struct {
	Context, Exten string
	Devices        string // joined by "&"; what is behind the last comma is a presence provider
}

// Hinter is a Dialplan that has hints.
type Hinter interface {
	// Hints returns those of single extensions, in the order in which they were read.
	Hints() []Hint
	// Hint returns that of an extension; if it is a pattern's, as that of the extension.
	Hint(context, exten string, vars Vars) (Hint, bool)
}

// hint is a Hint and what was last said of it.
type hint struct {
	Hint
	status int
	seq    int
}

// readHints forgets the hints there were, takes those of the dialplan, and, if say, says the state of each, as a reload does.
func (p *PBX) readHints(say bool) {
	for _, h := range p.hints {
		h.devices(func(name string) {
			d := p.device(name)
			d.hints = nil
			p.drop(d)
		})
	}
	clear(p.hints)
	h, ok := p.cfg.Dialplan.(Hinter)
	if !ok {
		return
	}
	for _, one := range h.Hints() {
		if h := p.addHint(one); h != nil && say {
			p.sayHint(h)
		}
	}
}

// addHint makes a hint. nil: there are too many, or it is there.
func (p *PBX) addHint(of Hint) *hint {
	at := place{context: of.Context, exten: of.Exten}
	if p.hints[at] != nil {
		return nil
	}
	if len(p.hints) >= maxHints {
		p.overflow("the hint of %s@%s is not followed: there are %d already", of.Exten, of.Context, maxHints)
		return nil
	}
	h := &hint{Hint: of, seq: len(p.hints)}
	h.status = p.extenState(of.Devices)
	h.devices(func(name string) {
		if d := p.device(name); !slices.Contains(d.hints, h) {
			d.hints = append(d.hints, h)
		}
	})
	p.hints[at] = h
	return h
}

// devices calls fn with each name in the hint.
func (h *hint) devices(fn func(name string)) {
	for _, name := range strings.FieldsFunc(h.Devices, func(r rune) bool { return r == '&' || r == ',' }) {
		fn(name)
	}
}

// extenState is the state of an extension with these devices.
func (p *PBX) extenState(devices string) int {
	if i := strings.LastIndexByte(devices, ','); i >= 0 {
		devices = devices[:i]
	}
	all := newAggregate()
	for name := range strings.SplitSeq(devices, "&") {
		all.add(p.deviceState(name))
	}
	return all.state.exten()
}

// tellHints says which extensions have another state because of a device.
func (p *PBX) tellHints(d *device) {
	for _, h := range d.hints {
		if status := p.extenState(h.Devices); status != h.status {
			h.status = status
			p.sayHint(h)
		}
	}
}

func (p *PBX) sayHint(h *hint) { p.raise("ExtensionStatus", h.parts(h.Exten, h.Context, h.status)...) }

// parts are the lines about an extension: the event, and the answer to a question, say the same.
func (h *Hint) parts(exten, context string, status int) []translator.Part {
	return []translator.Part{translator.Header("Exten", exten), translator.Header("Context", context), translator.Header("Hint", h.Devices),
		translator.Header("Status", strconv.Itoa(status)), translator.Header("StatusText", extenText(status))}
}

// ExtensionState asks for the state of an extension. The answer has one item: what is known of it.
type ExtensionState struct {
	ID             uint64
	Context, Exten string
}

func (ExtensionState) input() {}

// extensionState answers. The first question about an extension of a pattern makes it one with a hint of its own, and says so.
func (p *PBX) extensionState(in ExtensionState) {
	of, status := Hint{}, extenNone
	if plan, ok := p.cfg.Dialplan.(Hinter); ok {
		if found, ok := plan.Hint(in.Context, in.Exten, p.nobody()); ok {
			of, status = found, p.extenState(found.Devices)
			if h := p.addHint(found); h != nil {
				p.sayHint(h)
			}
		}
	}
	if in.ID != 0 {
		p.out = append(p.out, Output{At: p.now, Reply: &Reply{ID: in.ID, Text: "Extension Status",
			Items: []translator.Raised{{Parts: of.parts(in.Exten, in.Context, status)}}}})
	}
}

// ExtensionStates lists the extensions with a hint, in the order in which Asterisk's table has them.
func (p *PBX) ExtensionStates() []translator.Raised {
	all := make([]*hint, 0, len(p.hints))
	for _, h := range p.hints {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b *hint) int {
		return cmp.Or(cmp.Compare(hintBucket(a.Exten), hintBucket(b.Exten)), cmp.Compare(a.seq, b.seq))
	})
	list := make([]translator.Raised, len(all))
	for i, h := range all {
		list[i] = translator.Raised{Name: "ExtensionStatus", Parts: h.parts(h.Exten, h.Context, h.status)}
	}
	return list
}
