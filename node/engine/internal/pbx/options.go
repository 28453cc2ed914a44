package pbx

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// options are what an application's letters say: each with its argument, empty if it has none.
type options map[byte]string

func (o options) has(letter byte) bool {
	_, ok := o[letter]
	return ok
}

// parseOptions reads letters, each maybe with (argument). ok is false if a parenthesis is not closed: what came before counts.
func parseOptions(text string) (o options, ok bool) {
	o = options{}
	for i := 0; i < len(text); i++ {
		letter := text[i]
		o[letter] = ""
		if i+1 == len(text) || text[i+1] != '(' {
			continue
		}
		arg, end := closed(text[i+2:])
		if end < 0 {
			return o, false
		}
		o[letter] = arg
		i += 2 + end
	}
	return o, true
}

// closed reads up to the parenthesis that closes, -1 if there is none. A backslash keeps what follows, quotes around all of it go.
func closed(text string) (arg string, end int) {
	var b strings.Builder
	depth, quotes, quoted := 1, strings.HasPrefix(text, `"`), false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			if quoted && text[i+1] != '"' {
				b.WriteByte(c)
			}
			i++
			b.WriteByte(text[i])
			continue
		case c == '"' && quotes:
			quoted = !quoted
			continue
		case c == '(' && !quoted:
			depth++
		case c == ')' && !quoted:
			if depth--; depth == 0 {
				return b.String(), i
			}
		}
		b.WriteByte(text[i])
	}
	return "", -1
}

// takes says what an application does with its options.
type takes struct {
	at      int      // where in the arguments they are
	letters string   // do what they say
	ignored []reason // are read, and nothing more
	words   []string // one of these instead of letters
}

type reason struct{ letters, why string }

const noMedia = "there is no media"

// optioned are the applications that take options, by name in lower case.
var optioned = map[string]takes{
	"dial": {2, "aAbBcdDeFfgGiILmoQrRsSuUz", []reason{
		{"tTkKhH", "there are no feature codes: use the actions"}, {"wWxXEj", noMedia}, {"pPnN", "privacy and screening are not built"},
		{"C", "call detail records are not built"}, {"O", "it means nothing here"},
	}, nil},
	"answer":     {1, "i", nil, nil},
	"background": {1, "snmp", nil, []string{"skip", "noanswer"}},
	"playback":   {1, "", nil, []string{"skip", "noanswer", "say", "mix"}},
	"read":       {3, "sinte", nil, nil},
	"senddtmf":   {4, "a", nil, nil},
	"waitexten":  {1, "m", []reason{{"d", noMedia}}, nil},
}

// why says why a letter is ignored, empty if it is not.
func (t *takes) why(letter byte) string {
	if strings.IndexByte(t.letters, letter) >= 0 {
		return ""
	}
	for _, r := range t.ignored {
		if strings.IndexByte(r.letters, letter) >= 0 {
			return r.why
		}
	}
	return "there is no such option"
}

// Check returns what an application has to say about its arguments before it is run: options that it does not have, or that are ignored.
func Check(application, args string) []string {
	name := lower(application)
	t, ok := optioned[name]
	parts := split(args)
	if name == "dial" && at(parts, 3) != "" {
		return append(Check(application, strings.Join(parts[:3], ",")), "Dial: ignores its URL: "+noMedia)
	}
	given := at(parts, t.at)
	if !ok || given == "" || strings.Contains(given, "${") {
		return nil
	}
	if slices.ContainsFunc(t.words, func(w string) bool { return strings.EqualFold(w, given) }) {
		return nil
	}
	if t.letters == "" {
		return t.checkWords(application, given)
	}
	o, whole := parseOptions(given)
	var said []string
	if !whole {
		said = append(said, fmt.Sprintf("%s: options %s: a parenthesis is not closed", application, given))
	}
	ignored := map[string]string{}
	for _, letter := range slices.Sorted(maps.Keys(o)) {
		if why := t.why(letter); why != "" {
			ignored[why] += string(letter)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(ignored)) {
		said = append(said, fmt.Sprintf("%s: ignores its options %s: %s", application, ignored[why], why))
	}
	return said
}

// checkWords looks for words that are no options. Asterisk takes one that is anywhere in the text.
func (t *takes) checkWords(application, given string) []string {
	if slices.ContainsFunc(t.words, func(w string) bool { return strings.Contains(strings.ToLower(given), w) }) {
		return nil
	}
	return []string{fmt.Sprintf("%s: ignores its option %s: there is no such option", application, given)}
}
