package actions_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/amibus/amibus/node/actions"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
)

// lines is AMI text: messages separated by empty words, lines by |.
func lines(text string) string { return strings.ReplaceAll(text, "|", "\r\n") + "\r\n\r\n" }

// answerer is a List or a Broadcast.
type answerer interface {
	Take(dst []byte, i int, piece []byte) []byte
	End(dst []byte, i int, failure string) []byte
}

// join gives the parts the answers, a whole one after the other. One that starts with "!" is a failure without an answer; what stands
// behind "!" at its end breaks it off.
func join(a answerer, answers ...string) string {
	var out []byte
	for i, text := range answers {
		text, failure, _ := strings.Cut(text, "!")
		if text != "" {
			out = a.Take(out, i, []byte(lines(text)))
		}
		out = a.End(out, i, failure)
	}
	return strings.TrimSuffix(strings.ReplaceAll(strings.ReplaceAll(string(out), "\r\n\r\n", "||"), "\r\n", "|"), "||")
}

func decision(name string, missing ...string) *actions.Decision {
	return &actions.Decision{Do: actions.Lists, Action: actions.Lookup(name), Missing: missing, Parts: []actions.Part{
		{Node: alpha, Label: "alpha", SystemName: "pbx1"}, {Node: bravo, Label: "bravo", SystemName: "pbx2"}, {Node: charlie, Label: "charlie", SystemName: "charlie"}}}
}

func list(name string, missing ...string) answerer {
	return actions.NewList(ami.New("Action", name, "ActionID", "7"), decision(name, missing...))
}

const (
	start = "Response: Success|ActionID: 7|EventList: start|Message: Channel status will follow"
	none  = start + "||Event: StatusComplete|ActionID: 7|EventList: Complete|ListItems: 0|Items: 0"
)

// channels is the answer to Status with these channels.
func channels(names ...string) string {
	text := start
	for _, n := range names {
		text += "||Event: Status|Privilege: Call|Channel: " + n + "|ActionID: 7"
	}
	return fmt.Sprintf("%s||Event: StatusComplete|ActionID: 7|EventList: Complete|ListItems: %[2]d|Items: %[2]d", text, len(names))
}

func item(name, system string) string {
	return "||Event: Status|Privilege: Call|Channel: " + name + "|ActionID: 7|SystemName: " + system
}

func complete(n int, more string) string {
	return fmt.Sprintf("||Event: StatusComplete|ActionID: 7|EventList: Complete|ListItems: %[1]d|Items: %[1]d%[2]s", n, more)
}

const denied = "Response: Error|ActionID: 7|Message: Permission denied"

