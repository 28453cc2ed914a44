package node

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/node/actions"
	"github.com/amibus/amibus/node/engine"
	"github.com/amibus/amibus/proto/ami"
)

// actCase is an action on a call of bravo's. {call} stands for the id of its first channel, {other} for the channel that this one talks to,
// {bridge} for their bridge, {free} for a channel of another call, {run} for the number of the run.
type actCase struct {
	lines  []string
	before []string // an action that comes first, at bravo
	fails  bool     // an error is the right answer
	effect string   // an event of bravo's that must follow
	then   []string // an action that shows what became of it, at bravo
	shows  string   // in the first message of that answer
}

func lines(s ...string) []string { return s }

// actCases has one for each action that the engine has.
var actCases = map[string]actCase{
	"AbsoluteTimeout":           {lines: lines("Channel: {call}", "Timeout: 0.2"), effect: "Hangup"},
	"Atxfer":                    {lines: lines("Channel: {call}", "Context: test", "Exten: answer"), effect: "Newchannel"},
	"BlindTransfer":             {lines: lines("Channel: {call}", "Context: test", "Exten: echo"), effect: "BlindTransfer"},
	"Bridge":                    {lines: lines("Channel1: {other}", "Channel2: {free}"), effect: "BridgeEnter"},
	"BridgeDestroy":             {lines: lines("BridgeUniqueid: {bridge}"), effect: "BridgeDestroy"},
	"BridgeInfo":                {lines: lines("BridgeUniqueid: {bridge}")},
	"BridgeKick":                {lines: lines("Channel: {call}", "BridgeUniqueid: {bridge}"), effect: "BridgeLeave"},
	"BridgeList":                {},
	"BridgeTechnologyList":      {},
	"BridgeTechnologySuspend":   {lines: lines("BridgeTechnology: softmix"), then: lines("Action: BridgeTechnologySuspend", "BridgeTechnology: none"), shows: "not found"},
	"BridgeTechnologyUnsuspend": {lines: lines("BridgeTechnology: softmix")},
	"CancelAtxfer":              {lines: lines("Channel: {call}"), before: lines("Action: Atxfer", "Channel: {call}", "Context: test", "Exten: ring")},
	"Command":                   {lines: lines("Command: core show channels concise")},
	"CoreSettings":              {},
	"CoreShowChannelMap":        {lines: lines("Channel: {other}")},
	"CoreShowChannels":          {},
	"CoreStatus":                {},
	"CreateConfig":              {lines: lines("Filename: made{run}.conf"), then: lines("Action: ListCategories", "Filename: made{run}.conf"), shows: "no categories"},
	"DBDel":                     {lines: lines("Family: f", "Key: k"), before: lines("Action: DBPut", "Family: f", "Key: k", "Val: v"), then: lines("Action: DBGet", "Family: f", "Key: k"), shows: "not found"},
	"DBDelTree":                 {lines: lines("Family: f"), before: lines("Action: DBPut", "Family: f", "Key: k", "Val: v"), then: lines("Action: DBGet", "Family: f", "Key: k"), shows: "not found"},
	"DBGet":                     {lines: lines("Family: f", "Key: k"), before: lines("Action: DBPut", "Family: f", "Key: k", "Val: v")},
	"DBGetTree":                 {lines: lines("Family: f"), before: lines("Action: DBPut", "Family: f", "Key: k", "Val: v")},
	"DBPut":                     {lines: lines("Family: p{run}", "Key: k", "Val: v"), then: lines("Action: DBGet", "Family: p{run}", "Key: k"), shows: "Success"},
	"DeviceStateList":           {},
	"ExtensionState":            {lines: lines("Exten: 100", "Context: test")},
	"ExtensionStateList":        {},
	"GetConfig":                 {lines: lines("Filename: read{run}.conf"), before: lines("Action: CreateConfig", "Filename: read{run}.conf")},
	"GetConfigJSON":             {lines: lines("Filename: json{run}.conf"), before: lines("Action: CreateConfig", "Filename: json{run}.conf")},
	"Getvar":                    {lines: lines("Channel: {call}", "Variable: X"), before: lines("Action: Setvar", "Channel: {call}", "Variable: X", "Value: here")},
	"Hangup":                    {lines: lines("Channel: {call}", "Cause: 21"), effect: "Hangup"},
	"ListCategories":            {lines: lines("Filename: list{run}.conf"), before: lines("Action: CreateConfig", "Filename: list{run}.conf")},
	"LocalOptimizeAway":         {lines: lines("Channel: {call}")},
	"LoggerRotate":              {},
	"ModuleCheck":               {lines: lines("Module: pbx_config")},
	"ModuleLoad":                {lines: lines("Module: pbx_config", "LoadType: reload"), effect: "Reload"},
	"MuteAudio":                 {lines: lines("Channel: {call}", "Direction: in", "State: on")},
	"Originate": {lines: lines("Channel: Local/answer@test/n", "Application: Wait", "Data: 60", "Async: true", "ChannelId: new{run}"), effect: "Newchannel",
		then: lines("Action: Getvar", "Channel: new{run}", "Variable: X"), shows: "Success"},
	"Park":              {lines: lines("Channel: {call}"), effect: "ParkedCall"},
	"ParkedCalls":       {},
	"Parkinglots":       {},
	"Ping":              {},
	"PlayDTMF":          {lines: lines("Channel: {call}", "Digit: 5"), effect: "DTMFEnd"},
	"PlayMF":            {lines: lines("Channel: {call}", "Digit: 5")},
	"PresenceState":     {lines: lines("Provider: x"), fails: true},
	"PresenceStateList": {},
	"Redirect":          {lines: lines("Channel: {call}", "Context: test", "Exten: echo", "Priority: 1"), effect: "Newexten"},
	"Reload":            {lines: lines("Module: pbx_config"), effect: "Reload"},
	"SendFlash":         {lines: lines("Channel: {call}"), effect: "Flash"},
	"SendText":          {lines: lines("Channel: {call}", "Message: hello")},
	"Setvar": {lines: lines("Channel: {call}", "Variable: Y", "Value: set"), effect: "VarSet",
		then: lines("Action: Getvar", "Channel: {call}", "Variable: Y"), shows: "Value: set"},
	"ShowDialPlan": {lines: lines("Context: test", "Extension: echo")},
	"Status":       {lines: lines("Channel: {call}")},
	"UpdateConfig": {lines: lines("SrcFilename: up{run}.conf", "DstFilename: up{run}.conf", "Action-000000: newcat", "Cat-000000: made"),
		before: lines("Action: CreateConfig", "Filename: up{run}.conf"), then: lines("Action: ListCategories", "Filename: up{run}.conf"), shows: "made"},
	"UserEvent": {lines: lines("UserEvent: Told"), effect: "UserEvent"},
}

