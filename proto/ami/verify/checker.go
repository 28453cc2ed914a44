package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/amibus/amibus/proto/ami"
)

// Ref is an event in the stream.
type Ref struct {
	At   int64  // number of the message on the connection, from 1; an action has that of the message before it
	Head string // its first lines, or its name and what it is about
}

// String is one line.
func (r Ref) String() string { return fmt.Sprintf("#%d %s", r.At, r.Head) }

// Violation is one break of a rule.
type Violation struct {
	Rule   Rule
	Node   string // SystemName of the node it is about, "" if there is none
	Text   string // what is wrong, one line
	Events []Ref  // those involved, oldest first
}

// String is a line, and one more for each event.
func (v Violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "rule %d: %s", v.Rule, v.Text)
	if v.Node != "" {
		fmt.Fprintf(&b, " [%s]", v.Node)
	}
	for _, e := range v.Events {
		fmt.Fprintf(&b, "\n  %s", e)
	}
	return b.String()
}

// Config says what a Checker does. The zero value checks every rule and counts only.
type Config struct {
	Report func(Violation) // called within Next and End
	Ignore []Rule          // rules that are not reported
	Limits Limits
}

// Limits bound what a Checker remembers. Zero stands for the default.
type Limits struct {
	Nodes int // nodes (default 1,024): with one more, all are forgotten
	Live  int // live channels, and bridges, of a node (100,000): with one more, the node is forgotten
	Ended int // ended channels, and bridges, of a node that are remembered, and ids seen before their beginning (10,000): the oldest goes
}

// Stats are counts so far.
type Stats struct {
	Messages, Events int64
	Violations       map[Rule]int64
	Nodes            int
	Live, Bridges    int   // there now, of which the beginning was seen
	Forgotten        int64 // times that a limit made it forget a node
	Resets           int64 // times that the stream said that what was known of a node may not hold any more
}

// Checker checks the messages of one connection. It is not safe for concurrent use.
type Checker struct {
	conf    Config
	nodes   map[string]*node
	session session
	event   event // the one in hand, reused
	stats   Stats
}

// New returns a checker that has seen nothing.
func New(conf Config) *Checker {
	defaults := func(v *int, to int) {
		if *v <= 0 {
			*v = to
		}
	}
	defaults(&conf.Limits.Nodes, 1024)
	defaults(&conf.Limits.Live, 100_000)
	defaults(&conf.Limits.Ended, 10_000)
	return &Checker{conf: conf, nodes: map[string]*node{}, stats: Stats{Violations: map[Rule]int64{}}}
}

// Next takes the next message that the server wrote. It must not be the banner.
func (c *Checker) Next(m *ami.Message) {
	c.stats.Messages++
	switch m.Kind() {
	case ami.KindResponse:
		c.session.response(c, m)
	case ami.KindEvent:
		if c.session.item(c, m) {
			return
		}
		c.stats.Events++
		c.take(m)
	default:
		c.session.raw(c, m)
	}
}

// take checks an event.
func (c *Checker) take(m *ami.Message) {
	e := &c.event
	e.msg, e.ref = m, Ref{At: c.stats.Messages}
	name := m.Line(0)[len("Event:"):]
	for len(name) > 0 && name[0] <= ' ' {
		name = name[1:]
	}
	if e.spec = specs[string(name)]; e.spec == nil {
		e.spec = &anyEvent
	}
	e.read()
	c.session.event(c, e)
	if c.resets(e) {
		return
	}
	if e.node = c.node(e.values[hSystemName]); e.node == nil {
		return
	}
	c.order(e)
	if !e.spec.aside {
		c.channels(e)
		c.bridges(e)
	}
	if e.spec.run != nil {
		e.spec.run(c, e)
	}
}

// node returns the node of that name.
func (c *Checker) node(name []byte) *node {
	n := c.nodes[string(name)]
	if n == nil {
		if len(c.nodes) >= c.conf.Limits.Nodes {
			c.stats.Forgotten += int64(len(c.nodes))
			clear(c.nodes)
		}
		n = newNode(string(name), c.conf.Limits.Ended)
		c.nodes[n.name] = n
	}
	if n.full(c.conf.Limits.Live) {
		c.stats.Forgotten++
		n.forget()
	}
	return n
}

// resets tells whether e is about the stream itself. After most of these events what was known of a node may not hold any more: it was
// away, or events of it are missing. A node that was dropped and returns has lost nothing (its gaps are declared).
func (c *Checker) resets(e *event) bool {
	switch e.spec.about {
	case aboutNothing:
		return false
	case aboutNode:
		if e.is(hState, "dropped") || e.is(hState, "returned") {
			return true
		}
	}
	if system := e.values[hSystemName]; system != nil || e.spec.about == aboutAsterisk {
		if n := c.nodes[string(system)]; n != nil {
			c.stats.Resets++
			n.forget()
		}
		return true
	}
	c.stats.Resets++
	for _, n := range c.nodes { // it does not say which
		n.forget()
	}
	return true
}

// End says that the stream has ended. At rest means that nothing was going on any more: what has begun must have ended.
func (c *Checker) End(atRest bool) {
	if !atRest {
		return
	}
	names := make([]string, 0, len(c.nodes))
	for name := range c.nodes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		c.rest(c.nodes[name])
	}
	c.session.rest(c)
}

// Stats returns the counts so far.
func (c *Checker) Stats() Stats {
	s := c.stats
	s.Violations = make(map[Rule]int64, len(c.stats.Violations))
	for r, n := range c.stats.Violations {
		s.Violations[r] = n
	}
	s.Nodes = len(c.nodes)
	for _, n := range c.nodes {
		s.Live += n.live
		s.Bridges += n.standing
	}
	return s
}

// Total is the number of violations.
func (s Stats) Total() (n int64) {
	for _, v := range s.Violations {
		n += v
	}
	return n
}

// report reports a break of rule by e, with the earlier events it has to do with.
func (c *Checker) report(rule Rule, e *event, earlier []Ref, format string, args ...any) {
	node := ""
	if e.node != nil {
		node = e.node.name
	}
	if slices.Contains(pastRules, rule) && e.unheard() {
		return
	}
	c.violation(rule, node, append(slices.Clone(earlier), Ref{e.ref.At, head(e.msg)}), format, args...)
}

func (c *Checker) violation(rule Rule, node string, events []Ref, format string, args ...any) {
	if slices.Contains(c.conf.Ignore, rule) {
		return
	}
	c.stats.Violations[rule]++
	if c.conf.Report != nil {
		events = slices.DeleteFunc(events, func(r Ref) bool { return r.At == 0 && r.Head == "" })
		c.conf.Report(Violation{rule, node, fmt.Sprintf(format, args...), events})
	}
}

// head is the beginning of a message on one line.
func head(m *ami.Message) string {
	const most = 200
	var b strings.Builder
	for i := 0; i < m.Len() && b.Len() < most; i++ {
		if name, _, _ := m.Field(i); string(name) == "Privilege" || string(name) == "Timestamp" {
			continue
		}
		if i > 0 {
			b.WriteString(" | ")
		}
		b.Write(m.Line(i)[:min(len(m.Line(i)), most)])
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(b.String(), "?"))
}
