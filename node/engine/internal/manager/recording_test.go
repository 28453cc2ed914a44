package manager

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
)

const captures = "../../../../testdata/captures/"

// recording is what a client asked and was answered, and the names that things had there.
type recording struct {
	dialogues []dialogue
	names     *names
}

// dialogue is an action, when it was sent after the first one, and all that was sent in answer to it.
type dialogue struct {
	at     time.Duration
	action *ami.Message
	answer string
}

func openRecording(t *testing.T, name string) *recording {
	t.Helper()
	c, err := capture.OpenDir(captures+name, "alpha")
	if err != nil {
		t.Fatal(err)
	}
	var events []string
	for _, m := range c.Events() {
		events = append(events, string(m.Bytes()))
	}
	r := &recording{names: namesIn(events)}
	answers := slices.DeleteFunc(slices.Clone(c.Messages), func(m capture.Message) bool { return m.Kind != capture.Answer || m.Action == nil })
	for _, d := range sentActions(t, captures+name+"/alpha") {
		i := slices.IndexFunc(answers, func(m capture.Message) bool { return bytes.Equal(m.Action.Bytes(), d.action.Bytes()) })
		if i < 0 {
			continue
		}
		d.answer = string(answers[i].Text.Bytes())
		for _, rest := range answers[i].Rest {
			d.answer += string(rest.Bytes())
		}
		answers = slices.Delete(answers, i, i+1)
		r.dialogues = append(r.dialogues, d)
	}
	if len(r.dialogues) < 2 {
		t.Fatalf("%s: %d actions with an answer", name, len(r.dialogues))
	}
	return r
}

// sentActions are the actions that a client sent.
func sentActions(t *testing.T, base string) (all []dialogue) {
	t.Helper()
	type write struct {
		Off int
		T   float64
	}
	var writes []write
	for dec := json.NewDecoder(bytes.NewReader(unzip(t, base+".sends.jsonl.gz"))); ; {
		var w write
		if err := dec.Decode(&w); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		writes = append(writes, w)
	}
	off, at := 0, 0
	for dec := ami.NewDecoder(bytes.NewReader(unzip(t, base+".sent.gz")), ami.Server); ; {
		m, err := dec.Decode()
		if err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		for at+1 < len(writes) && writes[at+1].Off <= off {
			at++
		}
		all = append(all, dialogue{at: time.Duration((writes[at].T - writes[0].T) * float64(time.Second)), action: m.Clone()})
		off += len(m.Bytes())
	}
}

func unzip(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err == nil {
		var b []byte
		if b, err = io.ReadAll(z); err == nil {
			return b
		}
	}
	t.Fatal(errors.Join(fmt.Errorf("%s", name), err))
	return nil
}

// names are what counters and chance made: Local channels' numbers, uniqueids, bridges. A key says which one it is: it is the same
// wherever the same calls are made.
type names struct{ keys, texts map[string]string }

var (
	newChannel = regexp.MustCompile(`(?s)^Event: Newchannel\r.*\r\nChannel: ([^\r]*)\r.*\r\nUniqueid: ([^\r]*)\r\nLinkedid: ([^\r]*)\r`)
	newBridge  = regexp.MustCompile(`(?s)^Event: BridgeEnter\r.*\r\nBridgeUniqueid: ([0-9a-f-]{36})\r.*\r\nChannel: ([^\r]*)\r`)
	localOne   = regexp.MustCompile(`^Local/.*-([0-9a-f]{8});1$`)
	counted    = regexp.MustCompile(`\b(?:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|alpha-\d+\.\d+|[0-9a-f]{8})\b`)
)

func namesIn(events []string) *names {
	n := &names{map[string]string{}, map[string]string{}}
	var channels, bridges [][]string
	for _, e := range events {
		if m := newChannel.FindStringSubmatch(e); m != nil {
			channels = append(channels, m[1:])
		} else if m := newBridge.FindStringSubmatch(e); m != nil {
			bridges = append(bridges, m[1:])
		}
	}
	slices.SortStableFunc(channels, func(a, b []string) int { // threads may say them in another order
		return strings.Compare(localOne.ReplaceAllString(a[0], "$1"), localOne.ReplaceAllString(b[0], "$1"))
	})
	for _, c := range channels {
		if m := localOne.FindStringSubmatch(c[0]); m != nil && c[1] == c[2] {
			n.add("local", m[1])
		} else if m != nil {
			n.add("dialled", m[1])
		}
	}
	for _, c := range channels {
		if strings.HasPrefix(c[1], "alpha-") {
			n.add("id of "+n.masked(c[0]), c[1])
		}
	}
	for _, b := range bridges { // known by who was first in it
		if n.keys[b[0]] == "" {
			n.add("bridge of "+n.masked(b[1]), b[0])
		}
	}
	return n
}

// add gives a name a key: the next of its kind.
func (n *names) add(kind, name string) {
	for i := 0; ; i++ {
		if key := fmt.Sprintf("%s %d", kind, i); n.texts[key] == "" {
			n.keys[name], n.texts[key] = key, name
			return
		}
	}
}

// translate puts the other names in the place of these.
func (n *names) translate(text string, to *names) string {
	return counted.ReplaceAllStringFunc(text, func(s string) string {
		return cmp.Or(to.texts[n.keys[s]], s)
	})
}

func (n *names) masked(text string) string {
	return counted.ReplaceAllStringFunc(text, func(s string) string { return cmp.Or(n.keys[s], s) })
}