func TestList(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		action  string
		missing []string
		answers []string
		want    string
	}{
		{"three", "Status", nil, []string{channels("a", "b"), channels("c"), none}, start + item("a", "pbx1") + item("b", "pbx1") + item("c", "pbx2") + complete(3, "")},
		{"none", "Status", nil, []string{none, none, none}, none},
		{"one out of view", "Status", []string{"delta", "west/echo"}, []string{none, none, channels("c")},
			start + item("c", "charlie") + complete(1, "|NodesMissing: delta, west/echo")},
		{"one fails", "Status", nil, []string{channels("a"), denied, none}, start + item("a", "pbx1") + complete(1, "|NodesFailed: bravo (Permission denied)")},
		{"the own one fails", "Status", nil, []string{denied, channels("b"), none}, start + item("b", "pbx2") + complete(1, "|NodesFailed: alpha (Permission denied)")},
		{"no answer", "Status", []string{"delta"}, []string{channels("a"), "!is out of reach", "!"},
			start + item("a", "pbx1") + complete(1, "|NodesMissing: delta|NodesFailed: bravo (is out of reach), charlie (its answer broke off)")},
		{"in the middle", "Status", nil, []string{strings.TrimSuffix(channels("a", "b"), complete(2, "")) + "!went away", channels("c"), none},
			start + item("a", "pbx1") + item("b", "pbx1") + item("c", "pbx2") + complete(3, "|NodesFailed: alpha (went away)")},
		{"all in the middle", "Status", nil, []string{start + "!gone", start + "!", "!"},
			start + "||Event: StatusComplete|ActionID: 7|EventList: Complete|ListItems: 0|NodesFailed: alpha (gone), bravo (its answer broke off), charlie (its answer broke off)"},
		{"broken off behind the end", "Status", nil, []string{channels("a") + "!late", none, none}, start + item("a", "pbx1") + complete(1, "")},
		{"all fail", "Status", nil, []string{denied, "Response: Error|ActionID: 7|Message: other", "!gone"},
			denied + "|NodesFailed: bravo (other), charlie (gone)"},
		{"all fail, one out of view", "Status", []string{"delta"}, []string{denied, denied, denied},
			denied + "|NodesMissing: delta|NodesFailed: bravo (Permission denied), charlie (Permission denied)"},
		{"no answer at all", "Status", nil, []string{"!Node alpha is down", "!gone", denied},
			"Response: Error|ActionID: 7|Message: Node alpha is down|NodesFailed: bravo (gone), charlie (Permission denied)"},
		{"an error without a text", "Status", nil, []string{channels("a"), "Response: Error|ActionID: 7", none}, start + item("a", "pbx1") + complete(1, "|NodesFailed: bravo (error without a text)")},

		{"nothing there is no failure", "ConfbridgeListRooms", nil, []string{"Response: Error|ActionID: 7|Message: No active conferences.",
			"Response: Success|ActionID: 7|EventList: start|Message: Confbridge conferences will follow||Event: ConfbridgeListRooms|ActionID: 7|Conference: 1" +
				"||Event: ConfbridgeListRoomsComplete|ActionID: 7|EventList: Complete|ListItems: 1", "!gone"},
			"Response: Success|ActionID: 7|EventList: start|Message: Confbridge conferences will follow||Event: ConfbridgeListRooms|ActionID: 7|Conference: 1|SystemName: pbx2" +
				"||Event: ConfbridgeListRoomsComplete|ActionID: 7|EventList: Complete|ListItems: 1|NodesFailed: charlie (gone)"},
		{"nothing anywhere", "ConfbridgeListRooms", nil, slices.Repeat([]string{"Response: Error|ActionID: 7|Message: No active conferences."}, 3),
			"Response: Error|ActionID: 7|Message: No active conferences."},
		{"with a line feed", "PJSIPShowAors", nil, []string{"Response: Success|ActionID: 7|EventList: start|Message: A listing of AORs follows, presented as AorList events" +
			"||Event: AorListComplete|ActionID: 7|EventList: Complete|ListItems: 0", "Response: Error|ActionID: 7|Message: No AORs found\n", "Response: Error|ActionID: 7|Message: No AORs found"},
			"Response: Success|ActionID: 7|EventList: start|Message: A listing of AORs follows, presented as AorList events||Event: AorListComplete|ActionID: 7|EventList: Complete|ListItems: 0"},
		{"no list", "VoicemailUsersList", nil, []string{"Response: Error|ActionID: 7|Message: x", "Response: Success|ActionID: 7|Message: There are no voicemail users currently defined.", "!gone"},
			"Response: Success|ActionID: 7|Message: There are no voicemail users currently defined.|NodesFailed: alpha (x), charlie (gone)"},

		{"of 12", "ParkedCalls", nil, []string{"Response: Success|ActionID: 7|Message: Parked calls will follow||Event: ParkedCall|Exten: 701|ActionID: 7||Event: ParkedCall|Exten: 702" +
			"||Event: ParkedCallsComplete|Total: 2|ActionID: 7", "Response: Success|ActionID: 7|Message: Parked calls will follow||Event: ParkedCallsComplete|Total: 0|ActionID: 7",
			"Response: Success|ActionID: 7|EventList: start|Message: Parked calls will follow||Event: ParkedCall|Exten: 701|ActionID: 7" +
				"||Event: ParkedCallsComplete|ActionID: 7|EventList: Complete|ListItems: 1|Total: 1"},
			"Response: Success|ActionID: 7|EventList: start|Message: Parked calls will follow||Event: ParkedCall|Exten: 701|ActionID: 7|SystemName: pbx1" +
				"||Event: ParkedCall|Exten: 702|SystemName: pbx1||Event: ParkedCall|Exten: 701|ActionID: 7|SystemName: charlie" +
				"||Event: ParkedCallsComplete|ActionID: 7|EventList: Complete|ListItems: 3|Total: 3"},
		{"counts", "PJSIPShowRegistrationsOutbound", nil, []string{"Response: Success|ActionID: 7|EventList: start|Message: Following are Events for each Outbound registration" +
			"||Event: OutboundRegistrationDetail|ActionID: 7||Event: AuthDetail|ActionID: 7||Event: OutboundRegistrationDetailComplete|ActionID: 7|EventList: Complete|ListItems: 1|Registered: 1|NotRegistered: 0",
			"Response: Success|ActionID: 7|EventList: start|Message: x||Event: OutboundRegistrationDetailComplete|ActionID: 7|EventList: Complete|ListItems: 4|Registered: 1|NotRegistered: 3|New: x", "!x"},
			"Response: Success|ActionID: 7|EventList: start|Message: Following are Events for each Outbound registration" +
				"||Event: OutboundRegistrationDetail|ActionID: 7|SystemName: pbx1||Event: AuthDetail|ActionID: 7|SystemName: pbx1" +
				"||Event: OutboundRegistrationDetailComplete|ActionID: 7|EventList: Complete|ListItems: 5|Registered: 2|NotRegistered: 3|NodesFailed: charlie (x)"},
		{"hung up", "Hangup", nil, []string{"Response: Success|ActionID: 7|EventList: start|Message: Channels hung up will follow||Event: ChannelHungup|Channel: a|ActionID: 7" +
			"||Event: ChannelsHungupListComplete|ActionID: 7|EventList: Complete|ListItems: 1", "!gone; outcome unknown", "!"},
			"Response: Success|ActionID: 7|EventList: start|Message: Channels hung up will follow||Event: ChannelHungup|Channel: a|ActionID: 7|SystemName: pbx1" +
				"||Event: ChannelsHungupListComplete|ActionID: 7|EventList: Complete|ListItems: 1|NodesFailed: bravo (gone; outcome unknown), charlie (its answer broke off)"},

		{"as it came", "Status", nil, []string{start + "||Event: Status|Variable: a=x\ny|  odd :|z|SystemName: mine||Response: again||Event: Other|b: \r c" + complete(1, ""), none, none},
			start + "||Event: Status|Variable: a=x\ny|  odd :|z|SystemName: mine||Event: Other|b: \r c|SystemName: pbx1" + complete(1, "")},
		{"an event before the answer", "Status", nil, []string{"Event: Status|Channel: early||" + channels("a"), none, none}, start + item("a", "pbx1") + complete(1, "")},
		{"more empty lines", "Status", nil, []string{"||" + channels("a") + "||", none, none}, start + item("a", "pbx1") + complete(1, "")},
	} {
		if got := join(list(c.action, c.missing...), c.answers...); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

// TestNoActionID: none asked, none answered.
func TestNoActionID(t *testing.T) {
	t.Parallel()
	plain := strings.NewReplacer("|ActionID: 7", "")
	for _, answers := range [][]string{{channels("a"), none, denied}, {denied, denied, denied}, {"!x", "!y", "!z"},
		{"Response: Success|Message: Channel status will follow||Event: StatusComplete", none, none}} {
		for i := range answers {
			answers[i] = plain.Replace(answers[i])
		}
		if got := join(actions.NewList(ami.New("Action", "Status"), decision("Status")), answers...); strings.Contains(got, "ActionID") {
			t.Errorf("%q", got)
		}
	}
}

// TestPieces: it does not matter how the answers are cut, nor in which order the nodes answer; each node's items keep theirs.
func TestPieces(t *testing.T) {
	t.Parallel()
	answers := []string{channels("a1", "a2", "a3"), channels("b1", "b2"), denied}
	want := join(list("Status"), answers...)
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		l := list("Status").(*actions.List)
		var out []byte
		rest := []string{lines(answers[0]), lines(answers[1]), lines(answers[2])}
		for open := 3; open > 0; {
			i := rnd.IntN(3)
			if rest[i] == "end" {
				continue
			}
			if rest[i] == "" {
				out = l.End(out, i, "")
				out = l.End(out, i, "twice")
				out = l.Take(out, i, []byte(lines("Event: Status|Channel: late")))
				rest[i] = "end"
				open--
				continue
			}
			n := min(1+rnd.IntN(40), len(rest[i]))
			out = l.Take(out, i, []byte(rest[i][:n]))
			rest[i] = rest[i][n:]
			if !bytes.HasSuffix(out, []byte("\r\n\r\n")) && len(out) > 0 {
				t.Fatalf("a part of a message is sent: %q", out)
			}
		}
		got := string(out)
		sorted := func(s string) []string {
			all := strings.Split(strings.TrimSuffix(s, "\r\n\r\n"), "\r\n\r\n")
			if strings.Index(all[0], "Response: Success") != 0 || !strings.Contains(all[len(all)-1], "EventList: Complete") {
				t.Fatalf("%q", s)
			}
			slices.Sort(all)
			return all
		}
		if a, b := sorted(got), sorted(strings.ReplaceAll(want, "|", "\r\n")+"\r\n\r\n"); !slices.Equal(a, b) {
			t.Fatalf("%q\nwant %q", got, want)
		}
		for _, pair := range [][2]string{{"a1", "a2"}, {"a2", "a3"}, {"b1", "b2"}} {
			if strings.Index(got, pair[0]) > strings.Index(got, pair[1]) {
				t.Fatalf("%v in %q", pair, got)
			}
		}
	}
}

