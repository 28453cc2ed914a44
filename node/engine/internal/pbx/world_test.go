package pbx

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/ami/capture"
	"github.com/amibus/amibus/translator"
)

// world runs a PBX in fake time and keeps what it says.
type world struct {
	t        testing.TB
	p        *PBX
	writer   translator.Writer
	start    time.Time
	now      time.Time
	next     time.Time
	events   []event
	replies  map[uint64]*Reply
	answered map[uint64]int // how often
	given    map[string]int // inputs of each type
	text     []byte
}

// event is one as AMI text says it: its name and its lines.
type event struct {
	name    string
	headers []header
}

type header struct{ name, value string }

var epoch = time.Date(2026, 11, 23, 1, 44, 46, 905_000_000, time.UTC)

func newWorld(t testing.TB, cfg Config) *world {
	if cfg.Dialplan == nil {
		cfg.Dialplan = office
	}
	cfg.SystemName = "alpha"
	return &world{
		t: t, p: New(cfg), start: epoch, now: epoch, replies: map[uint64]*Reply{}, answered: map[uint64]int{}, given: map[string]int{},
		writer: translator.Writer{SystemName: "alpha", Timestamps: true},
	}
}

// do gives inputs at the present moment.
func (w *world) do(in ...Input) {
	for _, i := range in {
		w.given[reflect.TypeOf(i).Name()]++
		if id := reflect.ValueOf(i).FieldByName("ID"); id.IsValid() && id.Uint() > 0 {
			w.answered[id.Uint()] += 0
		}
	}
	out, next := w.p.Step(w.now, in...)
	w.next = next
	for i := range out {
		o := &out[i]
		if o.Reply != nil {
			w.replies[o.Reply.ID] = o.Reply
			w.answered[o.Reply.ID]++
			continue
		}
		at := len(w.text)
		w.text = w.writer.Append(w.text, o.At, &o.Event)
		w.events = append(w.events, parseEvent(string(w.text[at:])))
	}
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	for n := 0; !w.next.IsZero() && !w.next.After(end); n++ {
		if n > 20_000 {
			w.t.Fatal("it spins")
		}
		if w.next.After(w.now) {
			w.now = w.next
		}
		w.do()
	}
	w.now = end
	w.do()
}

func parseEvent(text string) event {
	var e event
	for _, line := range strings.Split(strings.TrimSuffix(text, "\r\n\r\n"), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		if name == "Event" && e.name == "" {
			e.name = value
			continue
		}
		e.headers = append(e.headers, header{name, value})
	}
	return e
}

func (e *event) get(name string) string {
	if i := slices.IndexFunc(e.headers, func(h header) bool { return h.name == name }); i >= 0 {
		return e.headers[i].value
	}
	return ""
}

// recorded reads the events of a capture that an engine makes.
func recorded(t testing.TB, scenario, instance string) []event {
	t.Helper()
	c, err := capture.OpenDir("../../../../testdata/captures/"+scenario, instance)
	if err != nil {
		t.Fatal(err)
	}
	var out []event
	for _, m := range c.Events() {
		e := parseEvent(string(m.Bytes()))
		switch e.name {
		case "CEL", "Cdr", "DeviceStateChange", "ExtensionStatus", "SuccessfulAuth", "FullyBooted", "ChallengeSent", "InvalidAccountID":
			continue // not built
		}
		out = append(out, e)
	}
	return out
}

var suffix = regexp.MustCompile(`-[0-9a-f]{8}(;[12])?$`)

var endpoint = regexp.MustCompile(`\b(?:IAX2|Sim)/(\w+)-[0-9a-f]+`)

var inside = regexp.MustCompile(`-[0-9a-f]{8}(;[12])?\b`)

var uniqueid = regexp.MustCompile(`\balpha-\d+\.\d+`)

// streams sorts events into what happened to each channel, dial, pair, bridge, in order: what Asterisk's threads do for one of them is
// in one order, what they do for different ones is not. A line is the event's name and the names of its headers.
func streams(events []event, line func(*event, *names) string) (streams map[string][]string, order []string) {
	n := newNames(events)
	streams = map[string][]string{}
	add := func(key string, e *event) {
		if streams[key] == nil {
			order = append(order, key)
		}
		streams[key] = append(streams[key], line(e, n))
	}
	for i := range events {
		e := &events[i]
		switch {
		case e.name == "OriginateResponse":
			add("originate "+n.channel(e.get("Channel")), e)
		case e.name == "BlindTransfer" || e.name == "AttendedTransfer":
			add("transfer", e)
		case e.get("LocalOneChannel") != "":
			add("local "+n.channel(e.get("LocalOneChannel")), e)
		case e.get("ParkeeChannel") != "":
			add("parked "+n.channel(e.get("ParkeeChannel")), e)
		default:
			if b := e.get("BridgeUniqueid"); b != "" {
				add(n.bridge(b), e)
			}
			if dest := e.get("DestChannel"); dest != "" {
				add("dial "+n.channel(dest), e)
			}
			if c := e.get("Channel"); c != "" {
				add(n.channel(c), e)
			}
		}
	}
	return streams, order
}