// TestEachActionFromElsewhere: every action that the engine has does and answers the same whether it is given to the node that owns what it
// is about, or to another one.
func TestEachActionFromElsewhere(t *testing.T) {
	t.Parallel()
	c := newEngines(t, "alpha", "bravo", "charlie")
	w := newActWorld(t, c, "bravo")
	for _, have := range engine.Commands() {
		k, ok := actCases[have.Name]
		if !ok {
			t.Errorf("no case for the action %s", have.Name)
			continue
		}
		own, elsewhere := w.run(t, have.Name, k, "bravo"), w.run(t, have.Name, k, "alpha")
		if own != elsewhere {
			t.Errorf("%s\nat bravo:\n%s\nat alpha:\n%s", have.Name, own, elsewhere)
		}
	}
}

// actWorld is a cluster with a client at each node and calls at one.
type actWorld struct {
	clients map[string]*amiClient
	owner   string
	heard   chan *ami.Message // by somebody at another node
	runs    int
}

func newActWorld(t *testing.T, c *testCluster, owner string) *actWorld {
	w := &actWorld{clients: map[string]*amiClient{}, owner: owner, heard: make(chan *ami.Message, 10_000)}
	for _, n := range c.nodes {
		client, err := login(t, n.AMI(), "plain", "Events: off")
		if err != nil {
			t.Fatal(err)
		}
		w.clients[n.name] = client
	}
	last := c.nodes[len(c.nodes)-1]
	listener, err := login(t, last.AMI(), "plain")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			m, err := listener.Decode()
			if err != nil {
				close(w.heard)
				return
			}
			w.heard <- m.Clone()
		}
	}()
	return w
}

// await returns the next event of that name that a node has raised.
func (w *actWorld) await(t *testing.T, event, node, and string) *ami.Message {
	t.Helper()
	for limit := time.After(20 * time.Second); ; {
		select {
		case m, ok := <-w.heard:
			if !ok {
				t.Fatal("the listener has lost its connection")
			}
			if string(m.Get("Event")) == event && string(m.Get("SystemName")) == node && strings.Contains(string(m.Bytes()), and) {
				return m
			}
		case <-limit:
			t.Errorf("no %s came from %s", event, node)
			return ami.New("Event", "none")
		}
	}
}

