package dialplan

import (
	"testing"
	"time"
)

func TestTiming(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time {
		moment, err := time.Parse("2006-01-02 15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	for _, c := range []struct {
		spec, at string // 2026-03-04 is a Wednesday
		want     bool
		warnings int
	}{
		{"*,*,*,*", "2026-03-04 12:00", true, 0}, {"*", "2026-03-04 12:00", true, 0}, {"", "2026-03-04 12:00", false, 0}, {",,,", "2026-03-04 12:00", true, 0},
		{"9:00-17:00,mon-fri,*,*", "2026-03-04 12:00", true, 0}, {"9:00-17:00,mon-fri,*,*", "2026-03-04 17:00", true, 0},
		{"9:00-17:00,mon-fri,*,*", "2026-03-04 17:01", false, 0}, {"9:00-17:00,mon-fri,*,*", "2026-03-07 12:00", false, 0},
		{"9:00-17:00|mon-fri|*|*", "2026-03-04 12:00", true, 0}, {"22:00-6:00,*,*,*", "2026-03-04 23:00", true, 0},
		{"22:00-6:00,*,*,*", "2026-03-04 05:59", true, 0}, {"22:00-6:00,*,*,*", "2026-03-04 12:00", false, 0}, {"12:00,*,*,*", "2026-03-04 12:00", true, 0},
		{"12:00,*,*,*", "2026-03-04 12:01", false, 0}, {"8:00-9:00&12:00-13:00,*,*,*", "2026-03-04 12:30", true, 0},
		{"*,sat-mon,*,*", "2026-03-08 00:00", true, 0}, {"*,sat-mon,*,*", "2026-03-04 00:00", false, 0}, {"*,sun&wed,*,*", "2026-03-04 00:00", true, 0},
		{"*,4,*,*", "2026-03-04 00:00", true, 0}, {"*,WED,*,*", "2026-03-04 00:00", true, 0}, {"*,*,1-5,*", "2026-03-04 00:00", true, 0},
		{"*,*,25-3,*", "2026-03-04 00:00", false, 0}, {"*,*,31,dec", "2026-12-31 23:59", true, 0}, {"*,*,*,jan&mar", "2026-03-04 00:00", true, 0},
		{"*,*,*,nov-feb", "2026-03-04 00:00", false, 0}, {"*,*,*,3", "2026-03-04 00:00", true, 0},
		{"25:00,*,*,*", "2026-03-04 12:00", false, 1}, {"9:00-,*,*,*", "2026-03-04 12:00", false, 1}, {"*,xyz&wed,*,*", "2026-03-04 12:00", true, 1},
		{"*,*,0-32,*", "2026-03-04 12:00", false, 1}, {"*,*,*,0", "2026-03-04 12:00", false, 1},
	} {
		timing, warnings := ParseTiming(c.spec)
		if got := timing.Match(at(c.at)); got != c.want || len(warnings) != c.warnings {
			t.Errorf("%q at %s is %v with %q, want %v with %d warnings", c.spec, c.at, got, warnings, c.want, c.warnings)
		}
	}
	if timing, _ := ParseTiming("*,*,*,*,Europe/Berlin"); timing.Zone != "Europe/Berlin" {
		t.Errorf("the zone is %q", timing.Zone)
	}
}
