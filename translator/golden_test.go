package translator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
	pb "github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

var testIdent = Ident{Site: "default", Node: "charlie", Epoch: 1795398677000, Seq: 4711, HLC: 1795398679805958000}

// TestCaptures sends every recorded event all the way: text, entry, typed event, text.
//
//ami:same 7.1 7.4 7.5 7.6 16.6
//ami:na 7.2 7.3 7.7 7.8 7.9 the Asterisk makes its events, and they are passed on as it wrote them
func TestCaptures(t *testing.T) {
	t.Parallel()
	all, err := captures()
	if err != nil {
		t.Fatal(err)
	}
	groups := groupsByEvent(t)
	n := 0
	for _, c := range all {
		box, _, _ := strings.Cut(c.Instance, "-")
		o := &Origin{Node: box, Systemname: c.SystemName()}
		if box != "charlie" {
			o.Systemname = box // a short capture may hold no event that tells
		}
		rare := len(c.Messages) < 200
		for i, m := range c.Events() {
			n++
			checkCaptured(t, fmt.Sprintf("%s/%s event %d", c.Scenario, c.Instance, i), o, m, n%29 == 0 || rare, groups)
		}
	}
	if n < 50_000 {
		t.Errorf("only %d events in the captures", n)
	}
}

var captures = sync.OnceValues(func() ([]*capture.Capture, error) { return capture.OpenAll("../testdata/captures") })

func checkCaptured(t *testing.T, ref string, o *Origin, m *ami.Message, sample bool, groups map[string]bool) {
	t.Helper()
	entry, err := o.AppendEntry(nil, m)
	if err != nil {
		t.Fatalf("%s: %v", ref, err)
	}
	e, err := wire.ParseEntry(entry)
	if err != nil {
		t.Fatalf("%s: %v", ref, err)
	}
	if back := sourceText(e.AMI(), m, o); !bytes.Equal(back, m.Bytes()) {
		t.Fatalf("%s: served\n%s\nsaid\n%s", ref, e.AMI(), m.Bytes())
	}
	event, err := AppendEvent(nil, testIdent, &e)
	if err != nil {
		t.Fatalf("%s: %v", ref, err)
	}
	text, err := AppendText(nil, event)
	if err != nil {
		t.Fatalf("%s: %v", ref, err)
	}
	if !bytes.Equal(text, e.AMI()) {
		t.Fatalf("%s: rendered\n%s\nwant\n%s", ref, text, e.AMI())
	}
	if sample || !strings.HasPrefix(ref, "busy-1/") { // most of all events, and all alike
		checkTyped(t, ref, &e, event, groups, sample)
	}
}

// sourceText takes out again what AppendEntry may put in.
func sourceText(text []byte, m *ami.Message, o *Origin) []byte {
	if o.Systemname == "" {
		text = qualifiedID.ReplaceAll(text, []byte("$1"))
	}
	if _, _, present := systemName(m); !present {
		text = bytes.Replace(text, []byte("\r\nSystemName: "+o.Node+"\r\n"), crlf, 1)
	}
	return text
}

var qualifiedID = regexp.MustCompile(`charlie-(\d+\.\d+)`)

// checkTyped looks for groups left in plain fields, and compares a sample with events built from the generated structs.
func checkTyped(t *testing.T, ref string, e *wire.Entry, event []byte, groups map[string]bool, sample bool) {
	t.Helper()
	var got pb.Event
	if err := proto.Unmarshal(event, &got); err != nil {
		t.Fatalf("%s: %v", ref, err)
	}
	for _, s := range got.Segments {
		name := s.GetField().GetName()
		if groups[got.Name] && (strings.HasSuffix(name, "ChannelStateDesc") || strings.HasSuffix(name, "BridgeTechnology")) {
			t.Fatalf("%s: %s is left in a plain field:\n%s", ref, name, e.AMI())
		}
	}
	if !sample {
		return
	}
	if want := reference(testIdent, e); !proto.Equal(&got, want) {
		t.Fatalf("%s: event\n%v\nwant\n%v", ref, &got, want)
	}
	// The schema's own encoding, whose maps and fields may come in another order, renders the same.
	again, err := proto.Marshal(&got)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := AppendText(nil, again); err != nil || !bytes.Equal(text, e.AMI()) {
		t.Fatalf("%s: re-marshalled event renders (%v)\n%s\nwant\n%s", ref, err, text, e.AMI())
	}
}

