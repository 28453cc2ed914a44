package conformance

import (
	"regexp"
	"strings"
)

var (
	heading  = regexp.MustCompile(`^## (\d+) (.*)$`)
	numbered = regexp.MustCompile(`^(\d+)\. (.*)$`)
	citation = regexp.MustCompile(`( (m|mh|mc|mb|h|io|acl|tls|12m):\d+| cfg| asterisk \d+: \S+:\d+)+$`)
)

// parseBehaviour reads the sections that have numbered items.
func parseBehaviour(text string) (all []Section) {
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if h := heading.FindStringSubmatch(line); h != nil {
			section = h[1]
			all = append(all, Section{Title: h[1] + " " + h[2]})
			continue
		}
		if n := numbered.FindStringSubmatch(line); n != nil && len(all) > 0 {
			last := &all[len(all)-1]
			last.Items = append(last.Items, Item{Number: section + "." + n[1], Text: shorten(citation.ReplaceAllString(n[2], ""))})
		}
	}
	for i := len(all) - 1; i >= 0; i-- {
		if len(all[i].Items) == 0 {
			all = append(all[:i], all[i+1:]...)
		}
	}
	return all
}

// parsePoints reads a plain numbered list.
func parsePoints(text string) (all []Item) {
	for line := range strings.Lines(text) {
		if n := numbered.FindStringSubmatch(strings.TrimSpace(line)); n != nil {
			all = append(all, Item{Number: n[1], Text: shorten(n[2])})
		}
	}
	return all
}

const maxText = 150

// shorten gives the beginning of a text, up to the end of a sentence if there is one early enough, and leaves no quotation open.
func shorten(text string) string {
	if len(text) <= maxText {
		return text
	}
	cut := text[:maxText]
	if i := strings.LastIndex(cut, ". "); i > maxText/3 {
		cut = cut[:i+1]
	} else {
		cut = cut[:strings.LastIndexByte(cut, ' ')] + " …"
	}
	if strings.Count(cut, "`")%2 != 0 {
		cut = strings.TrimRight(cut[:strings.LastIndexByte(cut, '`')], " (") + " …"
	}
	if strings.Count(cut, "**")%2 != 0 {
		cut = strings.TrimRight(cut[:strings.LastIndex(cut, "**")], " ") + " …"
	}
	return cut
}