// run makes the situation, runs the action at a node, and returns what it has answered and done, without what differs each time.
func (w *actWorld) run(t *testing.T, name string, k actCase, at string) string {
	t.Helper()
	w.runs++
	own, all := w.clients[w.owner], strings.Join(slices.Concat(k.lines, k.before, k.then), "\n")
	names := []string{"{run}", fmt.Sprint(w.runs)}
	if strings.Contains(all, "{") || k.lines == nil {
		names = append(names, w.call(t, w.runs)...)
	}
	fill := strings.NewReplacer(names...)
	say := func(c *amiClient, action []string) []*ami.Message {
		filled := make([]string, len(action))
		for i := range action {
			filled[i] = fill.Replace(action[i])
		}
		return c.ask(t, filled...)
	}
	if k.before != nil {
		if a := say(own, k.before); string(a[0].Get("Response")) != "Success" {
			t.Errorf("before %s: %q", name, a[0].Bytes())
		}
	}
	mark := fmt.Sprintf("Mark: %d.", w.runs)
	own.ask(t, "Action: UserEvent", "UserEvent: Mark", mark)
	w.await(t, "UserEvent", w.owner, mark)
	action := append([]string{"Action: " + name, "ActionID: x"}, k.lines...)
	raises := w.owner
	switch about := strings.Join(k.lines, ""); {
	case name == "UserEvent":
		raises = at
	case !strings.Contains(about, "{call}") && !strings.Contains(about, "{bridge}") && !strings.Contains(about, "{other}"):
		action = append(action, "SystemName: "+w.owner)
	}
	answer := say(w.clients[at], action)
	var items []string
	for _, m := range answer[1:] {
		items = append(items, masked(m))
	}
	slices.Sort(items)
	if failed := string(answer[0].Get("Response")) == "Error"; failed != k.fails {
		t.Errorf("%s at %s: %q", name, at, answer[0].Bytes())
	}
	result := masked(answer[0]) + strings.Join(items, "")
	if k.effect != "" {
		result += "effect: " + strings.ReplaceAll(masked(w.await(t, k.effect, raises, "")), "SystemName: "+raises, "")
	}
	if k.then != nil {
		if a := say(own, k.then); !strings.Contains(string(a[0].Bytes()), k.shows) {
			t.Errorf("after %s: %q, want %s", name, a[0].Bytes(), k.shows)
		}
	}
	own.ask(t, "Action: Hangup", "Channel: /.*/", "SystemName: "+w.owner)
	eventually(t, "all calls have ended", func() bool {
		a := own.ask(t, "Action: CoreShowChannels", "SystemName: "+w.owner)
		return string(a[len(a)-1].Get("ListItems")) == "0"
	})
	return result
}

// call places two calls at the owner: one that is bridged, one that waits. It returns what they are called.
func (w *actWorld) call(t *testing.T, run int) []string {
	t.Helper()
	own, call := w.clients[w.owner], fmt.Sprintf("call%d", run)
	own.ask(t, "Action: Originate", "Channel: Local/answer@test/n", "Context: test", "Exten: dial-answer", "Priority: 1", "Async: true",
		"ChannelId: "+call, "SystemName: "+w.owner)
	own.ask(t, "Action: Originate", "Channel: Local/answer@test/n", "Application: Wait", "Data: 600", "Async: true", "ChannelId: free"+call, "SystemName: "+w.owner)
	var bridge, other, free string
	eventually(t, "the calls stand", func() bool {
		at := map[string]string{}
		bridge, other, free = "", "", ""
		list := own.ask(t, "Action: CoreShowChannels", "SystemName: "+w.owner)
		for _, m := range list[1 : len(list)-1] {
			switch id := string(m.Get("Uniqueid")); {
			case strings.HasSuffix(id, "free"+call):
				free = string(m.Get("Channel"))
			case strings.HasSuffix(id, call):
				bridge = string(m.Get("BridgeId"))
			case len(m.Get("BridgeId")) > 0:
				at[string(m.Get("BridgeId"))] = string(m.Get("Channel"))
			}
		}
		other = at[bridge]
		return bridge != "" && other != "" && free != ""
	})
	return []string{"{call}", call, "{bridge}", bridge, "{other}", other, "{free}", free}
}

var changing = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|-[0-9a-f]{8}\b|[0-9]+`)

var strayFeed = regexp.MustCompile(`([^\r])\n`)

func masked(m *ami.Message) string { return changing.ReplaceAllString(string(m.Bytes()), "#") }

// TestUnknownFromElsewhere: what names nothing is told in the words in which the engine itself says so, but for a line feed at their end,
// which many a client takes for the end of the message (ami/behaviour.md 4.9).
func TestUnknownFromElsewhere(t *testing.T) {
	t.Parallel()
	c := newEngines(t, "alpha", "bravo", "charlie")
	client, err := login(t, c.nodes[0].AMI(), "plain", "Events: off")
	if err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{call}", "nobody.1", "{other}", "Local/nobody-1;1", "{free}", "Local/nobody-2;1", "{bridge}", "no-bridge")
	tried := 0
	for _, a := range actions.All() {
		k, ok := actCases[a.Name]
		action := []string{"Action: " + a.Name, "ActionID: x"}
		for _, line := range k.lines {
			action = append(action, fill.Replace(line))
		}
		if !ok || slices.Equal(action[2:], k.lines) {
			continue
		}
		tried++
		all, own := client.ask(t, action...), client.ask(t, append(action, "SystemName: bravo")...)
		if string(all[0].Get("Response")) != "Error" || string(all[0].Bytes()) != strayFeed.ReplaceAllString(string(own[0].Bytes()), "$1") {
			t.Errorf("%s: %q, the engine says %q", a.Name, all[0].Bytes(), own[0].Bytes())
		}
	}
	if tried < 20 {
		t.Errorf("only %d actions tried", tried)
	}
}
