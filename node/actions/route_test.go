package actions_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/actions"
	"github.com/amibus/amibus/node/owner"
	"github.com/amibus/amibus/proto/ami"
)

var (
	alpha   = merge.Node{Site: "east", Name: "alpha"}
	bravo   = merge.Node{Site: "east", Name: "bravo"}
	charlie = merge.Node{Site: "east", Name: "charlie"}
	delta   = merge.Node{Site: "west", Name: "delta"}
)

// cluster is what alpha knows: three nodes in view, of which each has a channel X/NAME and a bridge b-NAME; all have X/all, alpha and
// bravo X/two; delta is not in it, unless it is out of view.
func cluster(change ...func(*actions.View)) *actions.View {
	r := owner.New(owner.Config{})
	for i, n := range []merge.Node{alpha, bravo, charlie} {
		id := func(k int) []byte { return fmt.Appendf(nil, "%s-17.%d%d", n.Name, i, k) }
		r.Learn(n, id(0), []byte("X/"+n.Name))
		r.Learn(n, id(1), []byte("X/all"))
		r.LearnBridge(n, []byte("b-"+n.Name))
		if i < 2 {
			r.Learn(n, []byte("chosen"), []byte("X/two"))
		}
	}
	r.Learn(bravo, []byte("bravo-99.1"), []byte("X/other"))
	r.AbsentChannel(0, []byte("X/nobody"))
	r.AbsentBridge(0, []byte("b-nobody"))
	v := &actions.View{Self: alpha, Source: true, Owners: r,
		Nodes: func() []actions.Peer {
			return []actions.Peer{{Node: charlie}, {Node: alpha, SystemName: "pbx1"}, {Node: bravo, SystemName: "pbx2"}}
		},
		Have: func(is actions.Thing, name []byte) []merge.Node {
			switch string(name) {
			case "bravo's":
				return []merge.Node{bravo}
			case "both's":
				return []merge.Node{alpha, charlie}
			}
			return nil
		}}
	for _, c := range change {
		c(v)
	}
	return v
}

func lost(v *actions.View) {
	nodes := v.Nodes()
	v.Nodes = func() []actions.Peer { return append(nodes, actions.Peer{Node: delta, Missing: true}) }
}
func own(v *actions.View)        { v.Own = true }
func sourceless(v *actions.View) { v.Source = false; v.Nodes = slicesOf(v.Nodes()[0], v.Nodes()[2]) }
func bounded(v *actions.View)    { v.Reach = func(n merge.Node) bool { return n != charlie } }
func elsewhere(v *actions.View)  { v.Reach = func(n merge.Node) bool { return n == charlie } }
func alone(v *actions.View)      { v.Nodes, v.Source, v.Have = nil, false, nil }

func slicesOf(p ...actions.Peer) func() []actions.Peer { return func() []actions.Peer { return p } }

// say is a decision in words.
func say(d actions.Decision) string {
	words := []string{d.Do.String()}
	switch d.Do {
	case actions.Run:
		words = append(words, d.Node.Name)
	case actions.Refuse:
		words = append(words, d.Text)
	case actions.Ask:
		words = append(words, string(d.Key), d.Is.String())
	}
	for _, p := range d.Parts {
		words = append(words, p.Label+"="+p.SystemName)
	}
	if len(d.Missing) > 0 {
		words = append(words, "without "+strings.Join(d.Missing, " "))
	}
	return strings.Join(words, " ")
}

func route(v *actions.View, text string) string {
	pairs := []string{"Action"}
	for _, line := range strings.Split(text, "|") {
		name, value, ok := strings.Cut(line, ": ")
		if !ok {
			pairs = append(pairs, line)
			continue
		}
		pairs = append(pairs, name, value)
	}
	return say(actions.Route(ami.New(pairs...), v))
}

const three = " alpha=pbx1 bravo=pbx2 charlie=charlie"

