package translator

import "bytes"

// GroupText is a group of headers as it stands in an event: a channel's or a bridge's.
type GroupText struct {
	Bridge bool
	Role   []byte // what stands in front of each header
	Lines  []byte // the headers, with their line ends
	ID     []byte // Uniqueid or BridgeUniqueid
}

// Bare appends the lines without the role.
func (g *GroupText) Bare(dst []byte) []byte {
	for rest := g.Lines; len(rest) > 0; {
		line, after, _ := cutLine(rest)
		dst = append(append(dst, line[len(g.Role):]...), crlf...)
		rest = after
	}
	return dst
}

// Groups calls fn for each group of an event's text, in order. The body of a UserEvent has none: what looks like one is data.
func Groups(text []byte, fn func(g *GroupText)) {
	name, body, ok := cutHeader(text, nil, "Event")
	if !ok {
		return
	}
	user := bytes.Equal(name, userEvent)
	for len(body) > 0 {
		if g, rest, ok := readGroup(body); ok {
			fn(&g)
			body = rest
			continue
		}
		line, rest, ok := cutLine(body)
		if !ok || user && isHeader(line, "UserEvent") {
			return
		}
		body = rest
	}
}

// readGroup reads the group that body starts with, if it is a whole one.
func readGroup(body []byte) (g GroupText, rest []byte, ok bool) {
	colon := bytes.IndexByte(body, ':')
	if colon < 0 {
		return g, body, false
	}
	for _, group := range [...]*layout{&channelGroup, &bridgeGroup} {
		if role, ok := bytes.CutSuffix(body[:colon], []byte(group.headers[0].name)); ok {
			return group.read(body, role)
		}
	}
	return g, body, false
}

func (g *layout) read(body, role []byte) (out GroupText, rest []byte, ok bool) {
	out.Role, out.Bridge, rest = role, g == &bridgeGroup, body
	for i := range g.headers {
		h := &g.headers[i]
		value, after, found := cutHeader(rest, role, h.name)
		if h.kind == pairs {
			for ; found && bytes.IndexByte(value, '=') >= 0; value, after, found = cutHeader(rest, role, h.name) {
				rest = after
			}
			continue
		}
		switch {
		case !found && h.kind == since:
			continue
		case !found:
			return out, body, false
		case h.name == "Uniqueid" || h.name == "BridgeUniqueid":
			out.ID = value
		}
		rest = after
	}
	out.Lines = body[:len(body)-len(rest)]
	return out, rest, true
}

// HeaderValue returns the value of the first header of that exact name in an event's text.
func HeaderValue(text []byte, name string) []byte {
	for len(text) > 0 {
		if value, _, ok := cutHeader(text, nil, name); ok {
			return value
		}
		_, rest, ok := cutLine(text)
		if !ok {
			return nil
		}
		text = rest
	}
	return nil
}
