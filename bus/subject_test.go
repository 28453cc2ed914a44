package bus

import (
	"strings"
	"testing"
)

func TestEscape(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, token string }{
		{"", "%"},
		{"%", "%25"},
		{"1700000000.12", "1700000000%2E12"},
		{"alpha-1_b", "alpha-1_b"},
		{"a*b>c d\t", "a%2Ab%3Ec%20d%09"},
		{"é", "%C3%A9"},
		{"日", "%E6%97%A5"},
		{"\xff\x00", "%FF%00"},
	} {
		if got := Escape(tt.text); got != tt.token {
			t.Errorf("Escape(%q) = %q, want %q", tt.text, got, tt.token)
		}
		if got, ok := Unescape(tt.token); !ok || got != tt.text {
			t.Errorf("Unescape(%q) = %q, %v, want %q", tt.token, got, ok, tt.text)
		}
	}
	for _, token := range []string{"", "%2", "%2e", "%41", "a.b", "a%", "%%", "a b", "*", ">", "%G0"} {
		if got, ok := Unescape(token); ok {
			t.Errorf("Unescape(%q) = %q, want refused", token, got)
		}
	}
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	for kind, subject := range map[string]func(site, node string) string{
		"frame": SubjectFrame, "mark": SubjectMark, "join": SubjectJoin, "joined": SubjectJoined, "seen": SubjectSeen,
		"replay": SubjectReplay, "action": SubjectAction, "state": SubjectState,
	} {
		for _, id := range [][2]string{{"default", "alpha"}, {"", ""}, {"eu.west", "*"}, {"a", "b.c"}, {"a.b", "c"}} {
			s := subject(id[0], id[1])
			gotKind, site, node, ok := ParseSubject(s)
			if !ok || gotKind != kind || site != id[0] || node != id[1] {
				t.Errorf("ParseSubject(%q) = %q, %q, %q, %v, want %q of %q", s, gotKind, site, node, ok, kind, id)
			}
		}
	}
	if got, want := SubjectFrame("default", "alpha"), "ami.v1.frame.default.alpha"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, s := range []string{"", "ami.v1.frame.a", "ami.v1.frame.a.b.c", "ami.v2.frame.a.b", "ami.v1.other.a.b", "ami.v1.frame.a.",
		"ami.v1.event.a.b", "frame.a.b"} {
		if kind, _, _, ok := ParseSubject(s); ok {
			t.Errorf("ParseSubject(%q) = %q, want refused", s, kind)
		}
	}
}

func TestSubjectEvent(t *testing.T) {
	t.Parallel()
	s := string(AppendSubjectEvent(nil, "call", "default", "alpha", []byte("charlie-1700000000.12")))
	if want := "ami.v1.event.call.default.alpha.charlie-1700000000%2E12"; s != want {
		t.Errorf("got %q, want %q", s, want)
	}
	class, site, node, uniqueid, ok := ParseSubjectEvent(s)
	if !ok || class != "call" || site != "default" || node != "alpha" || uniqueid != "charlie-1700000000.12" {
		t.Errorf("ParseSubjectEvent(%q) = %q, %q, %q, %q, %v", s, class, site, node, uniqueid, ok)
	}
	if s := string(AppendSubjectEvent(nil, "", "", "", nil)); s != "ami.v1.event.%.%.%.%" {
		t.Errorf("empty values give %q", s)
	}
	if _, _, _, _, ok := ParseSubjectEvent("ami.v1.frame.a.b.c.d"); ok {
		t.Error("a frame was taken for an event")
	}
}

func TestAppendSubjectEventAllocates(t *testing.T) { // not parallel: it counts
	buf, id := make([]byte, 0, 128), []byte("1700000000.12")
	if n := testing.AllocsPerRun(100, func() { buf = AppendSubjectEvent(buf[:0], "call", "default", "alpha", id) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "%", "%2E", ".", "1700000000.12", "a b", "*", ">", "é", "\x00\xff", "%25"} {
		f.Add(s, "x")
	}
	f.Add("a.b", "a%2Eb")
	f.Fuzz(func(t *testing.T, a, b string) {
		token := Escape(a)
		if token == "" || strings.ContainsAny(token, ".*> \t\r\n\x00") {
			t.Fatalf("Escape(%q) = %q is no token", a, token)
		}
		if back, ok := Unescape(token); !ok || back != a {
			t.Fatalf("Unescape(Escape(%q)) = %q, %v", a, back, ok)
		}
		if a != b && token == Escape(b) {
			t.Fatalf("%q and %q both escape to %q", a, b, token)
		}
		if text, ok := Unescape(b); ok && Escape(text) != b { // so there is one token for one text, seen from either side
			t.Fatalf("Unescape accepts %q, which is not Escape(%q)", b, text)
		}
		site, node := a, b
		if _, s, n, ok := ParseSubject(SubjectJoin(site, node)); !ok || s != site || n != node {
			t.Fatalf("ParseSubject(SubjectJoin(%q, %q)) = %q, %q, %v", site, node, s, n, ok)
		}
	})
}

func BenchmarkAppendSubjectEvent(b *testing.B) {
	buf, id := make([]byte, 0, 128), []byte("charlie-1700000000.12")
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendSubjectEvent(buf[:0], "call", "default", "alpha", id)
	}
}
