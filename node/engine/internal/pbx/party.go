package pbx

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// identity is what else is known of who calls: what CALLERID tells besides number and name.
type identity struct {
	pres, ani2            int
	ani                   party
	rdnis, dnid, tag      string
	priv                  party
	connected             int    // the presentation of the connected line
	connectedTag, because string // of the connected line: its tag, its source
	connectedPriv         party
}

const presUnavailable = 67 // neither number nor name

// presentations by name, as Asterisk has them.
var presentations = []struct {
	name string
	code int
}{
	{"allowed_not_screened", 0}, {"allowed_passed_screen", 1}, {"allowed_failed_screen", 2}, {"allowed", 3},
	{"prohib_not_screened", 32}, {"prohib_passed_screen", 33}, {"prohib_failed_screen", 34}, {"prohib", 35},
	{"unavailable", 67}, {"unavailable", 64}, {"unavailable", 66}, {"unavailable", 65},
}

func presentationName(code int) string {
	for _, p := range presentations {
		if p.code == code {
			return p.name
		}
	}
	return "unknown"
}

// readPresentation reads a number or a name.
func readPresentation(s string) (code int, ok bool) {
	s = strings.TrimRight(s, " \t")
	if s != "" && '0' <= s[0] && s[0] <= '9' {
		digits := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if digits < 0 {
			digits = len(s)
		}
		code, err := strconv.Atoi(s[:digits])
		return code, err == nil && code < 256
	}
	for _, p := range presentations {
		if strings.EqualFold(p.name, s) {
			return p.code, true
		}
	}
	return 0, false
}

// presentation is that of number and name together: unavailable if there are none.
func (c *channel) presentation() int { return presented(c.caller, c.id.pres) }

func presented(of party, pres int) int {
	if of == (party{}) || pres&96 >= 64 {
		return presUnavailable
	}
	return pres
}

// callerID is CALLERID(member[,id]).
func (c *channel) callerID(args string) (value string, ok bool) {
	parts := split(args)
	if len(parts) == 2 {
		return parseParty(parts[1]).field(strings.Split(at(parts, 0), "-"), 0, "")
	}
	members := strings.Split(at(parts, 0), "-")
	switch first := strings.ToLower(members[0]); {
	case first == "rdnis" && len(members) == 1:
		return c.id.rdnis, true
	case first == "dnid":
		return c.id.dnid, len(members) == 1 || len(members) == 2 && number(members[1])
	case first == "ani2" && len(members) == 1:
		return strconv.Itoa(c.id.ani2), true
	case first == "ani":
		return c.id.ani.field(orNumber(members[1:]), c.id.pres, "")
	case first == "priv":
		return c.id.priv.field(members[1:], 0, "")
	}
	return c.caller.field(members, c.id.pres, c.id.tag)
}

func (c *channel) connectedLine(args string) (value string, ok bool) {
	members := strings.Split(args, "-")
	switch first := strings.ToLower(members[0]); {
	case first == "source" && len(members) == 1:
		return cmp.Or(c.id.because, "unknown"), true
	case first == "priv":
		return c.id.connectedPriv.field(members[1:], 0, "")
	}
	return c.connected.field(members, c.id.connected, c.id.connectedTag)
}

// setCallerID writes CALLERID. What it does not have is told, and nothing else happens.
func (c *channel) setCallerID(args, value string) (ok bool) {
	members, value := strings.Split(at(split(args), 0), "-"), strings.TrimLeft(value, " \t")
	switch first := strings.ToLower(members[0]); {
	case first == "rdnis" && len(members) == 1:
		c.id.rdnis = value
	case first == "dnid":
		c.id.dnid = strings.TrimRight(value, " ")
	case first == "ani2" && len(members) == 1:
		c.id.ani2, _ = strconv.Atoi(strings.TrimSpace(value))
	case first == "ani":
		return c.id.ani.set(orNumber(members[1:]), value, &c.id.pres, &c.id.tag)
	case first == "priv":
		return c.id.priv.set(members[1:], value, new(int), new(string))
	default:
		return c.caller.set(members, value, &c.id.pres, &c.id.tag)
	}
	return true
}

var sources = []string{"unknown", "answer", "diversion", "transfer"}

