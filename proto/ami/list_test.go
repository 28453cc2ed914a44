package ami_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami"
)

// TestListOf12: the lists of 12 begin without EventList and end with nothing but the name of their last event; what looks alike is none.
func TestListOf12(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		action, text string
		begins, ends bool
	}{
		{"Status", "Response: Success|Message: Channel status will follow", true, false},
		{"Status", "Response: Success|EventList: start|Message: x", true, false},
		{"Status", "response: Success|eventlist: Start", true, false},
		{"Status", "Response: Error|Message: it does not follow", false, false},
		{"Status", "Response: Success", false, false},
		{"Status", "Event: Status|Message: x will follow|EventList: start", false, false},
		{"Status", "Event: StatusComplete|Items: 0", false, true},
		{"Status", "Event: X|EventList: Complete", false, true},
		{"Status", "Event: X|EventList: cancelled", false, true},
		{"Status", "Event: AgentsComplete", false, false},
		{"Status", "Response: Success|EventList: Complete", false, false},
		{"FAXStats", "Response: Success|Message: FAXStats event will follow", false, false},
		{"VoicemailUsersList", "Response: Success|Message: There are no voicemail users currently defined.", false, false},
		{"Hangup", "Response: Success|Message: Channel Hungup", false, false},
	} {
		a, _ := ami.LookupAction(c.action)
		m, err := ami.ParseMessage([]byte(strings.ReplaceAll(c.text, "|", "\r\n") + "\r\n\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		if a.BeginsList(m) != c.begins || a.EndsList(m) != c.ends {
			t.Errorf("%s: %s: begins %t, ends %t", c.action, c.text, a.BeginsList(m), a.EndsList(m))
		}
	}
}

// TestListsAreKnown: every text that announces a list is taken for one, and no other answer.
func TestListsAreKnown(t *testing.T) {
	t.Parallel()
	type texts struct {
		Start   []string `json:"list_start"`
		Success []string `json:"success"`
	}
	var doc struct {
		Actions []struct {
			Name       string `json:"name"`
			Complete   string `json:"complete_event"`
			Messages   texts  `json:"messages"`
			Messages12 texts  `json:"messages12"`
		} `json:"actions"`
	}
	data, err := os.ReadFile("../../testdata/ami/actions.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	lists := 0
	for _, a := range doc.Actions {
		known, _ := ami.LookupAction(a.Name)
		if known.Complete != a.Complete {
			t.Errorf("%s ends with %q, want %q", a.Name, known.Complete, a.Complete)
		}
		for _, text := range append(a.Messages.Start, a.Messages12.Start...) {
			lists++
			if a.Complete != "" && !known.BeginsList(ami.New("Response", "Success", "Message", text)) {
				t.Errorf("%s: %q begins no list", a.Name, text)
			}
		}
		for _, text := range append(a.Messages.Success, a.Messages12.Success...) {
			if known.BeginsList(ami.New("Response", "Success", "Message", text)) != (a.Complete != "" && strings.HasSuffix(text, " will follow")) {
				t.Errorf("%s: %q", a.Name, text)
			}
		}
	}
	if lists < 50 {
		t.Errorf("%d texts", lists)
	}
}
