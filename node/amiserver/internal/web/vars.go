package web

import (
	"strings"

	"github.com/amibus/amibus/proto/ami"
)

// MaxBody is how long a form may be (ami/behaviour.md 11.2).
const MaxBody = 40960

// Var is one variable of a query or a form.
type Var struct{ Name, Value string }

// Parse reads the variables of a query or a form, in order. Asterisk stops at the first 128 (ami/behaviour.md 11.3).
func Parse(query string) []Var {
	if query == "" {
		return nil
	}
	var vars []Var
	for part := range strings.SplitSeq(query, "&") {
		if len(vars) == ami.MaxHeaders {
			break
		}
		name, value, _ := strings.Cut(part, "=")
		vars = append(vars, Var{decode(name), decode(value)})
	}
	return vars
}

// decode undoes the encoding of URLs. What is no escape stays as it is; Asterisk also takes %4z for one. A NUL ends the text, as on TCP
// (ami/behaviour.md 2.3).
func decode(s string) string {
	if !strings.ContainsAny(s, "%+\x00") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' && i+2 < len(s) {
			if high, low := digit(s[i+1]), digit(s[i+2]); high >= 0 && low >= 0 {
				c = byte(high<<4 | low)
				i += 2
			}
		} else if c == '+' {
			c = ' '
		}
		if c == 0 {
			break
		}
		b = append(b, c)
	}
	return string(b)
}

func digit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// Action makes each variable one header. CR and LF become blanks: they would end the header where it is passed on (11.4, and
// ami/clients.md 17). The error is the text for the client: a header that would be too long on TCP is too long here.
func Action(vars []Var) (*ami.Message, error) {
	m := &ami.Message{}
	for _, v := range vars {
		m.Add(v.Name, v.Value)
	}
	return m, m.CheckAction()
}

// Last returns the value of the last variable of that name, compared without case.
func Last(vars []Var, name string) (value string) {
	for _, v := range vars {
		if strings.EqualFold(v.Name, name) {
			value = v.Value
		}
	}
	return value
}
