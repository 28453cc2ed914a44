package filter

import "bytes"

// sides says which lists a filter is in, or that matched.
type sides uint8

const (
	include sides = 1 << iota
	exclude
)

func (f *Filter) side() sides {
	if f.exclude {
		return exclude
	}
	return include
}

// program is a set as look-ups.
type program struct {
	has   sides             // which lists are not empty
	every rules             // for any event
	named map[string]*rules // more for the events of these names
	looks bool              // some filter needs more than the name
}

// rules are filters that are for the same events.
type rules struct {
	all     sides // the filters that match whatever the text
	words   words // what the whole text may contain
	headers headers
	tests   []sided // what else is asked of the whole text, expressions last
}

type sided struct {
	*test
	side sides
}

func compile(filters []*Filter) *program {
	p := &program{named: map[string]*rules{}}
	for _, f := range filters {
		p.has |= f.side()
		r := &p.every
		if f.name != "" {
			if r = p.named[f.name]; r == nil {
				r = &rules{}
				p.named[f.name] = r
			}
		}
		r.add(f)
	}
	p.looks = p.every.finish()
	for _, r := range p.named {
		p.looks = r.finish() || p.looks
	}
	return p
}

func (r *rules) add(f *Filter) {
	t := sided{&f.test, f.side()}
	switch {
	case f.header != "":
		r.headers.add(f.header, t)
	case t.method == methodNone:
		r.all |= t.side
	case t.method == methodContains:
		for _, l := range t.literals {
			r.words.add(l, t.side)
		}
	default:
		r.tests = append(r.tests, t)
	}
}

// finish puts the rules into order and says whether they look at the text.
func (r *rules) finish() bool {
	r.words.finish()
	r.headers.finish()
	expressionsLast(r.tests)
	return len(r.words) > 0 || r.headers.used() || len(r.tests) > 0
}

// state is how far an event is.
type state struct {
	text  []byte
	clean []byte // the text as expressions want it, once one asked
	has   sides
	got   sides // the lists that matched
	open  sides // those whose match would still change the outcome
}

func (s *state) match(side sides) {
	s.got |= side
	switch {
	case s.got&exclude != 0:
		s.open = 0
	default:
		s.open = s.has &^ s.got
	}
}

func (p *program) pass(name, text []byte) bool {
	s := state{text: text, has: p.has, open: p.has}
	two := [2]*rules{&p.every, p.named[string(name)]}
	used := two[:2]
	if two[1] == nil {
		used = two[:1]
	}
	for _, r := range used {
		s.match(r.all)
	}
	for i := 0; i < len(used) && s.open != 0; i++ {
		used[i].words.scan(&s)
	}
	if s.open != 0 {
		scanHeaders(&s, used)
	}
	for i := 0; i < len(used) && s.open != 0; i++ {
		used[i].run(&s)
	}
	return s.got&exclude == 0 && (s.has&include == 0 || s.got&include != 0)
}

func (r *rules) run(s *state) {
	for _, t := range r.tests {
		if s.open&t.side == 0 {
			continue
		}
		b := s.text
		if t.method == methodRegex {
			if s.clean == nil {
				s.clean = legible(s.text)
			}
			b = s.clean
		}
		if t.match(b) {
			s.match(t.side)
		}
	}
}

// scanHeaders goes through the lines once for all headers that are asked for.
func scanHeaders(s *state, used []*rules) {
	wanted := sides(0)
	for _, r := range used {
		wanted |= r.headers.sides
	}
	for rest := s.text; len(rest) > 0 && s.open&wanted != 0; {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 0 {
			continue
		}
		for _, r := range used {
			r.headers.line(s, line, colon+1)
		}
	}
}