// names gives channels and bridges names that do not depend on how many there were before.
type names struct {
	rank    map[string]int
	bridges map[string]string
}

func newNames(events []event) *names {
	n := &names{map[string]int{}, map[string]string{}}
	var locals []string
	for i := range events {
		e := &events[i]
		if e.name == "Newchannel" {
			if m := suffix.FindString(e.get("Channel")); m != "" && !slices.Contains(locals, m[:9]) {
				locals = append(locals, m[:9])
			}
		}
		if b := e.get("BridgeUniqueid"); e.name == "BridgeEnter" && n.bridges[b] == "" {
			first := suffix.ReplaceAllString(e.get("Channel"), "")
			n.bridges[b] = fmt.Sprintf("bridge %d of %s", 1+count(n.bridges, first), n.channel(first))
		}
	}
	slices.Sort(locals)
	for i, s := range locals {
		n.rank[s] = i + 1
	}
	return n
}

func count(m map[string]string, word string) (n int) {
	for _, v := range m {
		if strings.HasSuffix(v, " "+word) {
			n++
		}
	}
	return n
}

func (n *names) channel(name string) string {
	name = endpoint.ReplaceAllString(name, "Sim/$1")
	return inside.ReplaceAllStringFunc(name, func(s string) string { return fmt.Sprintf("-%d%s", n.rank[s[:9]], s[9:]) })
}

func (n *names) bridge(id string) string { return n.bridges[id] }

// shape is the event's name, what tells two of a name apart, and the names of its headers.
func shape(e *event, n *names) string {
	var b strings.Builder
	b.WriteString(e.name)
	for _, name := range []string{"Variable", "ChannelStateDesc", "DialStatus", "Application", "Digit", "UserEvent"} {
		if v := e.get(name); v != "" && (name != "ChannelStateDesc" || e.name == "Newstate") {
			fmt.Fprintf(&b, " %s=%s", name, v)
		}
	}
	b.WriteString(" [")
	for _, h := range e.headers {
		b.WriteString(n.channel(h.name))
		b.WriteByte(' ')
	}
	return b.String() + "]"
}

// compare fails with the first difference of each stream that is not excused. excused maps a stream (or, ending with *, its begin) to a
// reason; an excuse that is not needed fails too.
func compare(t *testing.T, got, want []event, line func(*event, *names) string, excused map[string]string) {
	t.Helper()
	g, _ := streams(got, line)
	w, order := streams(want, line)
	for key := range g {
		if w[key] == nil {
			order = append(order, key)
		}
	}
	for _, key := range order {
		reason := excused[key]
		if slices.Equal(g[key], w[key]) {
			if reason != "" {
				t.Errorf("%s: equal, needs no excuse %q", key, reason)
			}
			continue
		}
		if reason == clock {
			slices.Sort(g[key])
			slices.Sort(w[key])
		}
		if reason != "" && (reason != clock || slices.Equal(g[key], w[key])) {
			continue
		}
		t.Errorf("%s:\n%s", key, difference(g[key], w[key]))
	}
}

func difference(got, want []string) string {
	var b strings.Builder
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	show := func(title string, lines []string) {
		fmt.Fprintf(&b, "  %s (%d):\n", title, len(lines))
		for k := max(0, i-2); k < min(len(lines), i+6); k++ {
			fmt.Fprintf(&b, "    %3d %s\n", k, lines[k])
		}
	}
	show("engine", got)
	show("asterisk", want)
	return b.String()
}

// whole is the event with its values, as far as they do not depend on clocks and counters.
func whole(e *event, n *names) string {
	var b strings.Builder
	b.WriteString(e.name)
	for _, h := range e.headers {
		v := uniqueid.ReplaceAllString(n.channel(h.value), "~")
		switch {
		case h.name == "Timestamp", strings.HasSuffix(h.name, "nkedid"), strings.HasSuffix(h.name, "niqueid"), h.name == "DestUniqueId", h.name == "ActionID", h.name == "Id",
			strings.HasPrefix(h.name, "Parking") && h.name != "Parkinglot":
			continue
		case h.name == "Value" && strings.HasSuffix(e.get("Variable"), "_MS"), h.name == "Value" && strings.HasSuffix(e.get("Variable"), "TIME"):
			v = "~"
		}
		fmt.Fprintf(&b, " %s=%s", n.channel(h.name), v)
	}
	return b.String()
}