// TestStreaming: an item is passed on before the next one is there, and nothing of it is kept.
func TestStreaming(t *testing.T) {
	t.Parallel()
	l := list("Status")
	if out := l.Take(nil, 1, []byte(lines(start))); string(out) != lines(start) {
		t.Fatalf("%q", out)
	}
	first := lines("Event: Status|Channel: x|ActionID: 7")
	if out := l.Take(nil, 1, []byte(first)); string(out) != lines("Event: Status|Channel: x|ActionID: 7|SystemName: pbx2") {
		t.Fatalf("%q", out)
	}
	if out := l.Take(nil, 0, []byte(lines(start)+first[:20])); len(out) != 0 {
		t.Fatalf("%q", out)
	}
	if out := l.Take(nil, 0, []byte(first[20:]+first[:10])); string(out) != lines("Event: Status|Channel: x|ActionID: 7|SystemName: pbx1") {
		t.Fatalf("%q", out)
	}
}

// TestGroups: what belongs together stays together when the items of two nodes come mixed.
func TestGroups(t *testing.T) {
	t.Parallel()
	l := list("QueueStatus")
	begin := lines("Response: Success|ActionID: 7|EventList: start|Message: Queue status will follow")
	queue := func(q string) string { return lines("Event: QueueParams|Queue: " + q) }
	member := func(m string) string { return lines("Event: QueueMember|Name: " + m) }
	end := lines("Event: QueueStatusComplete|ActionID: 7|EventList: Complete|ListItems: 2")
	var out []byte
	for _, piece := range []struct {
		i    int
		text string
	}{{0, begin}, {1, begin}, {0, queue("a")}, {1, queue("b")}, {0, member("a1")}, {1, member("b1")}, {0, queue("aa")}, {1, end}, {0, member("aa1")}, {0, end}, {2, lines(denied)}} {
		out = l.Take(out, piece.i, []byte(piece.text))
	}
	for i := range 3 {
		out = l.End(out, i, "")
	}
	var order []string
	for _, m := range strings.Split(string(out), "\r\n\r\n") {
		if _, name, ok := strings.Cut(m, "Queue: "); ok {
			order = append(order, strings.Fields(name)[0])
		} else if _, name, ok := strings.Cut(m, "Name: "); ok && strings.HasPrefix(m, "Event: QueueMember") {
			order = append(order, strings.Fields(name)[0])
		}
	}
	if got := strings.Join(order, " "); got != "a a1 b b1 aa aa1" {
		t.Errorf("%s", got)
	}
	l = list("QueueStatus")
	out = l.Take(nil, 0, []byte(begin+queue("a")))
	for range 10000 { // a group too large to be kept
		out = l.Take(out, 0, []byte(member("m")))
	}
	if len(out) < 10000*len(member("m"))/2 {
		t.Errorf("%d bytes", len(out))
	}
	if out = l.End(out, 0, "gone"); strings.Count(string(out), "Name: m\r\n") != 10000 {
		t.Error("members lost")
	}
}

