package capture_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
)

const captures = "../../../testdata/captures"

var allCaptures = sync.OnceValues(func() ([]*capture.Capture, error) { return capture.OpenAll(captures) })

func all(t *testing.T) []*capture.Capture {
	t.Helper()
	cs, err := allCaptures()
	if err != nil {
		t.Fatal(err)
	}
	return cs
}

func open(t testing.TB, scenario, instance string) *capture.Capture {
	t.Helper()
	c, err := capture.OpenDir(filepath.Join(captures, scenario), instance)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func stream(t *testing.T, c *capture.Capture) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join(captures, c.Scenario, c.Instance+".ami.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// countEvents counts without a decoder: an event begins behind an empty line, and the value of Privilege in its second line ends
// in ",all" (that of a Status item is "Call").
func countEvents(b []byte) (n int) {
	for start := []byte("\n\r\nEvent: "); ; {
		i := bytes.Index(b, start)
		if i < 0 {
			return n
		}
		b = b[i+len(start):]
		lines := bytes.SplitN(b[:min(len(b), 200)], []byte("\r\n"), 3)
		if len(lines) == 3 && bytes.HasPrefix(lines[1], []byte("Privilege: ")) && bytes.HasSuffix(lines[1], []byte(",all")) {
			n++
		}
	}
}

func TestGoldenCounts(t *testing.T) {
	t.Parallel()
	for _, want := range []struct {
		scenario, instance          string
		events, answers, rest, acts int
	}{
		{"busy-1", "alpha", 18401, 2, 119, 2},
		{"busy-1", "bravo", 19067, 2, 113, 2},
		{"call-answered", "charlie", 127, 3, 0, 3},
		{"list-actions-busy", "alpha", 366, 55, 135, 55},
		{"list-actions-idle", "alpha", 3, 44, 73, 44},
		{"login-timeout", "alpha", 0, 0, 0, 0},
		{"malformed-empty-action", "alpha", 10, 12, 0, 12},
		{"originate-async", "alpha", 171, 7, 0, 7},
		{"stalled-client", "alpha-stalled", 3632, 1, 0, 1},
	} {
		c := open(t, want.scenario, want.instance)
		got := want
		got.events, got.answers, got.rest, got.acts = len(c.Events()), 0, 0, 0
		for _, m := range c.Messages {
			if m.Kind != capture.Answer {
				continue
			}
			got.answers++
			got.rest += len(m.Rest)
			if m.Action != nil {
				got.acts++
			}
		}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

// Every byte of a stream belongs to one message, every answer to an action; no event hides in an answer, and there are as many
// events as one counts in the bytes.
func TestAllCaptures(t *testing.T) {
	t.Parallel()
	total := 0
	for _, c := range all(t) {
		size := 0
		for i, m := range c.Messages {
			size += len(m.Text.Bytes())
			if i == 0 {
				size -= len("\r\n") // the empty line that a banner does not have
			}
			if m.Kind == capture.Answer && m.Action == nil {
				t.Errorf("%s/%s: no action for %q", c.Scenario, c.Instance, m.Text.Bytes())
			}
			for _, r := range m.Rest {
				size += len(r.Bytes())
				if capture.IsEvent(r) {
					t.Errorf("%s/%s: event in an answer: %q", c.Scenario, c.Instance, r.Bytes())
				}
			}
			if i > 0 && m.At < c.Messages[i-1].At || m.At > c.Length {
				t.Errorf("%s/%s: message %d is out of time", c.Scenario, c.Instance, i)
			}
		}
		b := stream(t, c)
		if end := bytes.LastIndex(b, []byte("\r\n\r\n")); c.Instance == "alpha-stalled" { // it ends in mid-message
			b = b[:end+4]
		}
		if size != len(b) {
			t.Errorf("%s/%s: messages have %d bytes, the stream %d", c.Scenario, c.Instance, size, len(b))
		}
		n := len(c.Events())
		if want := countEvents(b); n != want {
			t.Errorf("%s/%s: %d events, counted in the bytes %d", c.Scenario, c.Instance, n, want)
		}
		total += n
	}
	if total != 55534 {
		t.Errorf("%d events in all captures, want 55534", total)
	}
}

func TestIsEvent(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"Event: DeviceStateChange\r\nPrivilege: call,all\r\nDevice: x\r\n\r\n":           true,
		"Event: DeviceStateChange\r\nActionID: 1\r\nDevice: x\r\n\r\n":                   false,
		"Event: DeviceStateChange\r\nDevice: x\r\nPrivilege: call,all\r\n\r\n":           false,
		"Event: PresenceStateChange\r\nPresentity: x\r\n\r\n":                            false,
		"Event: ExtensionStatus\r\nActionID: 1\r\n\r\n":                                  false,
		"Event: Status\r\nPrivilege: Call\r\nActionID: 1\r\n\r\n":                        false,
		"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: x\r\nActionID: 1\r\n\r\n": true,
		"Event: OriginateResponse\r\nPrivilege: call,all\r\nResponse: Success\r\n\r\n":   true,
		"Event: Odd\r\nPrivilege: <none>\r\n\r\n":                                        true,
		"Response: Success\r\nPrivilege: call,all\r\n\r\n":                               false,
		"Event: CoreShowChannelsComplete\r\nEventList: Complete\r\nListItems: 0\r\n\r\n": false,
	} {
		m, err := ami.NewDecoder(strings.NewReader(text), ami.Client).Decode()
		if err != nil {
			t.Fatal(err)
		}
		if got := capture.IsEvent(m); got != want {
			t.Errorf("IsEvent(%q) = %v", text, got)
		}
	}
}

// The same event name is an event here and a list item there.
func TestClassify(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		scenario, instance, name string
		events, items            int
	}{
		{"device-states", "alpha", "DeviceStateChange", 7, 19},
		{"device-states", "charlie", "ExtensionStatus", 6, 6},
		{"device-states", "charlie", "PresenceStateChange", 2, 1},
		{"list-actions-busy", "alpha", "ParkedCall", 1, 1},
		{"list-actions-busy", "alpha", "Status", 0, 28},
		{"originate-async", "alpha", "OriginateResponse", 5, 0},
		{"userevent-action", "alpha", "UserEvent", 9, 0},
	} {
		events, items := 0, 0
		for _, m := range open(t, tc.scenario, tc.instance).Messages {
			for _, r := range m.Rest {
				if string(r.Get("Event")) == tc.name {
					items++
				}
			}
			if m.Kind == capture.Event && string(m.Text.Get("Event")) == tc.name {
				events++
			}
		}
		if events != tc.events || items != tc.items {
			t.Errorf("%s/%s: %s: %d events and %d items, want %d and %d",
				tc.scenario, tc.instance, tc.name, events, items, tc.events, tc.items)
		}
	}
}

func TestCapture(t *testing.T) {
	t.Parallel()
	a, b := open(t, "iax-interbox", "alpha"), open(t, "iax-interbox", "bravo")
	if a.Banner() != "Asterisk Call Manager/11.0.0" || a.Scenario != "iax-interbox" || a.Instance != "alpha" {
		t.Errorf("banner %q of %s/%s", a.Banner(), a.Scenario, a.Instance)
	}
	if d := a.Start - b.Start; d < -1e9 || d > 1e9 {
		t.Errorf("the clocks of one folder are %v apart", d)
	}
	if a.SystemName() != "alpha" || open(t, "call-answered", "charlie").SystemName() != "" {
		t.Error("wrong system name")
	}
	if l := open(t, "login-md5", "alpha"); l.Login != 2 {
		t.Errorf("login answer is message %d, want 2", l.Login)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, folder := range []string{"two", "one"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"b.ami":         "A/1\r\nEvent: X\r\nPrivilege: call,all\r\n\r\nEvent: Y\r\n\r\nEvent: Z\r\nPrivilege: <none>\r\n\r\n",
			"b.reads.jsonl": `{"off":0,"len":81,"t":1}`, "README.md": "",
		} {
			if err := os.WriteFile(filepath.Join(dir, folder, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	seq, err := capture.Events(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for ref, m := range seq {
		if got = append(got, ref.String()+" "+string(m.Get("Event"))); len(got) == 3 {
			break
		}
	}
	if want := "one/b#1 X, one/b#3 Z, two/b#1 X"; strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := capture.Events("nowhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
}

func TestInstances(t *testing.T) {
	t.Parallel()
	got, err := capture.Instances(fstest.MapFS{
		"bravo.ami.gz": {}, "alpha.ami": {}, "alpha.ami.gz": {}, "alpha.sent": {}, "README.md": {}, "x.ami/y": {},
	})
	if err != nil || strings.Join(got, " ") != "alpha bravo" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	io.WriteString(w, "Asterisk Call Manager/11.0.0\r\n")
	w.Close()
	for name, tc := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"nothing here":    {fstest.MapFS{}, "a.ami: no such capture, and no other here either"},
		"another here":    {fstest.MapFS{"b.ami": file(""), "c.ami.gz": file("")}, "a.ami: no such capture; there are: b, c"},
		"no times":        {fstest.MapFS{"a.ami": file("x\r\n")}, "a.reads.jsonl: not here, nor as .gz: file does not exist"},
		"no gzip":         {fstest.MapFS{"a.ami.gz": file("plain text")}, "a.ami.gz: gzip: invalid header"},
		"cut gzip":        {fstest.MapFS{"a.ami.gz": file(z.String()[:z.Len()-9])}, "a.ami.gz: unexpected EOF"},
		"bad times":       {fstest.MapFS{"a.ami": file("x\r\n"), "a.reads.jsonl": file("{")}, "a.reads.jsonl: line 1: unexpected EOF"},
		"times too short": {fstest.MapFS{"a.ami": file("x\r\n"), "a.reads.jsonl": file(`{"off":0,"len":1,"t":1}`)}, "a.reads.jsonl: covers 1 bytes, the stream has 3"},
		"times with a gap": {fstest.MapFS{"a.ami": file("x\r\n"), "a.reads.jsonl": file(`{"off":0,"len":1,"t":1}{"off":2,"len":1,"t":1}`)},
			"a.reads.jsonl: line 2: offset or time does not follow the line before"},
		"times backwards": {fstest.MapFS{"a.ami": file("x\r\n"), "a.reads.jsonl": file(`{"off":0,"len":1,"t":2}{"off":1,"len":2,"t":1}`)},
			"a.reads.jsonl: line 2: offset or time does not follow the line before"},
		"endless message": {fstest.MapFS{"a.ami": file("x\r\n" + strings.Repeat("y", ami.MaxMessage+5000)), "a.reads.jsonl": file(`{"off":0,"len":1053579,"t":2}`)},
			"a.ami: offset 3: " + ami.ErrMessageTooLong.Error()},
	} {
		_, err := capture.Open(tc.files, "a")
		if err == nil || err.Error() != tc.want {
			t.Errorf("%s: error %v, want %s", name, err, tc.want)
		}
	}
	if _, err := capture.OpenDir("nowhere", "a"); !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
}

// Without the sent bytes a capture is still good, its answers belong to nobody then; plain files do as well as gzipped ones.
func TestOpenPlain(t *testing.T) {
	t.Parallel()
	text := "Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nMessage: x\r\n\r\nIAX2/x\n\r\nEvent: A\r\nPrivilege: call,all\r\n\r\n"
	c, err := capture.Open(fstest.MapFS{
		"a.ami": {Data: []byte(text)}, "a.reads.jsonl": {Data: []byte(`{"off":0,"len":105,"t":7.5}{"off":105,"len":0,"t":9,"eof":true}`)},
	}, "a")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Messages) != 3 || c.Messages[1].Action != nil || len(c.Messages[1].Rest) != 1 || len(c.Events()) != 1 || c.Length != 1500e6 {
		t.Errorf("got %+v", c)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add("A/1\r\nResponse: Success\r\nActionID: 1\r\nEventList: start\r\n\r\nEvent: X\r\n\r\n", "Action: Login\r\nActionID: 1\r\n\r\n")
	f.Add("\r\n\r\n\r\n", "\r\n\r\nAction: IAXnetstats\r\n\r\n")
	f.Add("A\r\nx\n\r\nEvent: A\r\nPrivilege: call,all\r\n\r\n", "")
	f.Add("A\r\nResponse: Follows\r\nraw\n--END COMMAND--\r\n\r\n", "Action: Command\r\n\r\n")
	f.Fuzz(func(t *testing.T, stream, sent string) {
		c, err := capture.Open(fstest.MapFS{
			"a.ami": {Data: []byte(stream)}, "a.sent": {Data: []byte(sent)},
			"a.reads.jsonl": {Data: fmt.Appendf(nil, `{"off":0,"len":%d,"t":1}`, len(stream))},
		}, "a")
		if err == nil {
			capture.NewServer(capture.Config{Capture: c})
		}
	})
}
