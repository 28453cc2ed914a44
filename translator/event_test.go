package translator

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/proto/ami"
	pb "github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

// text joins lines to a message.
func lines(l ...string) string { return strings.Join(l, "\r\n") + "\r\n\r\n" }

// bigGroup is a channel group with every header.
var bigGroup = groupLines("", channelGroup)

func withLine(group []string, name, line string) []string {
	out := append([]string(nil), group...)
	for i := range out {
		if strings.HasPrefix(out[i], name+":") {
			out[i] = line
		}
	}
	return out
}

// TestOddText renders back what no well-behaved Asterisk writes.
func TestOddText(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"event only":          lines("Event: A"),
		"empty name":          lines("Event: ", "Privilege: call,all"),
		"blanks in name":      lines("Event:   A  ", "Privilege: call,all"),
		"no class":            lines("Event: A", "Privilege: <none>"),
		"unknown class":       lines("Event: A", "Privilege: root,all"),
		"Status item":         lines("Event: Status", "Privilege: Call", "Channel: x"),
		"classes not ordered": lines("Event: A", "Privilege: call,system,all"),
		"privilege third":     lines("Event: A", "B: c", "Privilege: call,all"),
		"privilege blanks":    lines("Event: A", "Privilege:  call,all"),
		"two privileges":      lines("Event: A", "Privilege: call,all", "Privilege: call,all"),
		"tight and blanks":    lines("Event: A", "Privilege: call,all", "B:c", "B:", "B: ", "B:  c ", "B:\tc", ":", ": x", "::"),
		"no colon":            lines("Event: A", "Privilege: call,all", "B", " ", "\r"),
		"bare LF and CR":      lines("Event: A", "Privilege: call,all", "B: c\nd: e", "\nf", "g: h\r", "\r\ri"),
		"not UTF-8":           lines("Event: \xff", "Privilege: call,all", "\xfe: \xfd", "\xfc", "é: \xc3"),
		"odd name":            lines("Event: Rename", "Privilege: call,all", "ChanVariable(Local/x;1): A=b", "ChanVariable(IAX2/h:5-1): A=b"),
		"long":                lines("Event: A", "Privilege: call,all", "B: "+strings.Repeat("x", 70_000)),
		"big NUL":             lines("Event: A", "Privilege: call,all", "B: \x00\x00"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			typed(t, text)
		})
	}
}

// TestGroups tells which runs of headers are groups.
func TestGroups(t *testing.T) {
	t.Parallel()
	bridge := groupLines("To", bridgeGroup)
	for name, c := range map[string]struct {
		lines  []string
		groups int
	}{
		"full":                  {bigGroup, 1},
		"12":                    {bigGroup[:13], 1},
		"13":                    {bigGroup[:14], 1},
		"two":                   {append(append([]string(nil), bigGroup...), groupLines("Dest", channelGroup)...), 2},
		"channel and bridge":    {append(append([]string(nil), bigGroup...), bridge...), 2},
		"bridge of 12":          {bridge[:6], 1},
		"bridge no video":       {bridge[:7], 1},
		"bridge cut":            {bridge[:5], 0},
		"channel cut":           {bigGroup[:12], 0},
		"channel alone":         {bigGroup[:1], 0},
		"no language":           {append(append([]string(nil), bigGroup[:7]...), bigGroup[8:]...), 1},
		"state not canonical":   {withLine(bigGroup, "ChannelState", "ChannelState: 06"), 0},
		"state empty":           {withLine(bigGroup, "ChannelState", "ChannelState: "), 0},
		"state negative":        {withLine(bigGroup, "ChannelState", "ChannelState: -1"), 0},
		"state biggest":         {withLine(bigGroup, "ChannelState", "ChannelState: 4294967295"), 1},
		"state too big":         {withLine(bigGroup, "ChannelState", "ChannelState: 4294967296"), 0},
		"priority negative":     {withLine(bigGroup, "Priority", "Priority: -1"), 1},
		"priority smallest":     {withLine(bigGroup, "Priority", "Priority: -2147483648"), 1},
		"priority too small":    {withLine(bigGroup, "Priority", "Priority: -2147483649"), 0},
		"priority minus zero":   {withLine(bigGroup, "Priority", "Priority: -0"), 0},
		"priority too big":      {withLine(bigGroup, "Priority", "Priority: 2147483648"), 0},
		"caller id empty":       {withLine(bigGroup, "CallerIDNum", "CallerIDNum: "), 1},
		"tight":                 {withLine(bigGroup, "Context", "Context:x"), 0},
		"wide":                  {withLine(bigGroup, "Context", "Context:  x"), 1},
		"other spelling":        {withLine(bigGroup, "Context", "context: x"), 0},
		"variable without name": {withLine(bigGroup, "ChanVariable", "ChanVariable: =x"), 1},
		"variable no equals":    {withLine(bigGroup, "ChanVariable", "ChanVariable: x"), 1},
		"bytes everywhere":      {groupLines("\xff", channelGroup), 1},
		"bytes in values":       {withLine(withLine(bigGroup, "Exten", "Exten: \xff"), "ChanVariable", "ChanVariable: \xff=\xfe"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0
			for _, s := range typed(t, lines(append([]string{"Event: A", "Privilege: call,all"}, c.lines...)...)).Segments {
				if s.GetChannel() != nil || s.GetBridge() != nil {
					n++
				}
			}
			if n != c.groups {
				t.Errorf("%d groups, want %d", n, c.groups)
			}
		})
	}
}