// TestEveryGroup makes every event of events.json that has groups, with every role, and finds them as snapshots.
func TestEveryGroup(t *testing.T) {
	t.Parallel()
	for _, ev := range documented(t) {
		var lines []string
		want := 0
		for _, f := range ev.Fields {
			switch {
			case f.Snapshot == "channel":
				lines = append(lines, groupLines(f.Prefix, channelGroup)...)
				want++
			case f.Snapshot == "bridge":
				lines = append(lines, groupLines(f.Prefix, bridgeGroup)...)
				want++
			case !strings.Contains(f.Name, "{"):
				lines = append(lines, f.Name+": x")
			}
		}
		if want == 0 {
			continue
		}
		text := "Event: " + ev.Name + "\r\nPrivilege: " + ev.Privilege + "\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
		got := typed(t, text)
		n := 0
		for _, s := range got.Segments {
			if s.GetChannel() != nil || s.GetBridge() != nil {
				n++
			}
		}
		if n != want {
			t.Errorf("%s: %d snapshots, want %d:\n%s", ev.Name, n, want, text)
		}
	}
}

func groupLines(role string, g layout) (lines []string) {
	for _, h := range g.headers {
		value := "x"
		switch h.kind {
		case known:
			value = unknown
		case unsigned, signed:
			value = "7"
		case pairs:
			value = "A=b"
		}
		lines = append(lines, role+h.name+": "+value)
	}
	return lines
}

type docEvent struct {
	Name, Privilege string
	Fields          []docField
}

type docField struct{ Name, Snapshot, Prefix string }

func (f *docField) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		return json.Unmarshal(b, &f.Name)
	}
	type plain docField
	return json.Unmarshal(b, (*plain)(f))
}

func documented(t *testing.T) []docEvent {
	t.Helper()
	b, err := os.ReadFile("../testdata/ami/events.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Events []docEvent }
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Events) < 200 {
		t.Fatalf("only %d events in events.json", len(doc.Events))
	}
	return doc.Events
}

// groupsByEvent tells which events have groups.
func groupsByEvent(t *testing.T) map[string]bool {
	groups := map[string]bool{}
	for _, ev := range documented(t) {
		for _, f := range ev.Fields {
			groups[ev.Name] = groups[ev.Name] || f.Snapshot != ""
		}
	}
	return groups
}

// message decodes one message as it comes from an Asterisk.
func message(t testing.TB, text string) *ami.Message {
	t.Helper()
	m, err := ami.NewDecoder(strings.NewReader(text), ami.Client).Decode()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// entryOf makes the entry of an event.
func entryOf(t testing.TB, o *Origin, text string) wire.Entry {
	t.Helper()
	raw, err := o.AppendEntry(nil, message(t, text))
	if err != nil {
		t.Fatal(err)
	}
	e, err := wire.ParseEntry(raw)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// typed makes the typed event of an event whose source needs no rewriting, and checks that it renders back.
func typed(t testing.TB, text string) *pb.Event {
	t.Helper()
	m := message(t, text)
	e, err := wire.ParseEntry(wire.AppendEntry(nil, classesOf(m), nil, nil, nil, m.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	event, err := AppendEvent(nil, testIdent, &e)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := AppendText(nil, event); err != nil || string(got) != text {
		t.Fatalf("rendered %q (%v)\nwant     %q", got, err, text)
	}
	var ev pb.Event
	if err := proto.Unmarshal(event, &ev); err != nil {
		t.Fatal(err)
	}
	return &ev
}
