package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/charmbracelet/lipgloss"
	"golang.org/x/term"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/stasis"
	"github.com/amibus/amibus/proto/ami"
)

type (
	event        = merge.Event
	subscription = stasis.Subscription[merge.Event]
)

// view writes one line an event: to a terminal with a colour for each node and a line of rates that stays at the bottom, plain otherwise.
type view struct {
	out    io.Writer
	live   bool
	start  time.Time
	styles map[string]lipgloss.Style
	faint  lipgloss.Style
	names  []string
	first  string         // address of the first node
	count  map[string]int // events since the last tick
	total  int
}

// nodeColours are those of the nodes, in the order they connect.
var nodeColours = []string{"39", "208", "78", "170", "220", "45"}

func newView(out io.Writer) *view {
	v := &view{out: out, start: time.Now(), styles: map[string]lipgloss.Style{}, count: map[string]int{},
		faint: lipgloss.NewStyle().Faint(true)}
	if f, ok := out.(*os.File); ok {
		v.live = term.IsTerminal(int(f.Fd()))
	}
	return v
}

// connect prints how to reach a node.
func (v *view) connect(name, addr string) {
	v.styles[name] = lipgloss.NewStyle().Foreground(lipgloss.Color(nodeColours[len(v.names)%len(nodeColours)])).Bold(true)
	v.names = append(v.names, name)
	if v.first == "" {
		v.first = addr
	}
	v.printf("%s  AMI on %s\n", v.paint(name, fmt.Sprintf("%-8s", name)), addr)
}

func (v *view) ready() {
	v.printf("\nConnect with any AMI client, to any of them: user %s, secret %s. For example\n", demoUser, demoSecret)
	host, port, _ := net.SplitHostPort(v.first) // an address of a listener always splits
	v.printf("  (printf 'Action: Login\\r\\nUsername: %s\\r\\nSecret: %s\\r\\n\\r\\n'; cat) | nc %s %s\n", demoUser, demoSecret, host, port)
	v.printf("Every client sees what follows: the events of all three, once, in one order. To place a call of your own, at any of them:\n")
	v.printf("  Action: Originate\n  Channel: Local/answer@test/n\n  Application: Wait\n  Data: 5\n\n")
}

func (v *view) event(e *event) {
	name := e.Node.Name
	at, what, subject := time.Now(), printable(e.Entry.Name()), ""
	switch {
	case e.Missing > 0:
		what, subject = "Gap", fmt.Sprintf("%d events that nobody has any more", e.Missing)
	case e.Seq == 0: // about the stream
		subject = v.subject(e)
	default:
		at, subject = time.Unix(0, e.HLC), v.subject(e)
		v.count[name]++
		v.total++
	}
	v.clearRates()
	v.printf("%s %s %-22s %s\n", v.dim(at.Format("15:04:05.000")), v.paint(name, fmt.Sprintf("%-8s", name)), what, subject)
}

// subject says what an event is about: its channel, else its bridge, else what it is keyed by.
func (v *view) subject(e *event) string {
	var m ami.Message
	if err := m.Parse(e.Entry.AMI()); err != nil {
		return ""
	}
	for _, header := range []string{"Channel", "DestChannel", "BridgeUniqueid", "Device", "UserEvent", "AccountID", "Node"} {
		if value := m.Get(header); len(value) > 0 {
			return printable(value)
		}
	}
	return printable(e.Entry.Uniqueid())
}

// printable keeps what a channel may call itself from steering the terminal.
func printable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, string(b))
}

// tick renews the line of rates.
func (v *view) tick() {
	if v.live {
		v.clearRates()
		v.printf("%s", v.rates())
	}
	clear(v.count)
}

func (v *view) rates() string {
	line := ""
	for _, n := range v.names {
		line += fmt.Sprintf("%s %3d/s   ", v.paint(n, n), v.count[n])
	}
	return line + v.dim(fmt.Sprintf("%d events in %s", v.total, time.Since(v.start).Round(time.Second)))
}

func (v *view) close() {
	v.clearRates()
	v.printf("\n%d events in %s\n", v.total, time.Since(v.start).Round(100*time.Millisecond))
}

// clearRates takes the line of rates away, so that an event can be written there.
func (v *view) clearRates() {
	if v.live {
		v.printf("\r\x1b[K")
	}
}

func (v *view) paint(node, s string) string {
	if !v.live {
		return s
	}
	return v.styles[node].Render(s)
}

func (v *view) dim(s string) string {
	if !v.live {
		return s
	}
	return v.faint.Render(s)
}

// printf ignores errors: a closed terminal ends the demo by its signal.
func (v *view) printf(format string, args ...any) { _, _ = fmt.Fprintf(v.out, format, args...) }