// TestNoEnd: a message without an end is not kept for ever, and what is no AMI fails the node alone.
func TestNoEnd(t *testing.T) {
	t.Parallel()
	for _, text := range []string{strings.Repeat("x", ami.MaxMessage+1), "Response: Follows\r\n\r\nx"} {
		l := list("Status")
		var out []byte
		for i := 0; i < len(text); i += 64 << 10 {
			out = l.Take(out, 1, []byte(text[i:min(i+64<<10, len(text))]))
		}
		for i, a := range []string{channels("a"), channels("b"), none} {
			out = l.Take(out, i, []byte(lines(a)))
			out = l.End(out, i, "")
		}
		if !strings.Contains(string(out), "ListItems: 1\r\nItems: 1\r\nNodesFailed: bravo (its answer is no AMI)\r\n\r\n") {
			t.Errorf("%q", out)
		}
	}
}

// TestManyNodes: what names nodes stays within a line.
func TestManyNodes(t *testing.T) {
	t.Parallel()
	d := &actions.Decision{Action: actions.Lookup("Status")}
	for i := range 100 {
		d.Parts = append(d.Parts, actions.Part{Label: "node" + strconv.Itoa(i), SystemName: "x\r\nInjected: y"})
		d.Missing = append(d.Missing, "a-node-with-a-long-name-"+strconv.Itoa(i))
	}
	l := actions.NewList(ami.New("Action", "Status"), d)
	out := l.Take(nil, 0, []byte(lines(channels("a"))))
	for i := range d.Parts {
		out = l.End(out, i, "x\r\n\r\nEvent: Injected|y\x00"+strings.Repeat("z", 300))
	}
	for _, line := range strings.Split(string(out), "\r\n") {
		if len(line) > ami.MaxLine-2 || strings.HasPrefix(line, "Injected") || strings.HasPrefix(line, "Event: Injected") {
			t.Errorf("%q", line)
		}
	}
	if !strings.Contains(string(out), " more\r\nNodesFailed: node1 (") || !strings.Contains(string(out), " more\r\n\r\n") {
		t.Errorf("%s", out[len(out)-2000:])
	}
}

