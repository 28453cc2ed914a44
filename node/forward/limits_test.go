package forward_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/node/forward"
	"github.com/amibus/amibus/proto/amibuspb"
)

// An action from the bus is held to the limits of a client's own: an Asterisk might take a part of it for an action of its own
// (ami/behaviour.md 2.4, 2.6, 2.7).
func TestActionFromTheBusIsChecked(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	b := c.net.Bus("evil/node")
	defer b.Close()
	for name, text := range map[string]string{
		"long line":  "Action: Getvar\r\nActionID: 1\r\nVariable: " + strings.Repeat("x", 1013) + "\r\n\r\n",
		"many lines": "Action: Getvar\r\nActionID: 1\r\n" + strings.Repeat("a: b\r\n", 127) + "\r\n",
		"lone LF":    "Action: Getvar\r\nActionID: 1\r\nVariable: x\n\nAction: Logoff\r\n\r\n",
		"bare CR":    "Action: Getvar\r\nActionID: 1\r\nVariable: x\rAction: Logoff\r\n\r\n",
		"NUL":        "Action: Getvar\r\nActionID: 1\r\n\x00\r\nAction: Logoff\r\n\r\n",
	} {
		req, err := proto.Marshal(&amibuspb.Action{Site: "evil", Node: "node", Ami: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err = b.Request(t.Context(), bus.SubjectAction("east", "charlie"), req, func(p []byte) error { out.Write(p); return nil })
		if err != nil || !strings.HasPrefix(out.String(), "Response: Error\r\nActionID: 1\r\nMessage: ") || strings.Contains(out.String(), "Got") {
			t.Errorf("%s: %v %q", name, err, out.String())
		}
	}
}

// When an answer breaks off, its asker is told that the outcome is unknown, if he can still be told.
func TestBrokenAnswerTellsTheOutcome(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.sources["east/charlie"].run = source{}.breaksOff
	for _, at := range []string{"east/alpha", "east/charlie"} {
		_, err := c.do(t.Context(), at, "Action", "List", "SystemName", "charlie")
		var o interface{ Outcome() string }
		if !errors.Is(err, forward.ErrBroken) || !errors.As(err, &o) || o.Outcome() != "unknown" {
			t.Errorf("at %s: %v", at, err)
		}
	}
}
