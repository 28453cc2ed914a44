package bus

import (
	"slices"
	"strings"
)

// MaxSubject is the longest subject a Bus must carry. A longer one (a hostile uniqueid) is refused by Publish.
const MaxSubject = 1024

// Patterns of what every node listens to, and of the public plane. In a subject, site and node are those of the speaker, of the
// one asked, or, of joined, of the one answered.
const (
	FramePattern = prefix + "frame.*.*"
	MarkPattern  = prefix + "mark.*.*"
	JoinPattern  = prefix + "join.*.*"
	SeenPattern  = prefix + "seen.*.*"
	EventPattern = prefix + "event.>"

	ActionPattern = prefix + "action.*.*" // what nodes are asked to run
)

const prefix = "ami.v1."

// kinds of subjects that end in site and node.
var kinds = []string{"frame", "mark", "join", "joined", "seen", "replay", "action", "state"}

// SubjectFrame carries the frames of a node.
func SubjectFrame(site, node string) string { return subject("frame", site, node) }

// SubjectMark carries the public marks of a node.
func SubjectMark(site, node string) string { return subject("mark", site, node) }

// SubjectJoin carries the announcements of a node that joins.
func SubjectJoin(site, node string) string { return subject("join", site, node) }

// SubjectJoined carries the answers to the node that joins.
func SubjectJoined(site, node string) string { return subject("joined", site, node) }

// SubjectSeen carries what a node has received of every origin.
func SubjectSeen(site, node string) string { return subject("seen", site, node) }

// SubjectReplay is served by the node that is asked for events.
func SubjectReplay(site, node string) string { return subject("replay", site, node) }

// SubjectAction is served by the node whose source runs the action.
func SubjectAction(site, node string) string { return subject("action", site, node) }

// SubjectState is served by the node that is asked for its state.
func SubjectState(site, node string) string { return subject("state", site, node) }

// AppendSubjectEvent appends the subject of an event on the public plane: ami.v1.event.<class>.<site>.<node>.<uniqueid>.
func AppendSubjectEvent(dst []byte, class, site, node string, uniqueid []byte) []byte {
	dst = append(dst, prefix+"event."...)
	dst = append(appendToken(dst, class), '.')
	dst = append(appendToken(dst, site), '.')
	dst = append(appendToken(dst, node), '.')
	return appendToken(dst, uniqueid)
}

func subject(kind, site, node string) string {
	b := make([]byte, 0, len(prefix)+len(kind)+len(site)+len(node)+2)
	b = append(append(append(b, prefix...), kind...), '.')
	b = append(appendToken(b, site), '.')
	return string(appendToken(b, node))
}

// ParseSubject is the inverse of the Subject functions: kind is "frame", "mark", "join" and so on.
func ParseSubject(s string) (kind, site, node string, ok bool) {
	kind, values, ok := split(s, 2)
	if !ok || !slices.Contains(kinds, kind) {
		return "", "", "", false
	}
	return kind, values[0], values[1], true
}

// ParseSubjectEvent is the inverse of AppendSubjectEvent.
func ParseSubjectEvent(s string) (class, site, node, uniqueid string, ok bool) {
	kind, v, ok := split(s, 4)
	if !ok || kind != "event" {
		return "", "", "", "", false
	}
	return v[0], v[1], v[2], v[3], true
}

// split takes a subject with exactly n tokens after its kind apart.
func split(s string, n int) (kind string, values []string, ok bool) {
	s, ok = strings.CutPrefix(s, prefix)
	tokens := strings.Split(s, ".")
	if !ok || len(tokens) != 1+n {
		return "", nil, false
	}
	for i, token := range tokens[1:] {
		if tokens[1+i], ok = Unescape(token); !ok {
			return "", nil, false
		}
	}
	return tokens[0], tokens[1:], true
}

const hex = "0123456789ABCDEF"

// Escape makes any text one token of a subject: no dots, wildcards or blanks, never empty, and different for different texts.
// "1700000000.12" is "1700000000%2E12".
func Escape(s string) string { return string(appendToken(nil, s)) }

func appendToken[T string | []byte](dst []byte, s T) []byte {
	if len(s) == 0 {
		return append(dst, '%') // NATS has no empty token, and no text escapes to a lone %
	}
	for i := range len(s) {
		if c := s[i]; plain(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

// Unescape is the inverse of Escape. ok is false for what Escape never makes.
func Unescape(token string) (s string, ok bool) {
	if token == "%" {
		return "", true
	}
	b := make([]byte, 0, len(token))
	for i := 0; i < len(token); i++ {
		c := token[i]
		if plain(c) {
			b = append(b, c)
			continue
		}
		if c != '%' || i+2 >= len(token) {
			return "", false
		}
		high, low := strings.IndexByte(hex, token[i+1]), strings.IndexByte(hex, token[i+2])
		if high < 0 || low < 0 || plain(byte(high<<4|low)) {
			return "", false
		}
		b = append(b, byte(high<<4|low))
		i += 2
	}
	return string(b), len(b) > 0
}

// plain bytes stand for themselves in a token.
func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}
