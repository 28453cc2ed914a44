package owner

import (
	"bytes"
	"regexp"
	"testing"
)

// made is an id as Asterisks make them, with the number in the first group.
var made = regexp.MustCompile(`(?s)^(?:.+-)?([0-9]+\.[0-9]+(?:;[12])?)$`)

// FuzzKey holds the quick ways to the plain ones: what an id is, what is the same without case, and that the same has one hash.
func FuzzKey(f *testing.F) {
	for _, k := range []string{"", "1.2", "alpha-1700000000.123;1", "my-own-pbx-1.2;2", "-1.2", "x-1.2;3", "PJSIP/a-0000001f", "SIP/10.0.0.1-00000001",
		"12345678.1", "123456789.1", "x12345678.1", "x-.1", "1.", "1;2", "a-b.1;1", "\xff-1.1"} {
		f.Add([]byte(k), []byte(k+"x"))
	}
	r := New(Config{Seed: 1})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		want := -1
		if m := made.FindSubmatchIndex(a); m != nil {
			want = m[2]
		}
		number := numberAt(a)
		if number != want {
			t.Fatalf("%q: %d, want %d", a, number, want)
		}
		upper := bytes.Clone(a)
		for i, c := range upper {
			if 'a' <= c && c <= 'z' {
				upper[i] = c - 'a' + 'A'
			}
		}
		if !sameFold(a, upper) || r.hashKey(a, number) != r.hashKey(upper, numberAt(upper)) {
			t.Fatalf("%q is not %q", a, upper)
		}
		if number > 0 && r.hashKey(a, number) != r.hashKey(a[number:], 0) {
			t.Fatalf("%q: the number has another hash", a)
		}
		same := len(a) == len(b)
		for i := 0; same && i < len(a); i++ {
			same = lower(a[i]) == lower(b[i])
		}
		if sameFold(a, b) != same {
			t.Fatalf("%q and %q", a, b)
		}
	})
}