func TestRoute(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		view   []func(*actions.View)
		action string
		want   string
	}{
		{"by name", nil, "Hangup|Channel: X/bravo", "run bravo"},
		{"in any case", nil, "hangup|channel: x/BRAVO", "run bravo"},
		{"by id", nil, "Getvar|Channel: Charlie-17.20|Variable: x", "run charlie"},
		{"by qualified id", nil, "Getvar|Channel: bravo-99.1|Variable: x", "run bravo"},
		{"by bare id", nil, "Getvar|Channel: 99.1|Variable: x", "run bravo"},
		{"unknown", nil, "Hangup|Channel: X/new", "ask X/new channel" + three},
		{"absent", nil, "Hangup|Channel: X/nobody", "refuse No such channel"},
		{"absent, the value in the text", nil, "AGI|Channel: X/nobody|Command: x", "refuse Channel X/nobody does not exist."},
		{"a % in the value", nil, "Redirect|Channel: %s%d", "ask %s%d channel" + three},
		{"ambiguous", nil, "Hangup|Channel: X/two", "refuse Channel is ambiguous: alpha, bravo; add SystemName"},
		{"ambiguous id", nil, "Hangup|Channel: chosen", "refuse Channel is ambiguous: alpha, bravo; add SystemName"},
		{"ambiguous, three", nil, "Hangup|Channel: X/all", "refuse Channel is ambiguous: alpha, bravo, charlie; add SystemName"},
		{"ambiguous, own", []func(*actions.View){own}, "Hangup|Channel: X/all", "run alpha"},
		{"others', own", []func(*actions.View){own}, "Hangup|Channel: X/bravo", "run bravo"},
		{"ambiguous, named", nil, "Hangup|Channel: X/two|SystemName: bravo", "run bravo"},
		{"named otherwise", nil, "Hangup|Channel: X/bravo|SystemName: pbx1", "run alpha"},
		{"one within reach", []func(*actions.View){elsewhere}, "Hangup|Channel: X/all", "run charlie"},
		{"none within reach", []func(*actions.View){bounded}, "Hangup|Channel: X/charlie", "refuse No such channel"},
		{"unknown, for everybody", []func(*actions.View){elsewhere}, "Hangup|Channel: X/new", "ask X/new channel" + three},

		{"a name, one out of view", []func(*actions.View){lost}, "Hangup|Channel: X/bravo",
			"refuse Cannot tell whose channel this is while nodes are out of view: delta; add SystemName"},
		{"a bare id, one out of view", []func(*actions.View){lost}, "Hangup|Channel: 99.1",
			"refuse Cannot tell whose channel this is while nodes are out of view: delta; add SystemName"},
		{"an id, one out of view", []func(*actions.View){lost}, "Hangup|Channel: bravo-99.1", "run bravo"},
		{"a name, one out of view and of reach", []func(*actions.View){lost, bounded, func(v *actions.View) { v.Reach = func(n merge.Node) bool { return n.Site == "east" } }},
			"Hangup|Channel: X/bravo", "run bravo"},
		{"own name, one out of view", []func(*actions.View){lost, own}, "Hangup|Channel: X/alpha", "run alpha"},
		{"absent, one out of view", []func(*actions.View){lost}, "Hangup|Channel: X/nobody",
			"refuse Channel not found on the nodes in view; out of view: delta"},
		{"unknown, one out of view", []func(*actions.View){lost}, "Hangup|Channel: X/new", "ask X/new channel" + three + " without delta"},
		{"named, one out of view", []func(*actions.View){lost}, "Hangup|Channel: X/bravo|SystemName: bravo", "run bravo"},
		{"the one out of view", []func(*actions.View){lost}, "Hangup|Channel: X/bravo|SystemName: west/delta", "run delta"},
		{"its own channel is lost", []func(*actions.View){func(v *actions.View) { v.Owners.(*owner.Registry).SetLost(bravo, true) }},
			"Hangup|Channel: bravo-99.1", "refuse Channel is on node bravo, which is out of view"},

		{"no channel", nil, "Hangup", "run alpha"}, // whose Asterisk says what is missing
		{"an empty channel", nil, "Hangup|Channel: ", "run alpha"},
		{"regular expression", nil, "Hangup|Channel: /^X/", "lists" + three},
		{"PJSIP, regular expression", []func(*actions.View){lost}, "PJSIPHangup|Channel: /^X/", "lists" + three + " without delta"},
		{"regular expression for one", nil, "Hangup|Channel: /^X/|SystemName: charlie", "run charlie"},
		{"elsewhere a slash is a name", nil, "Redirect|Channel: /^X/", "ask /^X/ channel" + three},

		{"two on one", nil, "Bridge|Channel1: X/bravo|Channel2: bravo-99.1", "run bravo"},
		{"two on two", nil, "Bridge|Channel1: X/bravo|Channel2: X/charlie", "refuse Channel1 is on node bravo, Channel2 on node charlie; both must be on one"},
		{"first unknown", nil, "Bridge|Channel1: X/nobody|Channel2: X/bravo", "refuse Channel1 does not exist: X/nobody"},
		{"second unknown", nil, "Bridge|Channel1: X/bravo|Channel2: X/nobody", "refuse Channel2 does not exist: X/nobody"},
		{"second to be asked for", nil, "Bridge|Channel1: X/bravo|Channel2: X/new", "ask X/new channel" + three},
		{"only the second", nil, "Bridge|Channel2: X/bravo", "run bravo"},
		{"extra elsewhere", nil, "Redirect|Channel: X/alpha|ExtraChannel: X/bravo", "refuse Channel is on node alpha, ExtraChannel on node bravo; both must be on one"},
		{"extra here", nil, "Redirect|Channel: X/alpha|ExtraChannel: alpha-17.00", "run alpha"},
		{"announce elsewhere", nil, "Park|Channel: X/bravo|TimeoutChannel: X/charlie|AnnounceChannel: X/alpha",
			"refuse Channel is on node bravo, AnnounceChannel on node alpha; both must be on one"},
		{"time-out is no matter", nil, "Park|Channel: X/bravo|TimeoutChannel: X/charlie", "run bravo"},
		{"announce unknown", nil, "Park|Channel: X/bravo|AnnounceChannel: X/nobody", "refuse AnnounceChannel does not exist"},

		{"bridge", nil, "BridgeInfo|BridgeUniqueid: b-charlie", "run charlie"},
		{"bridge absent", nil, "BridgeDestroy|BridgeUniqueid: b-nobody", "refuse Specified BridgeUniqueid not found"},
		{"bridge unknown", nil, "BridgeDestroy|BridgeUniqueid: X/bravo", "ask X/bravo bridge" + three},
		{"bridge, one out of view", []func(*actions.View){lost}, "BridgeInfo|BridgeUniqueid: b-charlie",
			"refuse Cannot tell whose bridge this is while nodes are out of view: delta; add SystemName"},
		{"kick by both", nil, "BridgeKick|BridgeUniqueid: b-bravo|Channel: X/bravo", "run bravo"},
		{"kick by both, apart", nil, "BridgeKick|BridgeUniqueid: b-bravo|Channel: X/charlie",
			"refuse Channel is on node charlie, BridgeUniqueid on node bravo; both must be on one"},
		{"kick by channel", nil, "BridgeKick|Channel: X/charlie", "run charlie"},
		{"kick from nowhere", nil, "BridgeKick|Channel: X/charlie|BridgeUniqueid: b-nobody", "refuse Bridge not found"},

		{"global variable", nil, "Getvar|Variable: x", "run alpha"},
		{"status of one", nil, "Status|Channel: X/charlie", "run charlie"},
		{"status of all", nil, "Status", "lists" + three},
		{"list", []func(*actions.View){lost}, "CoreShowChannels", "lists" + three + " without delta"},
		{"list within reach", []func(*actions.View){bounded}, "CoreShowChannels", "lists alpha=pbx1 bravo=pbx2"},
		{"list of one", nil, "CoreShowChannels|SystemName: PBX2", "run bravo"},
		{"list of all by name", nil, "CoreShowChannels|SystemName: *", "lists" + three},
		{"list beyond reach", []func(*actions.View){func(v *actions.View) { v.Reach = func(merge.Node) bool { return false } }}, "CoreShowChannels", "refuse Permission denied"},
		{"list, all out of view", []func(*actions.View){func(v *actions.View) { v.Nodes = slicesOf(actions.Peer{Node: delta, Missing: true}) }},
			"CoreShowChannels", "refuse All nodes are out of view: delta"},
		{"list by number", nil, "DAHDIShowChannels|DAHDIChannel: 1", "run alpha"},
		{"conference", nil, "ConfbridgeLock|Conference: bravo's", "run bravo"},
		{"conference nobody knows", nil, "ConfbridgeLock|Conference: x", "run alpha"},
		{"conference of two", nil, "ConfbridgeLock|Conference: both's", "refuse Conference is ambiguous: alpha, charlie; add SystemName"},
		{"conference of two, own", []func(*actions.View){own}, "ConfbridgeLock|Conference: both's", "run alpha"},
		{"conference, one out of view", []func(*actions.View){lost}, "ConfbridgeLock|Conference: bravo's", "run bravo"},
		{"agent", nil, "AgentLogoff|Agent: bravo's", "run bravo"},
		{"room", nil, "MeetmeList|Conference: bravo's", "run bravo"},
		{"rooms", nil, "MeetmeList", "lists" + three},
		{"room nobody knows", nil, "MeetmeList|Conference: x", "lists" + three},
		{"nobody keeps conferences", []func(*actions.View){func(v *actions.View) { v.Have = nil }}, "ConfbridgeLock|Conference: bravo's", "run alpha"},

		{"originate", nil, "Originate|Channel: X/bravo|ChannelId: chosen", "run alpha"},
		{"originate elsewhere", nil, "Originate|Channel: X/bravo|SystemName: bravo", "run bravo"},
		{"one node's matter", nil, "Command|Command: core show channels", "run alpha"},
		{"one node's matter, all", nil, "Command|Command: core show channels|SystemName: *",
			"refuse SystemName * is for lists and for what may be repeated on all nodes; name the node"},
		{"may be repeated", nil, "QueuePause|Interface: x|Paused: 1", "run alpha"},
		{"repeated", []func(*actions.View){lost}, "QueuePause|Interface: x|Paused: 1|SystemName: *", "every" + three + " without delta"},
		{"not in the table", nil, "Frobnicate|Channel: X/bravo", "run alpha"},
		{"not in the table, elsewhere", nil, "Frobnicate|SystemName: bravo", "run bravo"},
		{"no action", nil, "", "run alpha"},
		{"session", nil, "Ping|SystemName: bravo", "here"},
		{"user event", nil, "UserEvent|UserEvent: x|SystemName: bravo|Channel: X/bravo", "run alpha"},
		{"user event, beyond reach", []func(*actions.View){elsewhere}, "UserEvent|UserEvent: x", "refuse Permission denied"},
		{"own node beyond reach", []func(*actions.View){elsewhere}, "Command|Command: x", "refuse Permission denied"},

		{"no such node", nil, "Command|SystemName: zulu", "refuse Unknown node zulu; known: alpha, bravo, charlie"},
		{"node beyond reach", []func(*actions.View){bounded}, "Command|SystemName: charlie", "refuse Unknown node charlie; known: alpha, bravo"},
		{"no source", []func(*actions.View){sourceless}, "Command|Command: x", "refuse This node has no source; add SystemName: bravo or charlie"},
		{"no source, user event", []func(*actions.View){sourceless}, "UserEvent|UserEvent: x|SystemName: bravo", "raise"},
		{"no source, list", []func(*actions.View){sourceless}, "Agents", "lists bravo=pbx2 charlie=charlie"},
		{"no source, channel", []func(*actions.View){sourceless}, "Hangup|Channel: X/bravo", "run bravo"},
		{"nobody has a source", []func(*actions.View){alone}, "Command|Command: x", "refuse This node has no source, and no node with a source is known"},
		{"nobody has a source, list", []func(*actions.View){alone}, "Agents", "refuse This node has no source, and no node with a source is known"},
		{"nobody has a source, named", []func(*actions.View){alone}, "Command|SystemName: x", "refuse Unknown node x; no node with a source is known"},
		{"nobody to ask", []func(*actions.View){alone}, "Hangup|Channel: X/new", "refuse No such channel"},
	} {
		if got := route(cluster(c.view...), c.action); got != c.want {
			t.Errorf("%s: %s\n got %s\nwant %s", c.name, c.action, got, c.want)
		}
	}
}

