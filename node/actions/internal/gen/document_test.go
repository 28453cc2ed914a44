package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/amibus/amibus/node/actions"
	"github.com/amibus/amibus/proto/ami"
)

// TestDocument: the document is what the table says, and every action is in it, with where it runs.
func TestDocument(t *testing.T) {
	t.Parallel()
	got, err := os.ReadFile("../../../../docs/actions.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, document(actions.All())) {
		t.Error("docs/actions.md is not what the table says: run make docs")
	}
	for _, a := range ami.Actions() {
		row := "\n| " + a.Name + " | "
		_, after, ok := strings.Cut(string(got), row)
		if !ok || strings.HasPrefix(after, "|") || strings.HasPrefix(after, " |") {
			t.Errorf("%s is not told", a.Name)
		}
	}
	if rows := bytes.Count(got, []byte("\n| ")); rows != len(ami.Actions())+1 {
		t.Errorf("%d rows", rows)
	}
}

func TestRow(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Hangup":            "| Hangup | the channel's node | Channel (`/regex/`: all nodes, one list) | system,call | ChannelsHungupListComplete |  |",
		"Status":            "| Status | all nodes, one list; with Channel the channel's node | Channel | system,call,reporting | StatusComplete |  |",
		"DAHDIShowChannels": "| DAHDIShowChannels | all nodes, one list; with DAHDIChannel own node | DAHDIChannel |  | DAHDIShowChannelsComplete |  |",
		"ConfbridgeLock":    "| ConfbridgeLock | the conference's node, else own node | Conference | call |  |  |",
		"BridgeKick":        "| BridgeKick | the bridge's node | Channel, BridgeUniqueid |  |  |  |",
	} {
		doc := string(document(actions.All()))
		at := strings.Index(doc, "\n| "+name+" |") + 1
		if got, _, _ := strings.Cut(doc[at:], "\n"); got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
}
