package dialplan

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Timing is a set of minutes: "9:00-17:00,mon-fri,*,*[,Europe/Berlin]" of GotoIfTime and of an include.
type Timing struct {
	Zone    string // empty: the node's own
	minutes [24 * 60 / 8]byte
	days    uint32 // of the week, Sunday first
	dates   uint32
	months  uint32
}

var (
	dayNames   = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	monthNames = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
)

// ParseTiming reads a time specification; fields that are missing or "*" are open. Elements that are wrong are left out, as in
// Asterisk, and named in warnings. An empty specification never matches.
func ParseTiming(spec string) (t *Timing, warnings []string) {
	t = &Timing{}
	if spec == "" {
		return t, nil
	}
	fields := strings.FieldsFunc(markEmpty(spec), func(r rune) bool { return r == ',' || r == '|' })
	for i := range fields {
		fields[i] = strings.TrimPrefix(fields[i], "\x00")
	}
	field := func(i int) string {
		if i < len(fields) {
			return fields[i]
		}
		return "*"
	}
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	t.readMinutes(field(0), warn)
	t.days = readRange(field(1), 7, dayNames, "day of week", warn)
	t.dates = readRange(field(2), 31, nil, "day", warn)
	t.months = readRange(field(3), 12, monthNames, "month", warn)
	if len(fields) == 5 {
		t.Zone = fields[4]
	}
	return t, warnings
}

// markEmpty keeps FieldsFunc from dropping empty fields.
func markEmpty(spec string) string {
	return "\x00" + strings.NewReplacer(",", ",\x00", "|", "|\x00").Replace(spec)
}

// Match reports whether a moment, already in the timing's zone, is inside.
func (t *Timing) Match(at time.Time) bool {
	minute := at.Hour()*60 + at.Minute()
	return t.months&(1<<(at.Month()-1)) != 0 && t.dates&(1<<(at.Day()-1)) != 0 && t.days&(1<<at.Weekday()) != 0 &&
		t.minutes[minute/8]&(1<<(minute%8)) != 0
}

func (t *Timing) readMinutes(field string, warn func(string, ...any)) {
	if field == "" || field == "*" {
		for i := range t.minutes {
			t.minutes[i] = 0xff
		}
		return
	}
	for part := range strings.SplitSeq(field, "&") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		first, ok := readMinute(from)
		last, ok2 := readMinute(to)
		if !ok || !ok2 {
			warn("%q is not a time, such as 9:00, or a range, such as 9:00-17:00", part)
			continue
		}
		for m := first; ; m = (m + 1) % (24 * 60) {
			t.minutes[m/8] |= 1 << (m % 8)
			if m == last {
				break
			}
		}
	}
}

func readMinute(s string) (int, bool) {
	h, m, ok := strings.Cut(strings.TrimSpace(s), ":")
	hour, err := strconv.Atoi(h)
	minute, err2 := strconv.Atoi(m)
	if !ok || err != nil || err2 != nil || hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return 0, false
	}
	return hour*60 + minute, true
}

// readRange reads "mon-fri&sun", "1-15" or "*" as bits. Ranges go around.
func readRange(field string, size int, names []string, what string, warn func(string, ...any)) (mask uint32) {
	if field == "" || field == "*" {
		return 1<<size - 1
	}
	for part := range strings.SplitSeq(field, "&") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		first, ok := readName(from, size, names)
		last, ok2 := readName(to, size, names)
		if !ok || !ok2 {
			warn("%q is not a %s or a range of them", part, what)
			continue
		}
		for i := first; ; i = (i + 1) % size {
			mask |= 1 << i
			if i == last {
				break
			}
		}
	}
	return mask
}

func readName(s string, size int, names []string) (int, bool) {
	s = strings.TrimSpace(s)
	for i, name := range names {
		if strings.EqualFold(s, name) {
			return i, true
		}
	}
	n, err := strconv.Atoi(s)
	return n - 1, err == nil && n >= 1 && n <= size
}
