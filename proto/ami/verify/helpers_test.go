package verify_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
	"github.com/amibus/amibus/proto/ami/verify"
)

const captures = "../../../testdata/captures"

// allCaptures must not be changed.
var allCaptures = sync.OnceValues(func() ([]*capture.Capture, error) { return capture.OpenAll(captures) })

// step is one line of a stream in a test:
//
//	new 1             Newchannel of the channel 1, called SIP/1
//	hangup 1
//	create B          BridgeCreate; destroy B
//	enter B 1 2       BridgeEnter of 1, BridgeNumChannels 2; leave B 1 1
//	dial 1 2          DialBegin, caller 1, destination 2; caller 0: none
//	end 1 2 ANSWER    DialEnd
//	> Name K=V …      an action that is sent
//	< K=V …           an answer
//	item Name K=V …   an event without Privilege
//	connected, rest   Connected, End(true); goodbye: the answer to Logoff
//	Name K=V …        any other event; a blank in a value is written _
//
// More K=V may follow in all of them.
func step(c *verify.Checker, line string) {
	f := strings.Fields(line)
	arg := func(i int) string { return f[i] }
	event := func(name string, n int, pairs ...string) {
		c.Next(message(append([]string{"Event", name, "Privilege", "call,all"}, pairs...), f[n:]))
	}
	switch f[0] {
	case "connected":
		c.Connected()
	case "rest":
		c.End(true)
	case ">":
		c.Sent(message([]string{"Action", arg(1)}, f[2:]))
	case "goodbye":
		c.Next(ami.New("Response", "Goodbye"))
	case "<":
		c.Next(message([]string{"Response", "Success"}, f[1:]))
	case "item":
		c.Next(message([]string{"Event", arg(1)}, f[2:]))
	case "new":
		event("Newchannel", 2, "Channel", "SIP/"+arg(1), "ChannelState", "0", "Uniqueid", arg(1))
	case "hangup":
		event("Hangup", 2, "Channel", "SIP/"+arg(1), "ChannelState", "6", "Uniqueid", arg(1))
	case "create":
		event("BridgeCreate", 2, "BridgeUniqueid", arg(1), "BridgeType", "basic", "BridgeNumChannels", "0")
	case "destroy":
		event("BridgeDestroy", 2, "BridgeUniqueid", arg(1), "BridgeType", "basic", "BridgeNumChannels", "0")
	case "enter", "leave":
		name := map[string]string{"enter": "BridgeEnter", "leave": "BridgeLeave"}[f[0]]
		event(name, 4, "BridgeUniqueid", arg(1), "BridgeType", "basic", "BridgeNumChannels", arg(3), "Channel", "SIP/"+arg(2), "Uniqueid", arg(2))
	case "dial", "end":
		var pairs []string
		if arg(1) != "0" {
			pairs = []string{"Channel", "SIP/" + arg(1), "Uniqueid", arg(1)}
		}
		pairs = append(pairs, "DestChannel", "SIP/"+arg(2), "DestUniqueid", arg(2))
		if f[0] == "dial" {
			event("DialBegin", 3, pairs...)
		} else {
			event("DialEnd", 4, append(pairs, "DialStatus", arg(3))...)
		}
	default:
		event(f[0], 1)
	}
}

func message(pairs, more []string) *ami.Message {
	for _, kv := range more {
		k, v, _ := strings.Cut(kv, "=")
		pairs = append(pairs, k, strings.ReplaceAll(v, "_", " "))
	}
	return ami.New(pairs...)
}

// check runs a stream and returns the rules it breaks, in order.
func check(t *testing.T, conf verify.Config, stream string) (broken []verify.Rule, text string) {
	t.Helper()
	conf.Report = func(v verify.Violation) {
		broken = append(broken, v.Rule)
		text += v.String() + "\n"
		if v.Text == "" || len(v.Events) == 0 || strings.ContainsAny(v.Text, "\r\n") || v.Rule.String() == "" {
			t.Errorf("not one line with its events: %+v", v)
		}
		if !slices.IsSortedFunc(v.Events, func(a, b verify.Ref) int { return int(a.At - b.At) }) {
			t.Errorf("not in order: %v", v)
		}
	}
	c := verify.New(conf)
	for line := range strings.Lines(stream) {
		if line = strings.TrimSpace(line); line != "" {
			step(c, line)
		}
	}
	return broken, text
}

// messages are those of a capture, an action right before its answer.
func messages(c *capture.Capture) (all []sent) {
	for _, m := range c.Messages {
		if m.Kind == capture.Banner {
			continue
		}
		if m.Action != nil {
			all = append(all, sent{m.Action, true})
		}
		all = append(all, sent{m.Text, false})
		for _, r := range m.Rest {
			all = append(all, sent{r, false})
		}
	}
	return all
}

// sent is a message of a capture, which the client sent or got.
type sent struct {
	*ami.Message
	action bool
}

// run checks a whole connection and returns how many violations there are.
func run(all []sent, atRest bool, report func(verify.Violation)) int64 {
	c := verify.New(verify.Config{Report: report})
	c.Connected()
	for _, m := range all {
		if m.action {
			c.Sent(m.Message)
		} else {
			c.Next(m.Message)
		}
	}
	c.End(atRest)
	return c.Stats().Total()
}
