package manager

import (
	"fmt"
	"slices"
	"strings"
)

func init() { add(map[string]handler{"Command": command}) }

const maxWords = 64 // of a command line, as in Asterisk

// verdict is how a command went.
type verdict int

const (
	success verdict = iota
	failure
	usage // the words are wrong: the usage is printed
)

// cli is one command line while it runs.
type cli struct {
	*request
	out   strings.Builder
	words []string
}

func (c *cli) print(format string, args ...any) { fmt.Fprintf(&c.out, format, args...) }

// wrong prints what an error of the engine is.
func (c *cli) wrong(err error) verdict {
	c.print("%v\n", err)
	return failure
}

// entry is a command: its words, of which the last may be one of [a|b], what it is for, and how it is used.
type entry struct {
	words   string
	summary string
	usage   string
	run     func(c *cli) verdict
}

// entries are all commands, in the order of help. Each file adds its own.
var entries []*entry

func addCommands(list ...*entry) {
	entries = append(entries, list...)
	slices.SortFunc(entries, func(a, b *entry) int { return strings.Compare(a.name(), b.name()) })
}

// name is the command without what is optional.
func (e *entry) name() string {
	name, _, _ := strings.Cut(e.words, " [")
	return name
}

func command(r *request) error {
	line := r.get("Command")
	if line == "" {
		return r.fail("No command provided")
	}
	if blacklisted(line) {
		return r.fail("Command blacklisted")
	}
	c := &cli{request: r, words: splitLine(line)}
	response := "Success"
	if c.execute(line) != success {
		response = "Error"
	}
	m := r.response(response).Add("Message", "Command output follows")
	for text := range strings.SplitSeq(strings.TrimSuffix(c.out.String(), "\n"), "\n") {
		m.Add("Output", text)
	}
	return r.reply(m)
}

func (c *cli) execute(line string) verdict {
	if len(c.words) == 0 {
		return failure
	}
	e := find(c.words, false, entries)
	if e == nil {
		c.print("No such command '%s' (type 'core show help %s' for other possible commands)\n", line, nearest(c.words))
		return failure
	}
	how := e.run(c)
	switch how {
	case usage:
		c.print("%s", e.usage)
	case failure:
		c.print("Command '%s' failed.\n", line)
	}
	return how
}

// blacklisted: what no client may run, whatever its rights.
func blacklisted(line string) bool {
	words := strings.Fields(strings.ToLower(line))
	if len(words) < 2 {
		return false
	}
	switch words[0] + " " + words[1] {
	case "module load", "module unload", "restart gracefully":
		return true
	}
	return false
}

// splitLine cuts a line at blanks; quotes keep them, and a backslash keeps what follows.
func splitLine(line string) (words []string) {
	var word []byte
	begun, quoted, escaped := false, false, false
	for i := 0; i < len(line) && len(words) < maxWords; i++ {
		switch b := line[i]; {
		case b == '"' && !escaped:
			quoted, begun = !quoted, true
		case (b == ' ' || b == '\t') && !quoted && !escaped:
			if begun {
				words, word, begun = append(words, string(word)), nil, false
			}
		case b == '\\' && !escaped:
			escaped = true
		default:
			word, begun, escaped = append(word, b), true, false
		}
	}
	if begun && len(words) < maxWords {
		words = append(words, string(word))
	}
	return words
}

// find returns the command that most of the words name. nearly: also one whose last word is another, as far as the words go.
func find(words []string, nearly bool, among []*entry) *entry {
	var best *entry
	longest := -1
	for _, e := range among {
		names := strings.Fields(e.words)
		n := 0
		for n < len(names) && n < len(words) && sameWord(words[n], names[n]) {
			n++
		}
		whole := n == len(names) || n == len(names)-1 && names[n][0] == '['
		switch {
		case whole && n == len(words):
			return e
		case whole && nearly, !whole && (!nearly || n != len(words)-1 || n != len(names)-1):
			continue
		}
		if n > longest {
			best, longest = e, n
		}
	}
	return best
}

// sameWord compares a word with one of a command, which may be [one|or|another].
func sameWord(word, name string) bool {
	if name[0] != '[' {
		return strings.EqualFold(word, name)
	}
	for choice := range strings.SplitSeq(strings.Trim(name, "[]"), "|") {
		if strings.EqualFold(word, choice) {
			return true
		}
	}
	return false
}

// strangers are commands of Asterisk that are not built: they only count for how near a wrong one comes.
var strangers = []*entry{{words: "core waitfullybooted"}, {words: "core stop now"}, {words: "core restart now"}, {words: "core set verbose"}, {words: "module show like"},
	{words: "queue show"}, {words: "manager show connected"}}

// nearest is how far the words go along some command, with the first that leads nowhere. Some command has a single word.
func nearest(words []string) string {
	for i := 1; i < len(words); i++ {
		if find(words[:i+1], true, slices.Concat(entries, strangers)) == nil {
			return strings.Join(words[:i+1], " ")
		}
	}
	return strings.Join(words, " ")
}

// plural is the s of more than one.
func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}
