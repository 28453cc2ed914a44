package ami

import (
	"strings"
	"testing"
)

// TestShrink: what grew for one large message is given back before the next, and what is buffered is not lost with it.
func TestShrink(t *testing.T) {
	t.Parallel()
	large := "A: " + strings.Repeat("x", MaxMessage/2) + "\r\n" + strings.Repeat("B\r\n", 2*keepLines) + "\r\n"
	d := NewDecoder(strings.NewReader(large+"C: d\r\n\r\nE: f\r\n\r\n"), Client)
	for _, want := range []string{"A", "C", "E"} {
		m, err := d.Decode()
		if err != nil || !m.Has(want) {
			t.Fatalf("%s: %v", want, err)
		}
		if want == "A" && (len(d.buf) <= keepBuffer || cap(d.msg.lines) <= keepLines) {
			t.Fatal("the message was not large enough to show anything")
		}
	}
	if len(d.buf) > keepBuffer || cap(d.msg.lines) > keepLines {
		t.Errorf("kept a buffer of %d bytes and %d lines", len(d.buf), cap(d.msg.lines))
	}

	d = NewDecoder(strings.NewReader(strings.Repeat("A: "+strings.Repeat("x", 1000)+"\r\n", 120)+"\r\nC: d\r\n\r\n"), Server)
	for range 2 {
		if _, err := d.Decode(); err != nil {
			t.Fatal(err)
		}
	}
	if cap(d.text) > keepBuffer || len(d.buf) != serverBuffer {
		t.Errorf("kept buffers of %d and %d bytes", cap(d.text), len(d.buf))
	}
}
