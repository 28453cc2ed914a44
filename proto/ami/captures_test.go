package ami_test

import (
	"bytes"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami"
)

// TestCapturesClient: every byte an Asterisk sent is in a message, wherever reads end, and parses alone as in the stream.
func TestCapturesClient(t *testing.T) {
	t.Parallel()
	for _, name := range recordings(t, ".ami") {
		stream := recording(t, name)
		d := ami.NewDecoder(pieces{bytes.NewReader(stream), 1460}, ami.Client)
		banner, err := d.Line()
		if err != nil || !bytes.HasPrefix(banner, []byte("Asterisk Call Manager/")) {
			t.Fatalf("%s: banner %q, %v", name, banner, err)
		}
		rest := stream[len(banner)+2:]
		var alone ami.Message
		for {
			m, err := d.Decode()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(name, err)
			}
			if !bytes.HasPrefix(rest, m.Bytes()) {
				t.Fatalf("%s: %q is not what follows", name, m.Bytes())
			}
			rest = rest[len(m.Bytes()):]
			if err := alone.Parse(m.Bytes()); err != nil || !alone.Equal(m) {
				t.Fatalf("%s: %q alone is %q, %v", name, m.Bytes(), alone.Bytes(), err)
			}
			if m.Len() == 0 && path.Dir(name) != "list-actions-idle" && path.Dir(name) != "queue-complete" { // QueueRule (4.10)
				t.Errorf("%s: empty message", name)
			}
		}
		if bytes.Contains(rest, []byte("\r\n\r\n")) {
			t.Errorf("%s: %d bytes left behind", name, len(rest))
		}
	}
}

// TestCapturesServer: the actions we see are those that the Asterisk saw, one answer for each, with its ActionID.
func TestCapturesServer(t *testing.T) {
	t.Parallel()
	for _, name := range recordings(t, ".sent") {
		switch folder := path.Dir(name); {
		case strings.HasPrefix(folder, "malformed-"), strings.HasPrefix(folder, "login-"),
			folder == "command-action", folder == "userevent-action", folder == "list-actions-no-actionid", folder == "permissions":
		default:
			continue
		}
		sent := recording(t, name)
		actions := sameInPieces(t, sent, ami.Server, 1, 7, 1024)
		var want, got []string
		for _, a := range actions {
			if a.err != nil {
				t.Errorf("%s: %v", name, a.err)
			}
			want = append(want, string(a.Get("ActionID")))
		}
		d := ami.NewDecoder(bytes.NewReader(recording(t, strings.TrimSuffix(name, ".sent")+".ami")), ami.Client)
		if _, err := d.Line(); err != nil && !(err == io.EOF && len(sent) == 0) {
			t.Fatal(name, err)
		}
		answers, _ := decodeAll(d)
		for _, m := range answers {
			if m.Kind() == ami.KindResponse {
				got = append(got, string(m.Get("ActionID")))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: answers to %q, but actions %q", name, got, want)
		}
	}
}

// TestCaptureUserEvent: what a client sends comes back header by header, so the decoders of both modes agree on every line, also on
// those without a colon (ami/behaviour.md 2.11, 16.10).
//
//ami:same 2.11 16.10
//ami:client 15
func TestCaptureUserEvent(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"userevent-action/alpha", "malformed-missing-colon/alpha", "malformed-bare-lf/alpha"} {
		actions, _ := decodeAll(ami.NewDecoder(bytes.NewReader(recording(t, name+".sent")), ami.Server))
		events, _ := decodeAll(ami.NewDecoder(bytes.NewReader(recording(t, name+".ami")), ami.Client))
		i := 0
		for _, e := range events {
			if string(e.Get("Event")) != "UserEvent" {
				continue
			}
			for !strings.EqualFold(string(actions[i].Get("Action")), "UserEvent") {
				i++
			}
			if want, got := body(actions[i].Message), body(e.Message); !slices.Equal(got, want) {
				t.Errorf("%s: UserEvent of %q came as %q", name, want, got)
			}
			i++
		}
		if i == 0 {
			t.Errorf("%s: no UserEvent", name)
		}
	}
}

// body returns the lines behind the head of an event, or those of an action as they come in the event.
func body(m *ami.Message) []string {
	from, lines := m.Find("UserEvent"), []string{"UserEvent: "}
	if from >= 0 {
		lines[0] = string(m.Line(from))
	}
	for i := range m.Len() {
		name, _, _ := m.Field(i)
		if m.Kind() == ami.KindEvent && i <= 3 || i == from || string(name) == "Action" {
			continue
		}
		lines = append(lines, string(m.Line(i)))
	}
	return lines
}

// TestCaptureOutput reads the answers to Command (ami/behaviour.md 15.1).
//
//ami:same 15.1
func TestCaptureOutput(t *testing.T) {
	t.Parallel()
	d := ami.NewDecoder(bytes.NewReader(recording(t, "command-action/alpha.ami")), ami.Client)
	want := map[string][]string{
		"alpha-7":  {"No such command 'foo bar' (type 'core show help foo bar' for other possible commands)"},
		"alpha-21": nil, // No command provided
	}
	lines := 0
	for {
		m, err := d.Decode()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got := []string(nil)
		for line := range m.Output() {
			got = append(got, string(line))
		}
		lines += len(got)
		if n := bytes.Count(m.Bytes(), []byte("\r\nOutput: ")); n != len(got) {
			t.Errorf("%d lines of output of %d: %q", len(got), n, m.Bytes())
		}
		if w, ok := want[string(m.Get("ActionID"))]; ok && !slices.Equal(got, w) {
			t.Errorf("%s: %q, want %q", m.Get("ActionID"), got, w)
		}
	}
	if lines < 100 {
		t.Errorf("%d lines of output in all", lines)
	}
}