// TestUserEventBody: what a UserEvent carries is never taken for more than lines.
func TestUserEventBody(t *testing.T) {
	t.Parallel()
	l := append([]string{"Event: UserEvent", "Privilege: user,all"}, bigGroup...)
	l = append(append(l, "userevent: X"), bigGroup...)
	segments := typed(t, lines(l...)).Segments
	if len(segments) != 1+1+len(bigGroup) || segments[0].GetChannel() == nil {
		t.Errorf("%d segments, want one group, then %d fields", len(segments), 1+len(bigGroup))
	}
}

// TestBytes: strings stay UTF-8, the exact bytes are found under the field's number.
func TestBytes(t *testing.T) {
	t.Parallel()
	l := withLine(bigGroup, "CallerIDName", "CallerIDName: J\xfcrgen Ω")
	ev := typed(t, lines(append([]string{"Event: A\xe9", "Privilege: call,all", "B\xff: c"}, l...)...))
	if ev.Name != "A\uFFFD" || string(ev.Raw[7]) != "A\xe9" {
		t.Errorf("name %q, raw %q", ev.Name, ev.Raw[7])
	}
	if f := ev.Segments[0].GetField(); f.GetName() != "B\uFFFD" || string(f.GetRaw()[1]) != "B\xff" || len(f.GetRaw()) != 1 {
		t.Errorf("field %v", f)
	}
	c := ev.Segments[1].GetChannel()
	if c.GetCallerIdName() != "J\uFFFDrgen Ω" || string(c.GetRaw()[6]) != "J\xfcrgen Ω" || len(c.GetRaw()) != 1 {
		t.Errorf("snapshot %v", c)
	}
	if !utf8.ValidString(ev.String()) {
		t.Error("not UTF-8")
	}
	// Valid text needs no raw bytes.
	plain := typed(t, lines("Event: A", "Privilege: call,all", "B: Ω\uFFFD"))
	if f := plain.Segments[0].GetField(); f.GetValue() != "Ω\uFFFD" || f.Raw != nil {
		t.Errorf("field %v", f)
	}
}