// TestSystemName: which node a name means.
func TestSystemName(t *testing.T) {
	t.Parallel()
	v := &actions.View{Self: alpha, Source: true, Owners: owner.New(owner.Config{}), Nodes: slicesOf(
		actions.Peer{Node: alpha, SystemName: "pbx1"}, actions.Peer{Node: bravo, SystemName: "pbx2"},
		actions.Peer{Node: merge.Node{Site: "west", Name: "bravo"}, SystemName: "PBX1"},
		actions.Peer{Node: charlie, SystemName: "same"}, actions.Peer{Node: delta, SystemName: "same"})}
	for name, want := range map[string]string{
		"alpha": "run alpha", "pbx1": "run alpha", "east/bravo": "run bravo", "PBX1": "run bravo", "pbx2": "run bravo", "Charlie": "run charlie",
		"bravo": "refuse SystemName bravo is ambiguous: east/bravo, west/bravo",
		"Pbx1":  "refuse SystemName Pbx1 is ambiguous: alpha, west/bravo",
		"same":  "refuse SystemName same is ambiguous: charlie, delta",
		"zulu":  "refuse Unknown node zulu; known: alpha, charlie, delta, east/bravo, west/bravo",
	} {
		if got := route(v, "Getvar|SystemName: "+name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	d := actions.Route(ami.New("Action", "Getvar", "SystemName", "WEST/BRAVO"), v)
	if d.Do != actions.Run || d.Node.Site != "west" {
		t.Errorf("%+v", d)
	}
}

// TestEveryAction sends every action of the table to bravo by its parameters, and without them, and compares with what its scope in
// actions.json demands.
func TestEveryAction(t *testing.T) {
	t.Parallel()
	for _, k := range knownActions(t) {
		a := actions.Lookup(k.Name)
		full := k.Name
		for _, p := range a.Params {
			full += "|" + p.Name + ": " + map[actions.Thing]string{actions.Channel: "X/bravo", actions.Bridge: "b-bravo", actions.Number: "7"}[p.Is]
			if p.Is == actions.Conference || p.Is == actions.Meetme || p.Is == actions.Agent {
				full += "bravo's"
			}
		}
		bare, with := "run alpha", "run alpha"
		switch k.Scope {
		case ami.ScopeSession:
			bare, with = "here", "here"
		case ami.ScopeClusterList:
			bare, with = "lists"+three, "lists"+three
		}
		switch {
		case k.Name == "MeetmeList":
			bare, with = "lists"+three, "run bravo"
		case k.Name == "DAHDIShowChannels" || k.Name == "PRIShowSpans":
			with = "run alpha"
		case len(a.Params) > 0:
			with = "run bravo"
		}
		switch k.Scope {
		case ami.ScopeChannel, ami.ScopeChannelOrNode, ami.ScopeBridge, ami.ScopeOwnerLookup:
			if len(a.Params) == 0 {
				t.Errorf("%s leads nowhere", k.Name)
			}
		}
		for text, want := range map[string]string{k.Name: bare, full: with} {
			if got := route(cluster(), text); got != want {
				t.Errorf("%s\n got %s\nwant %s", text, got, want)
			}
			named := "run charlie"
			if a.Scope == ami.ScopeSession || a.Scope == ami.ScopeLocalPublish {
				named = want
			}
			if got := route(cluster(), text+"|systemname: charlie"); got != named {
				t.Errorf("%s at charlie\n got %s\nwant %s", text, got, named)
			}
		}
		star := route(cluster(), k.Name+"|SystemName: *")
		if ok := strings.HasPrefix(star, "every"); ok != (a.Scope == ami.ScopeBroadcastSafe) {
			t.Errorf("%s on all: %s", k.Name, star)
		}
	}
}

// FuzzRoute: whatever an action holds, it goes to one node that has what it names, and no text of a refusal can become a header.
func FuzzRoute(f *testing.F) {
	for _, s := range []string{"Hangup|Channel: X/bravo", "Bridge|Channel1: X/two\r\nSystemName: x|Channel2: a\x00b", "Redirect|Channel: X/nobody\r\n\r\nAction: Logoff",
		"Command|SystemName: zulu\r\nOutput: x", "AGI|Channel: \nX: y", "Status|Channel: \r|SystemName: \x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m := ami.New("Action", "") // built by hand: an action may come over HTTP, where a value holds what it likes
		raw := "Action: " + strings.ReplaceAll(text, "|", "\r\n") + "\r\n\r\n"
		if end := strings.Index(raw, "\r\n\r\n"); m.Parse([]byte(raw[:end+4])) != nil {
			return
		}
		for _, v := range []*actions.View{cluster(), cluster(lost, own), cluster(sourceless, bounded)} {
			d := actions.Route(m, v)
			switch d.Do {
			case actions.Run:
				if v.Reach != nil && !v.Reach(d.Node) {
					t.Errorf("%q runs on %v", raw, d.Node)
				}
			case actions.Refuse:
				answer := ami.New("Response", "Error", "Message", d.Text)
				if back, err := ami.ParseMessage(answer.Bytes()); err != nil || back.Len() != 2 || bytes.ContainsAny(back.Line(1), "\r\n\x00") {
					t.Errorf("%q is refused with %q", raw, answer.Bytes())
				}
			case actions.Lists, actions.Every:
				if d.Action == nil || len(d.Parts) == 0 || slices.ContainsFunc(d.Parts, func(p actions.Part) bool { return v.Reach != nil && !v.Reach(p.Node) }) {
					t.Errorf("%q: %+v", raw, d)
				}
			}
		}
	})
}
