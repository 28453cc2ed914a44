package actions_test

import (
	"fmt"
	"testing"

	"github.com/amibus/amibus/node/actions"
	"github.com/amibus/amibus/proto/ami"
)

// BenchmarkRoute: the way of an action that names a channel of another node.
func BenchmarkRoute(b *testing.B) {
	v := cluster()
	nodes := v.Nodes()
	v.Nodes = func() []actions.Peer { return nodes }
	for name, m := range map[string]*ami.Message{
		"name":   ami.New("Action", "Getvar", "ActionID", "1", "Channel", "X/bravo", "Variable", "x"),
		"id":     ami.New("Action", "Getvar", "ActionID", "1", "Channel", "bravo-99.1", "Variable", "x"),
		"global": ami.New("Action", "Getvar", "ActionID", "1", "Variable", "x"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d := actions.Route(m, v); d.Do != actions.Run {
					b.Fatal(d)
				}
			}
		})
	}
}

// BenchmarkList: 10,000 channels of 5 nodes, in pieces of 64 KiB.
func BenchmarkList(b *testing.B) {
	action := ami.New("Action", "CoreShowChannels", "ActionID", "7")
	d := &actions.Decision{Action: actions.Lookup("CoreShowChannels")}
	var answers [][]byte
	for n := range 5 {
		d.Parts = append(d.Parts, actions.Part{Label: fmt.Sprint("node", n), SystemName: fmt.Sprint("pbx", n)})
		text := []byte(lines("Response: Success|ActionID: 7|EventList: start|Message: Channels will follow"))
		for i := range 2000 {
			m := ami.New("Event", "CoreShowChannel", "ActionID", "7", "Channel", fmt.Sprintf("PJSIP/phone-%08x", i), "ChannelState", "6", "ChannelStateDesc", "Up",
				"CallerIDNum", "1000", "CallerIDName", "<unknown>", "ConnectedLineNum", "2000", "ConnectedLineName", "<unknown>", "Language", "en", "AccountCode", "",
				"Context", "from-internal", "Exten", "2000", "Priority", "3", "Uniqueid", fmt.Sprintf("pbx%d-1700000000.%d", n, i), "Linkedid", fmt.Sprintf("pbx%d-1700000000.%d", n, i),
				"Application", "Dial", "ApplicationData", "PJSIP/2000,30", "Duration", "00:01:00", "BridgeId", "c58942d7-0101-4012-a9da-e21c012e9400")
			text = append(text, m.Bytes()...)
		}
		answers = append(answers, append(text, lines("Event: CoreShowChannelsComplete|ActionID: 7|EventList: Complete|ListItems: 2000")...))
	}
	b.SetBytes(int64(5 * len(answers[0])))
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		l := actions.NewList(action, d)
		for at := 0; at < len(answers[0]); at += 64 << 10 {
			for i, text := range answers {
				out = l.Take(out[:0], i, text[min(at, len(text)):min(at+64<<10, len(text))])
			}
		}
		for i := range answers {
			out = l.End(out[:0], i, "")
		}
	}
	if string(out) != lines("Event: CoreShowChannelsComplete|ActionID: 7|EventList: Complete|ListItems: 10000") {
		b.Fatalf("%q", out)
	}
}
