package web

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"
)

// Format is what an answer is made into.
type Format uint8

// The three formats.
const (
	Plain Format = iota // as on TCP
	XML
	HTML
)

// ContentType is Asterisk's.
func (f Format) ContentType() string { return [...]string{"text/plain", "text/xml", "text/html"}[f] }

// ErrTooLarge: the page would be larger than the limit of its Renderer.
var ErrTooLarge = errors.New("the answer is too large")

// Renderer makes AMI text into a page, piece by piece. It holds the page and one line, and no more than its limit.
type Renderer struct {
	format  Format
	limit   int
	out     []byte
	foot    string
	line    []byte // begun and not ended
	skip    bool   // a LF that comes next belongs to the line end before
	within  bool   // a message has begun
	opaque  bool   // the rest of the message is text
	seen    map[string]int
	id, tag string
}

// NewRenderer begins a page of at most limit bytes. The variables may name what XML calls the messages; digest chooses the HTML page.
func NewRenderer(f Format, vars []Var, digest bool, limit int) *Renderer {
	r := &Renderer{format: f, limit: limit}
	switch {
	case f == XML:
		r.out, r.foot = append(r.out, "<ajax-response>\n"...), "</ajax-response>\n"
		r.id, r.tag = "unknown", "generic"
		if dest := Last(vars, "ajaxdest"); dest != "" {
			r.id = escaped(dest)
		}
		if kind := Last(vars, "ajaxobjtype"); kind != "" {
			r.tag = elementName(kind)
		}
	case f == HTML && digest:
		r.out, r.foot = append(r.out, digestHead...), digestFoot
	case f == HTML:
		r.out, r.foot = append(r.out, cookieHead...), cookieFoot
	}
	return r
}

// Len is how long the page is so far.
func (r *Renderer) Len() int { return len(r.out) + len(r.line) }

// Write takes the next piece of the text. After an error the page is of no use.
func (r *Renderer) Write(text []byte) (int, error) {
	if r.format == Plain {
		r.out = append(r.out, text...)
		return len(text), r.check()
	}
	for rest := text; len(rest) > 0; {
		if r.skip && rest[0] == '\n' {
			rest = rest[1:]
		}
		r.skip = false
		end := bytes.IndexAny(rest, "\r\n")
		if end < 0 {
			r.line = append(r.line, rest...)
			break
		}
		line := rest[:end]
		if len(r.line) > 0 {
			line = append(r.line, line...)
			r.line = line[:0]
		}
		r.put(line)
		rest, r.skip = rest[end+1:], true
		if err := r.check(); err != nil {
			return 0, err
		}
	}
	return len(text), r.check()
}

func (r *Renderer) check() error {
	if r.Len()+len(r.foot) > r.limit {
		return ErrTooLarge
	}
	return nil
}

// Page ends the page and returns it.
func (r *Renderer) Page() ([]byte, error) {
	if len(r.line) > 0 {
		r.put(r.line)
		r.line = nil
	}
	r.end()
	r.out = append(r.out, r.foot...)
	if len(r.out) > r.limit {
		return nil, ErrTooLarge
	}
	return r.out, nil
}

// put adds one line (ami/behaviour.md 11.10, 11.11, 11.12).
func (r *Renderer) put(line []byte) {
	line = trimRight(line)
	if len(line) == 0 {
		r.end()
		return
	}
	if r.opaque {
		r.add("\n", "<br>\n")
		r.out = appendEscaped(r.out, line)
		return
	}
	if !r.within {
		r.within, r.seen = true, map[string]int{}
		r.add("<response type='object' id='"+r.id+"'><"+r.tag, "")
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		name, value, r.opaque = []byte("Opaque-data"), line, true
	}
	r.add(" ", "<tr><td>")
	r.name(trimRight(name))
	r.add("='", "</td><td>")
	r.out = appendEscaped(r.out, bytes.TrimLeftFunc(value, isBlank))
	if ok {
		r.add("'", "</td></tr>\n")
	}
}

// name adds the name of a header; another one of the same name in a message gets a number. Asterisk counts names before it makes them
// names of XML, so that two of them may become the same one, which is not XML.
func (r *Renderer) name(name []byte) {
	from := len(r.out)
	if r.format == XML {
		r.out = appendAttribute(r.out, name)
	} else {
		r.out = appendEscaped(r.out, name)
	}
	key := string(r.out[from:])
	if r.seen[key]++; r.seen[key] > 1 {
		r.out = strconv.AppendInt(append(r.out, '-'), int64(r.seen[key]), 10)
	}
}

// end ends the message that has begun.
func (r *Renderer) end() {
	if r.opaque {
		r.opaque = false
		r.add("'", "</td></tr>\n")
	}
	if r.within {
		r.within = false
		r.add(" /></response>\n", "<tr><td colspan=\"2\"><hr></td></tr>\r\n")
	}
}

func (r *Renderer) add(xml, html string) {
	if r.format == XML {
		r.out = append(r.out, xml...)
	} else {
		r.out = append(r.out, html...)
	}
}

func isBlank(c rune) bool { return c <= ' ' }

func trimRight(line []byte) []byte {
	for len(line) > 0 && line[len(line)-1] <= ' ' {
		line = line[:len(line)-1]
	}
	return line
}

// appendAttribute appends a name of an attribute as Asterisk makes them.
func appendAttribute(b, name []byte) []byte {
	if len(name) == 0 || '0' <= name[0] && name[0] <= '9' {
		b = append(b, '_')
	}
	for _, c := range name {
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
		default:
			c = '_'
		}
		b = append(b, c)
	}
	return b
}

// elementName keeps what may stand in the name of an element: Asterisk takes any text, scripts too.
func elementName(s string) string {
	b := []byte(s)
	for i, c := range b {
		if letter := 'a' <= c|0x20 && c|0x20 <= 'z'; !letter && (c < '0' || c > '9') && c != '-' {
			b[i] = '_'
		}
	}
	if first := b[0]; first == '-' || '0' <= first && first <= '9' {
		b = append([]byte("_"), b...)
	}
	return string(b)
}

// appendEscaped appends text for a page. What XML has no way to say is replaced: control characters and what is not UTF-8.
func appendEscaped(b, text []byte) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(text[i:])
			if r == utf8.RuneError || r == 0xFFFE || r == 0xFFFF {
				r = utf8.RuneError
			}
			b = utf8.AppendRune(b, r)
			i += n
			continue
		}
		switch i++; {
		case c == '<':
			b = append(b, "&lt;"...)
		case c == '>':
			b = append(b, "&gt;"...)
		case c == '"':
			b = append(b, "&quot;"...)
		case c == '\'':
			b = append(b, "&apos;"...)
		case c == '&':
			b = append(b, "&amp;"...)
		case c < ' ' && c != '\t' && c != '\n':
			b = utf8.AppendRune(b, utf8.RuneError)
		default:
			b = append(b, c)
		}
	}
	return b
}