func (c *channel) setConnectedLine(args, value string) (ok bool) {
	members, value := strings.Split(at(split(args), 0), "-"), strings.TrimLeft(value, " \t")
	switch first := strings.ToLower(members[0]); {
	case first == "source" && len(members) == 1:
		if i, err := strconv.Atoi(value); err == nil && i >= 0 && i < len(sources) {
			value = sources[i]
		}
		if !slices.Contains(sources, value) {
			return false
		}
		c.id.because = value
		return true
	case first == "priv":
		return c.id.connectedPriv.set(members[1:], value, new(int), new(string))
	}
	return c.connected.set(members, value, &c.id.connected, &c.id.connectedTag)
}

func orNumber(members []string) []string {
	if len(members) == 0 {
		return []string{"num"}
	}
	return members
}

func number(member string) bool { return len(member) >= 3 && strings.EqualFold(member[:3], "num") }

func pres(member string) bool { return len(member) >= 4 && strings.EqualFold(member[:4], "pres") }

// field reads a member: num, name, all, pres, num-pres, name-valid …
func (p party) field(members []string, code int, tag string) (value string, ok bool) {
	if len(members) == 0 {
		return "", false
	}
	first, rest := strings.ToLower(members[0]), members[1:]
	whole := p.num
	switch {
	case len(rest) == 0 && first == "all":
		return `"` + p.name + `" <` + p.num + `>`, true
	case len(rest) == 0 && pres(first):
		return presentationName(presented(p, code)), true
	case len(rest) == 0 && first == "ton":
		return "0", true
	case len(rest) == 0 && first == "tag":
		return tag, true
	case first == "name":
		whole = p.name
	case number(first):
	case len(first) >= 7 && first[:7] == "subaddr":
		return "", true
	default:
		return "", false
	}
	switch {
	case len(rest) == 0:
		return whole, true
	case len(rest) > 1:
	case strings.EqualFold(rest[0], "valid"):
		return strconv.Itoa(min(len(whole), 1)), true
	case strings.EqualFold(rest[0], "plan") && number(first):
		return "0", true
	case strings.EqualFold(rest[0], "charset") && first == "name":
		return "iso8859-1", true
	case pres(rest[0]):
		return presentationName(code), true
	}
	return "", false
}

// set writes a member.
func (p *party) set(members []string, value string, code *int, tag *string) (ok bool) {
	if len(members) == 0 {
		return false
	}
	first, rest := strings.ToLower(members[0]), members[1:]
	value = strings.TrimRight(value, " ")
	switch {
	case len(rest) == 0 && first == "all":
		*p = parseParty(value)
	case len(rest) == 0 && first == "tag":
		*tag = value
	case len(rest) == 0 && pres(first), len(rest) == 1 && (first == "name" || number(first)) && pres(rest[0]):
		n, ok := readPresentation(value)
		if ok {
			*code = n
		}
		return ok
	case first == "name" && len(rest) == 0:
		p.name = value
	case number(first) && len(rest) == 0:
		p.num = value
	case first == "name" && len(rest) == 1 && strings.EqualFold(rest[0], "valid"):
		if value == "0" {
			p.name = ""
		}
	case number(first) && len(rest) == 1 && strings.EqualFold(rest[0], "valid"):
		if value == "0" {
			p.num = ""
		}
	default:
		return false
	}
	return true
}

// parseParty reads "name" <number>, name <number>, a number, or a name.
func parseParty(text string) (p party) {
	text = strings.TrimSpace(text)
	bare, quoted := unquoted(text)
	if open := strings.LastIndexByte(bare, '<'); open >= 0 {
		p.num, _, _ = strings.Cut(bare[open+1:], ">")
		p.num = shrink(p.num)
		p.name, _ = unquoted(strings.TrimSpace(bare[:open]))
	} else if short := shrink(bare); !quoted && short != "" && strings.Trim(short, "0123456789*#+") == "" {
		p.num = short
	} else {
		p.name = bare
	}
	p.name = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(p.name)
	return p
}

func unquoted(s string) (bare string, ok bool) {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1], true
	}
	return s, false
}

// shrink cuts what one writes into a number to read it better.
func shrink(number string) string {
	var b strings.Builder
	brackets := 0
	for i := range len(number) {
		switch c := number[i]; c {
		case '[':
			brackets++
		case ']':
			brackets--
		case '-':
			if brackets == 0 {
				continue
			}
		case '.':
			if i+1 < len(number) {
				continue
			}
		case '(', ')', ' ':
			continue
		}
		b.WriteByte(number[i])
	}
	return b.String()
}
