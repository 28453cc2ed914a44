package ami_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/amibus/amibus/proto/ami"
)

func parse(t *testing.T, s string) *ami.Message {
	t.Helper()
	m, err := ami.ParseMessage([]byte(s))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return m
}

// TestGet: headers are found as Asterisk finds them.
//
//ami:same 2.2 2.8 2.9 2.10 2.11 2.13
func TestGet(t *testing.T) {
	t.Parallel()
	m := parse(t, "Event: E\r\nA: first\r\na: second\r\nEmpty:\r\nTight:x\r\nMany:  \t three \r\nBlank : no\r\n Lead: no\r\nno colon\r\nC: a:b\r\n\r\n")
	for _, c := range []struct {
		item, name string
		want       string
		has        bool
	}{
		{"2.8 without case", "EVENT", "E", true},
		{"2.10 the first counts", "a", "first", true},
		{"2.9 no blank needed", "Tight", "x", true},
		{"2.9 leading blanks go, trailing ones stay", "Many", "three ", true},
		{"2.8 the colon is right behind the name", "Blank", "", false},
		{"2.2 a leading blank belongs to the name", "Lead", "", false},
		{"2.11 no colon, no header", "no colon", "", false},
		{"empty", "Empty", "", true},
		{"value with a colon", "C", "a:b", true},
		{"a part of a name", "Even", "", false},
		{"empty name", "", "", false},
	} {
		if got := m.Get(c.name); string(got) != c.want || (got != nil) != c.has || m.Has(c.name) != c.has || (m.Find(c.name) >= 0) != c.has {
			t.Errorf("%s: Get(%q) is %q, line %d", c.item, c.name, got, m.Find(c.name))
		}
	}
	var all []string
	for v := range m.Values("A") {
		all = append(all, string(v))
	}
	if !slices.Equal(all, []string{"first", "second"}) {
		t.Errorf("values of A: %q", all)
	}
	for range m.Values("A") {
		break // a consumer may stop
	}
	if name, value, ok := m.Field(5); string(name) != "Many" || string(value) != "three " || !ok {
		t.Errorf("field 5: %q, %q, %t", name, value, ok)
	}
	if name, value, ok := m.Field(8); string(name) != "no colon" || value != nil || ok {
		t.Errorf("field 8: %q, %q, %t", name, value, ok)
	}
}

func TestKind(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]ami.Kind{
		"Event: E\r\nResponse: Success\r\n\r\n": ami.KindEvent,
		"Response: Success\r\nEvent: E\r\n\r\n": ami.KindResponse,
		"ActionID: 1\r\naction: Ping\r\n\r\n":   ami.KindAction,
		"garbage\r\n\r\n":                       ami.KindOther,
		"\r\n":                                  ami.KindOther,
	} {
		if got := parse(t, in).Kind(); got != want {
			t.Errorf("%q is of kind %d, want %d", in, got, want)
		}
	}
}

// TestNoSmuggling: whatever goes into a message, it stays in its line, in both modes.
//
//ami:client 17
func TestNoSmuggling(t *testing.T) {
	t.Parallel()
	const evil = "x\r\nEvent: Fake\r\n\r\nResponse: y\nz\rw\x00v"
	want := []string{"Response: Success", strings.Map(clean, evil) + ": " + strings.Map(clean, evil), strings.Map(clean, evil), ": "}
	m := ami.New("Response", "Success", evil, evil)
	m.AddLine([]byte(evil)).AddLine(nil).Add("", "")
	check := func(m *ami.Message, want []string) {
		t.Helper()
		for _, mode := range []ami.Mode{ami.Server, ami.Client} {
			all := sameInPieces(t, m.Bytes(), mode, 1)
			if got := texts(all); len(got) != 1 || got[0] != strings.Join(want, "|") || !all[0].Equal(m) {
				t.Errorf("mode %d: got %q, want %q", mode, got, want)
			}
		}
		if err := m.CheckAction(); err != nil {
			t.Error(err)
		}
	}
	check(m, want)
	var copied ami.Message
	m.Replace(&copied, 0, []byte(evil))
	want[0] = strings.Map(clean, evil)
	check(&copied, want)
	m.Replace(&copied, 3, []byte{})
	want[0] = "Response: Success"
	check(&copied, want[:3])
}

func clean(r rune) rune {
	if r == '\r' || r == '\n' || r == 0 {
		return ' '
	}
	return r
}

