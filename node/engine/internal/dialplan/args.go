package dialplan

import "strings"

// SplitArgs splits the arguments of an application as Asterisk's standard parser: commas outside of quotes, parentheses and
// brackets. Quotes go, a backslash keeps the next character from meaning anything. Nothing is trimmed. limit > 0: the last one
// takes the rest, as it is. No text has no arguments.
func SplitArgs(text string, limit int) []string { return splitArgs(text, ',', limit) }

func splitArgs(text string, delimiter byte, limit int) []string {
	var args []string
	for text != "" {
		if limit > 0 && len(args) == limit-1 {
			return append(args, text)
		}
		arg, rest, more := nextArg(text, delimiter)
		args = append(args, arg)
		// Behind a last comma there is one more, and, in Asterisk, behind a last argument of quotes only, too.
		quotes := len(args) > 1 && strings.Trim(text, `"`) == ""
		if text = rest; text == "" && (more || quotes) {
			return append(args, "")
		}
	}
	return args
}

// nextArg takes one argument off the text. more: a delimiter followed it.
func nextArg(text string, delimiter byte) (arg, rest string, more bool) {
	var paren, bracket int
	var quoted bool
	var kept []byte // set once something had to go
	for i := 0; i < len(text); i++ {
		c, drop := text[i], false
		switch {
		case c == '(':
			paren++
		case c == ')':
			paren = max(paren-1, 0)
		case c == '[':
			bracket++
		case c == ']':
			bracket = max(bracket-1, 0)
		case c == '"' && delimiter != '"':
			quoted, drop = !quoted, true
		case c == '\\':
			if kept == nil {
				kept = append(make([]byte, 0, len(text)), text[:i]...)
			}
			if i++; i < len(text) {
				kept = append(kept, text[i])
			}
			continue
		case c == delimiter && paren == 0 && bracket == 0 && !quoted:
			if kept == nil {
				return text[:i], text[i+1:], true
			}
			return string(kept), text[i+1:], true
		}
		switch {
		case drop && kept == nil:
			kept = append(make([]byte, 0, len(text)), text[:i]...)
		case !drop && kept != nil:
			kept = append(kept, c)
		}
	}
	if kept == nil {
		return text, "", false
	}
	return string(kept), "", false
}

// Condition is what GotoIf, ExecIf and IF take for true: a number that is not 0, or any other text.
func Condition(text string) bool {
	if text == "" {
		return false
	}
	n, _, isNumber := leadingInt(text)
	return !isNumber || n != 0
}

// Branches splits "condition?true:false" of GotoIf and GotoIfTime; what is missing is empty.
func Branches(args string) (condition, whenTrue, whenFalse string) {
	condition, branches, _ := strings.Cut(args, "?")
	whenTrue, whenFalse, _ = strings.Cut(branches, ":")
	return condition, whenTrue, whenFalse
}

// Location is where to go on: what Goto, GotoIf and Gosub are given.
type Location struct {
	Context, Exten string // empty: the channel's own
	Priority       int    // relative to the channel's own if Relative
	Relative       bool
	Label          string // instead of a priority
}

// ParseLocation reads "[[context,]exten,]priority", the priority a number, +n, -n or a label. ok is false for nothing at all.
func ParseLocation(text string) (l Location, ok bool) {
	if text == "" {
		return l, false
	}
	parts := strings.SplitN(text, ",", 4)
	parts = parts[:min(len(parts), 3)]
	priority := parts[len(parts)-1]
	switch len(parts) {
	case 2:
		l.Exten = parts[0]
	case 3:
		l.Context, l.Exten = parts[0], parts[1]
	}
	number, relative := priority, 0
	switch {
	case strings.HasPrefix(number, "+"):
		number, relative = number[1:], 1
	case strings.HasPrefix(number, "-"):
		number, relative = number[1:], -1
	}
	n, rest, isNumber := leadingInt(number)
	if !isNumber || strings.TrimSpace(rest) != "" {
		l.Label = number
		return l, true
	}
	l.Priority = n
	if relative != 0 {
		l.Relative = true
		l.Priority = n * relative
	}
	return l, true
}