// TestCapturedLists merges what real Asterisks answered, as if it had come from three nodes: all items are there, as they were but for
// their last header, and the counts are sums.
func TestCapturedLists(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../testdata/captures/*/*.ami.gz")
	if err != nil || len(files) < 60 {
		t.Fatal(err)
	}
	merged, items := map[string]bool{}, 0
	for _, file := range files {
		c, err := capture.Open(os.DirFS(filepath.Dir(file)), strings.TrimSuffix(filepath.Base(file), ".ami.gz"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.Messages {
			m := &c.Messages[i]
			if m.Kind != capture.Answer || m.Action == nil {
				continue
			}
			a := actions.Lookup(m.Action.Action())
			if a == nil || a.Complete == "" || a.Scope == ami.ScopeSession || !a.BeginsList(m.Text) {
				continue
			}
			merged[a.Name] = true
			items += mergeCaptured(t, a, m)
		}
	}
	if len(merged) < 24 || items < 500 {
		t.Errorf("%d actions, %d items: not what the captures hold", len(merged), items)
	}
}

func mergeCaptured(t *testing.T, a *actions.Action, m *capture.Message) (items int) {
	t.Helper()
	text := bytes.Clone(m.Text.Bytes())
	var want []byte
	for _, part := range m.Rest {
		text = append(text, part.Bytes()...)
		if !a.EndsList(part) {
			items++
			want = append(want, part.Clone().Add("SystemName", "pbx1").Bytes()...)
		}
	}
	d := decision(a.Name)
	l := actions.NewList(m.Action, d)
	out := l.Take(nil, 0, text)
	if !bytes.Equal(out, append(bytes.Clone(m.Text.Bytes()), want...)) {
		t.Errorf("%s:\n got %q\nwant %q", a.Name, out, want)
	}
	out = l.End(nil, 0, "")
	out = l.End(l.Take(out, 1, text), 1, "")
	out = l.End(l.Take(out, 2, text), 2, "")
	last := out[bytes.LastIndex(out[:len(out)-4], []byte("\r\n\r\n"))+4:]
	for _, name := range []string{"ListItems", "Items", "Total"} {
		one := m.Rest[len(m.Rest)-1].Get(name)
		if one == nil {
			continue
		}
		n, _ := strconv.Atoi(string(one))
		if !bytes.Contains(last, fmt.Appendf(nil, "\r\n%s: %d\r\n", name, 3*n)) {
			t.Errorf("%s: %s of three times %s is in %q", a.Name, name, one, last)
		}
	}
	return items
}

// FuzzList: whatever the nodes answer, what comes out is AMI: one answer first; if it begins a list, events and their end follow.
func FuzzList(f *testing.F) {
	f.Add([]byte(lines(channels("a"))), []byte(lines(denied)), "gone", 3)
	f.Add([]byte(lines("Response: Success|Message: x will follow||Event: StatusComplete")), []byte("\r\n\r\nEvent: x"), "\r\n\r\nEvent: x", 1)
	f.Add([]byte(lines("Event: Status||Response: Success|EventList: START||Event: Status|ListItems: 5")), []byte("Response: Follows\r\n\r\n"), "", 7)
	f.Add([]byte("Response: Success\n\r\n\r\nResponse: Success\r\nEventList: start\n\r\n\r\nEvent: \r\x00x\n\r\n\r\n"), []byte("a: b\r\n\r\n"), "", 2)
	f.Fuzz(func(t *testing.T, a, b []byte, failure string, step int) {
		for _, action := range []string{"Status", "QueueStatus"} {
			d := decision(action)
			d.Parts = d.Parts[:2]
			d.Parts[1].SystemName, d.Parts[1].Label = failure, failure
			l := actions.NewList(ami.New("Action", action, "ActionID", "7"), d)
			var out []byte
			step = min(max(step, 1), 1000)
			for i := 0; i < max(len(a), len(b)); i += step {
				if i < len(a) {
					out = l.Take(out, 0, a[i:min(i+step, len(a))])
				}
				if i < len(b) {
					out = l.Take(out, 1, b[i:min(i+step, len(b))])
				}
			}
			out = l.End(l.End(out, 1, failure), 0, "")
			dec := ami.NewDecoder(bytes.NewReader(out), ami.Client)
			first, err := dec.Decode()
			if err != nil || first.Kind() != ami.KindResponse {
				t.Fatalf("%q: %v", out, err)
			}
			listing := d.Action.BeginsList(first)
			for ended := !listing; ; {
				m, err := dec.Decode()
				if err != nil && !ended {
					t.Fatalf("no end: %q", out)
				}
				if err != nil {
					break
				}
				if ended || m.Kind() != ami.KindEvent {
					t.Fatalf("%q in %q", m.Bytes(), out)
				}
				ended = d.Action.EndsList(m)
			}
		}
	})
}

// TestBroadcast: one answer, a success if nobody who has to do with it failed.
func TestBroadcast(t *testing.T) {
	t.Parallel()
	const done, refused, noQueue = "Response: Success|ActionID: 7|Message: Added interface to queue", "Response: Error|ActionID: 7|Message: Out of memory",
		"Response: Error|ActionID: 7|Message: Unable to add interface to queue: No such queue"
	for _, c := range []struct {
		name    string
		missing []string
		answers []string
		want    string
	}{
		{"all", nil, []string{done, done, done}, done + "|NodesSucceeded: alpha, bravo, charlie"},
		{"one out of view", []string{"delta"}, []string{done, done, done}, done + "|NodesSucceeded: alpha, bravo, charlie|NodesMissing: delta"},
		{"some have no such queue", nil, []string{noQueue, done, noQueue}, done + "|NodesSucceeded: bravo"},
		{"one fails", nil, []string{done, refused, done},
			"Response: Error|ActionID: 7|Message: Failed on some nodes: Out of memory|NodesSucceeded: alpha, charlie|NodesFailed: bravo (Out of memory)"},
		{"one gives no answer", nil, []string{done, "!Node bravo did not answer in time", done},
			"Response: Error|ActionID: 7|Message: Failed on some nodes: Node bravo did not answer in time|NodesSucceeded: alpha, charlie|NodesFailed: bravo (Node bravo did not answer in time)"},
		{"none has such a queue", nil, []string{noQueue, noQueue, noQueue}, noQueue},
		{"all fail", []string{"delta"}, []string{refused, noQueue, "!x"}, refused + "|NodesMissing: delta|NodesFailed: charlie (x)"},
		{"two answers", nil, []string{done + "||" + refused, done, done}, done + "|NodesSucceeded: alpha, bravo, charlie"},
	} {
		d := decision("QueueAdd", c.missing...)
		if got := join(actions.NewBroadcast(ami.New("Action", "QueueAdd", "ActionID", "7"), d), c.answers...); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}
