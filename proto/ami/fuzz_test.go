package ami_test

import (
	"bytes"
	"testing"

	"github.com/amibus/amibus/proto/ami"
)

// seeds are recordings small enough to be mutated, and the oddities of the tables.
func seeds(f *testing.F, files ...string) {
	for _, name := range files {
		data := recording(f, name)
		f.Add(data[:min(len(data), 3000)], uint16(7))
	}
	for _, s := range []string{"", "\r\n", "A: b\nC\x00\r\n\r\n", x(1023) + "\r\nAction: Ping\r\n\r\n", x(1022) + "\n\r\n", "A\r\r\n\r\n",
		"Response: Follows\r\nPrivilege: Command\r\na\n\r\n\r\nb--END COMMAND--\r\n\r\n\r\n"} {
		f.Add([]byte(s), uint16(1))
	}
}

// FuzzDecodeClient: every byte is in a message, reads do not matter, and each message parses alone.
func FuzzDecodeClient(f *testing.F) {
	seeds(f, "command-action/alpha.ami", "getvar-setvar/alpha.ami", "malformed-missing-colon/alpha.ami")
	f.Fuzz(func(t *testing.T, in []byte, size uint16) {
		rest := in
		for _, m := range sameInPieces(t, in, ami.Client, int(size%4096)+1) {
			if !bytes.HasPrefix(rest, m.Bytes()) {
				t.Fatalf("%q is not what follows in %q", m.Bytes(), rest)
			}
			rest = rest[len(m.Bytes()):]
			alone, err := ami.ParseMessage(m.Bytes())
			if err != nil || !alone.Equal(m.Message) {
				t.Fatalf("%q alone: %v", m.Bytes(), err)
			}
			for range m.Output() {
			}
			rebuild(t, m.Message)
		}
	})
}

// FuzzDecodeServer: reads do not matter, and an action that is in order is the same action when it is passed on, in both modes.
func FuzzDecodeServer(f *testing.F) {
	seeds(f, "malformed-empty-action/alpha.sent", "malformed-bare-lf/alpha.sent", "malformed-missing-colon/alpha.sent")
	f.Fuzz(func(t *testing.T, in []byte, size uint16) {
		for _, m := range sameInPieces(t, in, ami.Server, int(size%4096)+1) {
			if m.Len() > ami.MaxHeaders {
				t.Fatalf("%d lines", m.Len())
			}
			if m.err != nil {
				continue
			}
			if err := m.CheckAction(); err != nil {
				t.Fatalf("%q: %v", m.Bytes(), err)
			}
			again := sameInPieces(t, m.Bytes(), ami.Server, int(size%4096)+1)
			if len(again) != 1 || again[0].err != nil || !again[0].Equal(m.Message) {
				t.Fatalf("%q passed on is %q", m.Bytes(), texts(again))
			}
			if m.Len() > 0 && string(m.Line(0)) == "Response: Follows" {
				continue // no action, and something else in client mode
			}
			if p, err := ami.ParseMessage(m.Bytes()); err != nil || !p.Equal(m.Message) {
				t.Fatalf("%q does not parse: %v", m.Bytes(), err)
			}
			rebuild(t, m.Message)
		}
	})
}

// rebuild copies m line by line and by Replace; neither may ever make more or fewer lines of it.
func rebuild(t *testing.T, m *ami.Message) {
	var built, replaced ami.Message
	lines := 0
	for i := range m.Len() {
		if built.AddLine(m.Line(i)); len(m.Line(i)) > 0 {
			lines++
		}
		m.Replace(&replaced, i, m.Line(i))
		if len(m.Line(i)) > 0 && replaced.Len() != m.Len() {
			t.Fatalf("%q with line %d replaced has %d lines", m.Bytes(), i, replaced.Len())
		}
	}
	if built.Len() != lines {
		t.Fatalf("%q became %q", m.Bytes(), built.Bytes())
	}
	all, _ := decodeAll(ami.NewDecoder(bytes.NewReader(built.Bytes()), ami.Server))
	if lines > 0 && len(all) != 1 {
		t.Fatalf("%q is %d actions", built.Bytes(), len(all))
	}
}

// FuzzParsePrivilege: what is understood is written again byte for byte.
func FuzzParsePrivilege(f *testing.F) {
	for _, s := range []string{"call,all", "<none>", "system,user,all", "all", "call,call,all", "message,all"} {
		f.Add([]byte(s), uint64(1))
	}
	f.Fuzz(func(t *testing.T, v []byte, bits uint64) {
		if c, ok := ami.ParsePrivilege(v); ok && string(c.AppendPrivilege(nil)) != string(v) {
			t.Fatalf("%q became %q", v, c.AppendPrivilege(nil))
		}
		const known = 1<<19 - 1 | uint64(ami.ClassMessage)
		c := ami.Class(bits & known)
		if got, ok := ami.ParsePrivilege(c.AppendPrivilege(nil)); !ok || got != c {
			t.Fatalf("%b became %b, %t", c, got, ok)
		}
	})
}
