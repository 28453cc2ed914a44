package merge

import (
	"testing"
	"time"
)

// ms is a moment on both clocks; the wall clock began at 1,000,000 ms.
func ms(mono, wall int64) Time {
	return Time{Mono: mono * int64(time.Millisecond), Wall: (1_000_000 + wall) * int64(time.Millisecond)}
}

func TestClockIsLed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		mono, wall int64 // ms after the first reading
		want       int64 // ms after the first reading, by the clock
	}{
		{"it runs", 1000, 1000, 1000},
		{"drift is followed", 1000, 1015, 1015},
		{"set ahead: faster, no jump", 1000, 6000, 1250},
		{"set back: slower, never back", 1000, -4000, 750},
		{"asleep for minutes", 1000, 301_000, 301_000},
	} {
		var clk clock
		start := clk.read(ms(0, 0))
		if got := (clk.read(ms(c.mono, c.wall)) - start) / int64(time.Millisecond); got != c.want {
			t.Errorf("%s: %d ms later it says %d ms, want %d", c.name, c.mono, got, c.want)
		}
	}
}

func TestClockIsComparedForASecond(t *testing.T) {
	t.Parallel()
	s := int64(time.Second)
	for _, c := range []struct {
		name  string
		ahead []int64 // of the others
		by    int64   // what is to be corrected, 0 for nothing
	}{
		{"alone", nil, 0},
		{"of two the one that is behind stays", []int64{5 * s}, 0},
		{"of two the one that is ahead goes back", []int64{-5 * s}, -5 * s},
		{"the majority is right", []int64{5 * s, 5 * s}, 5 * s},
		{"one wrong one does not count", []int64{5 * s, 0}, 0},
		{"as good as equal", []int64{s / 3, s / 3}, 0},
	} {
		var clk clock
		clk.read(ms(1, 1))
		if begun, _ := clk.compare(c.ahead); begun {
			t.Errorf("%s: corrected at once", c.name)
		}
		clk.read(ms(1101, 1101))
		if begun, by := clk.compare(c.ahead); begun != (c.by != 0) || by != c.by {
			t.Errorf("%s: corrected %v by %v, want %v", c.name, begun, time.Duration(by), time.Duration(c.by))
		}
	}
}
