package filter_test

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/amibus/amibus/proto/ami/filter"
)

// BenchmarkPass takes recorded events through sets that are in use. floor-ns is what a regular expression a filter would cost for the
// same filters, in the same run.
func BenchmarkPass(b *testing.B) {
	events := recorded()[:5000]
	names := naive{}
	for i := range 100 {
		names = append(names, spec{exclude: true, name: fmt.Sprintf("Name%d", i), method: "none"})
	}
	legacy := naive{}
	for i := range 100 {
		legacy = append(legacy, spec{exclude: true, method: "regex", pattern: fmt.Sprintf("Event: Name%d", i)})
	}
	values := naive{}
	for i := range 20 {
		header := []string{"Channel", "Uniqueid", "CallerIDNum", "Exten", "Context"}[i%5]
		method := []string{"exact", "starts_with", "ends_with", "contains"}[i/5]
		values = append(values, spec{header: header, method: method, pattern: fmt.Sprintf("zz%d", i)})
	}
	for _, c := range []struct {
		name  string
		specs naive
		memo  bool
	}{
		{"100 exclude names", names, false},
		{"100 exclude legacy literals", legacy, false},
		{"20 header filters", values, false},
		{"one regex with a literal", naive{{method: "regex", pattern: "Channel: (IAX2|SIP)/[a-z]+-[0-9]+\r\nUniqueid"}}, false},
		{"one regex without", naive{{method: "regex", pattern: "[Cc]hannel: [A-Z]+/z+[^-]*[0-9]z"}}, false},
		{"memo hit", values, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			set := filter.None()
			for _, f := range c.specs {
				set = set.With(f.fixed())
			}
			floor := c.specs.floor(events)
			base := ids.Add(uint64(len(events)))
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				e, id := events[i%len(events)], uint64(0)
				if c.memo {
					e, id = events[0], base
				}
				set.Pass(id, e.name, e.text)
				i++
			}
			ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			b.ReportMetric(floor, "floor-ns")
			b.ReportMetric(floor/ns, "times-faster")
		})
	}
}

// BenchmarkSessions is one event for 1,000 sessions with one set: the time a session.
func BenchmarkSessions(b *testing.B) {
	events := recorded()[:5000]
	set := setOf(must(filter.Legacy("[Cc]hannel: [A-Z]+/z+[^-]*[0-9]z")))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e, id := events[i%len(events)], ids.Add(1)
		for range 1000 {
			set.Pass(id, e.name, e.text)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/session")
}

// BenchmarkWith makes the set of a user with 100 filters, and uses it.
func BenchmarkWith(b *testing.B) {
	var all []*filter.Filter
	for i := range 100 {
		all = append(all, must(filter.Advanced(fmt.Sprintf("name(E%d),header(H%d),method(contains)", i%10, i), "x")))
	}
	b.ReportAllocs()
	for b.Loop() {
		setOf(all...).Pass(0, []byte("E1"), []byte(varSet))
	}
}

func (f spec) fixed() *filter.Filter {
	options := "action(include)"
	if f.exclude {
		options = "action(exclude)"
	}
	if f.name != "" {
		options += ",name(" + f.name + ")"
	}
	if f.header != "" {
		options += ",header(" + f.header + ")"
	}
	return must(filter.Advanced(options+",method("+f.method+")", f.pattern))
}

// floor is what an event costs if each filter is a regular expression for the whole text.
func (n naive) floor(events []event) float64 {
	var all []*regexp.Regexp
	for _, f := range n {
		p, q := "(?s)", regexp.QuoteMeta(f.pattern)
		if f.name != "" {
			p += "^Event: " + f.name + "\r\n.*"
		}
		if f.header != "" {
			p += "\n" + f.header + ": *"
		}
		switch f.method {
		case "regex":
			p += f.pattern
		case "exact":
			p += q + "\r\n"
		case "ends_with":
			p += "[^\r\n]*" + q + "\r\n"
		case "contains":
			p += "[^\r\n]*" + q
		default:
			p += q
		}
		all = append(all, regexp.MustCompile(p))
	}
	start, count := time.Now(), 0
	for ; time.Since(start) < 200*time.Millisecond; count++ {
		for _, re := range all {
			re.Match(events[count%len(events)].text)
		}
	}
	return float64(time.Since(start).Nanoseconds()) / float64(count)
}
