package actions_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/amibus/amibus/node/actions"
	"github.com/amibus/amibus/proto/ami"
)

// known is what actions.json says of an action.
type known struct {
	Name       string                       `json:"name"`
	Scope      ami.Scope                    `json:"scope"`
	Complete   string                       `json:"complete_event"`
	Items      []string                     `json:"list_events"`
	Targets    []struct{ Param, Is string } `json:"target"`
	Parameters []struct{ Name string }      `json:"parameters"`
	Messages   texts                        `json:"messages"`
	Messages12 texts                        `json:"messages12"`
}

type texts struct {
	Error []string `json:"error"`
}

func knownActions(t testing.TB) []known {
	t.Helper()
	data, err := os.ReadFile("../../testdata/ami/actions.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Actions []known }
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Actions
}

// ignored are parameters that name something and yet lead nowhere, and why.
var ignored = map[string]string{
	"AOCMessage ChannelPrefix":            "the first channel with that beginning is the one of one node, by default the own",
	"Park TimeoutChannel":                 "is not looked up: it is what will be dialled",
	"Originate Channel":                   "what is dialled",
	"Originate ChannelId":                 "a new id",
	"Originate OtherChannelId":            "a new id",
	"ConfbridgeKick Channel":              "looked for within the conference",
	"ConfbridgeMute Channel":              "looked for within the conference",
	"ConfbridgeUnmute Channel":            "looked for within the conference",
	"ConfbridgeSetSingleVideoSrc Channel": "looked for within the conference",
	"JabberSend Jabber":                   "accounts are configured, not found",
	"FAXSession SessionNumber":            "a number of the own node, which is where the action runs",
	"PJSIPShowEndpoint Endpoint":          "configured on all nodes",
	"QueueAdd Queue":                      "may be on several nodes", "QueueAdd Interface": "may be on several nodes",
	"QueueMemberRingInUse Queue": "may be on several nodes", "QueueMemberRingInUse Interface": "may be on several nodes",
	"QueuePause Queue": "may be on several nodes", "QueuePause Interface": "may be on several nodes",
	"QueuePenalty Queue": "may be on several nodes", "QueuePenalty Interface": "may be on several nodes",
	"QueueRemove Queue": "may be on several nodes", "QueueRemove Interface": "may be on several nodes",
	"QueueReload Queue": "may be on several nodes", "QueueReset Queue": "may be on several nodes",
	"DAHDIDialOffhook DAHDIChannel": "a number of the own node", "DAHDIDNDoff DAHDIChannel": "a number of the own node",
	"DAHDIDNDon DAHDIChannel": "a number of the own node", "DAHDIHangup DAHDIChannel": "a number of the own node",
	"DAHDITransfer DAHDIChannel": "a number of the own node",
}

// further are parameters that actions.json does not call a target.
var further = map[string]bool{"MeetmeList Conference": true, "DAHDIShowChannels DAHDIChannel": true, "PRIShowSpans Span": true}

// TestTable compares the table with actions.json: nothing is left out, and what differs has a reason.
func TestTable(t *testing.T) {
	t.Parallel()
	all := knownActions(t)
	if len(all) != 171 || len(actions.All()) != len(all) {
		t.Fatalf("%d actions, %d in the table", len(all), len(actions.All()))
	}
	used := map[string]bool{}
	for _, k := range all {
		a := actions.Lookup(strings.ToUpper(k.Name))
		if a == nil || a.Name != k.Name {
			t.Errorf("%s is not in the table", k.Name)
			continue
		}
		if (a.Scope != k.Scope) != (a.Why != "") {
			t.Errorf("%s: scope %s, was %s: %q", k.Name, a.Scope, k.Scope, a.Why)
		}
		if a.Scope == ami.ScopeClusterList && a.Complete == "" {
			t.Errorf("%s: a list without an end", k.Name)
		}
		if a.Group != "" && !slices.Contains(k.Items, a.Group) {
			t.Errorf("%s: no items %s", k.Name, a.Group)
		}
		for _, text := range a.None {
			k.hasError(t, text)
		}
		for _, p := range a.Params {
			k.hasParam(t, p)
		}
		for _, target := range k.Targets {
			key := k.Name + " " + target.Param
			routes := slices.ContainsFunc(a.Params, func(p actions.Param) bool { return strings.EqualFold(p.Name, target.Param) })
			if routes == (ignored[key] != "") {
				t.Errorf("%s (%s) routes: %t, is ignored: %q", key, target.Is, routes, ignored[key])
			}
			used[key] = true
		}
	}
	for key := range ignored {
		if !used[key] {
			t.Errorf("%s is no target", key)
		}
	}
}

func (k *known) hasParam(t *testing.T, p actions.Param) {
	t.Helper()
	target := slices.ContainsFunc(k.Targets, func(x struct{ Param, Is string }) bool { return strings.EqualFold(x.Param, p.Name) })
	named := slices.ContainsFunc(k.Parameters, func(x struct{ Name string }) bool { return strings.EqualFold(x.Name, p.Name) })
	if !named || !target && !further[k.Name+" "+p.Name] {
		t.Errorf("%s: %s is no parameter that names something", k.Name, p.Name)
	}
	if p.Is == actions.Channel || p.Is == actions.Bridge {
		k.hasError(t, p.Unknown)
	} else if p.Unknown != "" {
		t.Errorf("%s: %s: %q is never said", k.Name, p.Name, p.Unknown)
	}
}

func (k *known) hasError(t *testing.T, text string) {
	t.Helper()
	if !slices.ContainsFunc(append(k.Messages.Error, k.Messages12.Error...), func(s string) bool {
		return strings.TrimSuffix(strings.ReplaceAll(s, "{}", "%s"), "\n") == text
	}) {
		t.Errorf("%s: Asterisk never says %q", k.Name, text)
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	for i, a := range actions.All() {
		if actions.Lookup(strings.ToLower(a.Name)) != &actions.All()[i] {
			t.Errorf("%s is not found", a.Name)
		}
	}
	for _, name := range []string{"", "Hang", "Hangups", "zzz", "ClusterNodes"} {
		if actions.Lookup(name) != nil {
			t.Errorf("%q is found", name)
		}
	}
}
