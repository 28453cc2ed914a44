package manager

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// isTrue is what Asterisk takes for yes.
func isTrue(s string) bool {
	switch strings.ToLower(s) {
	case "yes", "true", "y", "t", "1", "on":
		return true
	}
	return false
}

// scanInt reads a number as scanf does: blanks before it and whatever is behind it do not count. One that does not fit is cut off.
func scanInt(s string) (n int, ok bool) {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[0] == '-' || s[0] == '+')) {
		end++
	}
	v, err := strconv.ParseInt(s[:end], 10, 32)
	if err != nil && v == 0 {
		return 0, false
	}
	return int(v), true
}

func stamp(at time.Time) string { return fmt.Sprintf("%d.%06d", at.Unix(), at.Nanosecond()/1000) }

// parseCallerID reads "Name" <number>, or only one of them: what looks like a number is one.
func parseCallerID(text string) (name, num string) {
	text = strings.TrimSpace(text)
	inner, quoted := unquote(text)
	if at := strings.LastIndexByte(inner, '<'); at >= 0 {
		num, _, _ = strings.Cut(inner[at+1:], ">")
		name, _ = unquote(strings.TrimSpace(inner[:at]))
	} else if num = shrink(inner); quoted || !isNumber(num) {
		num = ""
		name, _ = unquote(inner)
	}
	return unescape(name), shrink(num)
}

// unquote cuts a pair of quotes around all of it.
func unquote(s string) (inner string, quoted bool) {
	if len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1], true
	}
	return s, false
}

func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789*#+") == "" }

// shrink cuts what only makes a number legible: blanks and round brackets, dots but at the end, dashes but in square brackets.
func shrink(s string) string {
	var b strings.Builder
	brackets := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '(' || c == ')' || c == ' ', c == '.' && i+1 < len(s), c == '-' && brackets == 0:
			continue
		case c == '[':
			brackets++
		case c == ']':
			brackets--
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