// TestChangeCopies: a message that points into somebody's bytes never writes to them.
func TestChangeCopies(t *testing.T) {
	t.Parallel()
	const text = "A: 1\r\n\r\n"
	buf := []byte(text + "B: 2\r\n\r\n")
	for _, change := range []func(m *ami.Message){
		func(m *ami.Message) { m.Add("x", "") },
		func(m *ami.Message) { m.AddLine([]byte("x")) },
		func(m *ami.Message) { m.Reset(); m.Add("x", "") },
		func(m *ami.Message) { ami.New("C", "3").Replace(m, 0, []byte("D")) },
	} {
		m, err := ami.ParseMessage(buf[:len(text)])
		if err != nil {
			t.Fatal(err)
		}
		change(m)
		if string(buf) != text+"B: 2\r\n\r\n" {
			t.Fatalf("the bytes are now %q", buf)
		}
	}
	d := ami.NewDecoder(bytes.NewReader(buf), ami.Client)
	m, _ := d.Decode()
	if m.Add("X", "9"); string(m.Bytes()) != "A: 1\r\nX: 9\r\n\r\n" {
		t.Errorf("changed to %q", m.Bytes())
	}
	if m, err := d.Decode(); err != nil || string(m.Bytes()) != "B: 2\r\n\r\n" {
		t.Errorf("the next one is %q, %v", m.Bytes(), err)
	}
	if m = parse(t, "raw\ntext\n\r\n"); string(m.Add("A", "1").Bytes()) != "raw\ntext\r\n"+text {
		t.Errorf("raw text became %q", m.Bytes())
	}
	if m = parse(t, "\r\n"); string(m.Add("A", "1").Bytes()) != text {
		t.Errorf("empty message became %q", m.Bytes())
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "\n", "A: b", "A: b\r\n", "A: b\r\n\r", "A: b\n\n", "A: b\r\n\r\nC", "A: b\r\n\r\n\r\n",
		"Response: Follows\r\nx\r\n\r\n", "Response: Follows\r\nx\n--END COMMAND--\r\n"} {
		if m, err := ami.ParseMessage([]byte(in)); !errors.Is(err, ami.ErrIncomplete) || m != nil {
			t.Errorf("%q gives %v, %v", in, m, err)
		}
	}
	var m ami.Message
	if err := m.Parse(make([]byte, ami.MaxMessage+1)); !errors.Is(err, ami.ErrMessageTooLong) {
		t.Error(err)
	}
	if err := m.Parse([]byte("A: b\r\n")); err == nil || m.Len() != 0 || len(m.Bytes()) != 0 {
		t.Errorf("%d lines, %q left after %v", m.Len(), m.Bytes(), err)
	}
	if m = *parse(t, "\r\n"); m.Len() != 0 || string(m.Bytes()) != "\r\n" {
		t.Errorf("empty message: %d lines, %q", m.Len(), m.Bytes())
	}
}

// TestOutput: the output of a command, in both forms.
//
//ami:same 15.1 15.2
func TestOutput(t *testing.T) {
	t.Parallel()
	const follows = "Response: Follows\r\nPrivilege: Command\r\n"
	for _, c := range []struct {
		item, in string
		want     []string
	}{
		{"15.1", "Response: Success\r\nMessage: Command output follows\r\nOutput: a: b\r\nOutput:   in \r\nOutput: \r\nOutput:\r\n\r\n",
			[]string{"a: b", "  in ", "", ""}},
		{"15.1 none", "Response: Error\r\nMessage: No command provided\r\n\r\n", nil},
		{"15.2", follows + "ActionID: 1\r\na: b\n  in \n\nActionID: 2\n--END COMMAND--\r\n\r\n", []string{"a: b", "  in ", "", "ActionID: 2"}},
		{"15.2 no ActionID", follows + "ActionID: 2\nx--END COMMAND--\r\n\r\n", []string{"ActionID: 2", "x"}},
		{"15.2 none", follows + "--END COMMAND--\r\n\r\n", nil},
		{"no message", "\r\n", nil},
	} {
		var got []string
		m := parse(t, c.in)
		for line := range m.Output() {
			got = append(got, string(line))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.item, got, c.want)
		}
		for range m.Output() {
			break
		}
	}
}

func TestCheckAction(t *testing.T) {
	t.Parallel()
	many := &ami.Message{}
	for range ami.MaxHeaders {
		many.Add("A", "b")
	}
	for _, c := range []struct {
		item string
		m    *ami.Message
		want error
	}{
		{"2.7 128 lines", many.Clone(), nil},
		{"2.7 129 lines", many.Clone().Add("A", "b"), ami.ErrTooManyLines},
		{"2.4 1,022 bytes", (&ami.Message{}).AddLine([]byte(x(1022))), nil},
		{"2.6 1,023 bytes", (&ami.Message{}).AddLine([]byte(x(1023))), ami.ErrLineTooLong},
		{"2.1 a lone LF", parse(t, "A: b\nAction: Originate\r\n\r\n"), ami.ErrLineEnd},
		{"2.3 a NUL", parse(t, "A: b\x00\r\n\r\n"), ami.ErrLineEnd},
		{"2.3 an empty line", parse(t, "Response: Follows\r\n\r\nA--END COMMAND--\r\n\r\n"), ami.ErrLineEnd},
	} {
		if err := c.m.CheckAction(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.item, err, c.want)
		}
	}
}

// writes counts them.
type writes struct {
	bytes.Buffer
	n   int
	err error
}

func (w *writes) Write(b []byte) (int, error) {
	w.n++
	w.Buffer.Write(b)
	return len(b), w.err
}

func TestEncoder(t *testing.T) {
	t.Parallel()
	w := &writes{}
	e := ami.NewEncoder(w)
	if err := e.Encode(ami.New("Response", "Success", "ActionID", "1", "Odd")); err != nil || w.n != 1 {
		t.Errorf("%d writes, %v", w.n, err)
	}
	if want := "Response: Success\r\nActionID: 1\r\nOdd: \r\n\r\n"; w.String() != want {
		t.Errorf("wrote %q, want %q", w.String(), want)
	}
	w.err = errors.New("closed")
	if err := e.Encode(ami.New("A", "b")); !errors.Is(err, w.err) {
		t.Error(err)
	}
}