// TestRenderAnyOrder: fields of a message may come in any order, and unknown ones are skipped.
func TestRenderAnyOrder(t *testing.T) {
	t.Parallel()
	head, err := proto.Marshal(&pb.Event{Name: "A\uFFFD", Raw: map[uint32][]byte{7: []byte("A\xff")}})
	if err != nil {
		t.Fatal(err)
	}
	segments, err := proto.Marshal(&pb.Event{Classes: 2, Segments: []*pb.Segment{
		{Kind: &pb.Segment_Field{Field: &pb.Field{Name: "B", Value: "c"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := proto.Marshal(&pb.Event{Raw: map[uint32][]byte{7: []byte("A\xff"), 77: []byte("x"), 1 << 31: nil}})
	if err != nil {
		t.Fatal(err)
	}
	later := []byte{0xa0, 0x06, 1, 0xaa, 0x06, 1, 'x', 0xb1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8} // fields 100, 101, 102
	got, err := AppendText([]byte("kept "), bytes.Join([][]byte{raw, later, segments, head}, nil))
	if want := "kept " + lines("Event: A\xff", "Privilege: call,all", "B: c"); err != nil || string(got) != want {
		t.Errorf("rendered %q (%v), want %q", got, err, want)
	}
}

func TestAppendTextMalformed(t *testing.T) {
	t.Parallel()
	event, err := proto.Marshal(&pb.Event{Name: "A", Segments: []*pb.Segment{
		{Kind: &pb.Segment_Channel{Channel: &pb.ChannelSnapshot{Channel: "x", Variables: []*pb.Variable{{Name: "y"}}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	bad := [][]byte{{0x7a, 0}, {0x7a, 2, 0x2a, 0}, {0x08}, {0xff}, {0x7a, 3, 0x0a, 1, 0xff}, {0xfa, 0x01, 1, 0xff}, {0x0c}}
	for n := 1; n < len(event); n++ {
		if n != 3 { // just the name
			bad = append(bad, event[:n])
		}
	}
	for _, b := range bad {
		got, err := AppendText([]byte("kept"), b)
		if !errors.Is(err, wire.ErrMalformed) || string(got) != "kept" {
			t.Errorf("%x: %q, %v", b, got, err)
		}
	}
}

func TestAppendEventRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "", "no event": "Response: Success\r\n\r\n", "tight": "Event:A\r\n\r\n", "cut": "Event: A\r\nB: c\r\n",
		"no end of line": "Event: A\r\nB: c", "only LF": "Event: A\n\n", "two": "Event: A\r\n\r\nEvent: B\r\n\r\n",
	} {
		e, err := wire.ParseEntry(wire.AppendEntry(nil, 0, nil, nil, nil, []byte(text)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := AppendEvent([]byte("kept"), testIdent, &e); err == nil || string(got) != "kept" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// FuzzRoundTrip: whatever decodes as an event comes back byte for byte, through bytes that protobuf reads.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte(mean))
	f.Add(bare)
	f.Add([]byte("Event: A\n\r\n"))
	f.Add([]byte(lines(append([]string{"Event: \xff", "Privilege: call,all", "A:b", "c"}, groupLines("To", bridgeGroup)...)...)))
	f.Add([]byte(lines("Event: UserEvent", "Privilege: user,all", "UserEvent: x", "SystemName: y", "\n: \r", ":")))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ami.NewDecoder(bytes.NewReader(b), ami.Client).Decode()
		if err != nil {
			return // not a message
		}
		for _, o := range []*Origin{{Node: "n"}, {Node: "n", Qualify: Always, Systemname: "s"}, {Node: "n", Qualify: Never}} {
			raw, err := o.AppendEntry(nil, m)
			if err != nil {
				if bytes.HasPrefix(m.Bytes(), []byte("Event: ")) && bytes.HasSuffix(m.Bytes(), endOfMessage) {
					t.Fatal(err)
				}
				return
			}
			e, err := wire.ParseEntry(raw)
			if err != nil {
				t.Fatal(err)
			}
			event, err := AppendEvent(nil, testIdent, &e)
			if err != nil {
				t.Fatalf("%v in %q", err, e.AMI())
			}
			if text, err := AppendText(nil, event); err != nil || !bytes.Equal(text, e.AMI()) {
				t.Fatalf("rendered %q (%v)\nwant     %q", text, err, e.AMI())
			}
			if err := proto.Unmarshal(event, &pb.Event{}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
