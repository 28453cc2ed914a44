package forward

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/amibus/amibus/proto/ami"
)

// malformed returns the text of the error for an action that must not travel, whoever sent it: another node may not hold itself to
// the limits of a session. A bare CR inside a line is data to an Asterisk, but a line end to many clients, who may see it in an event
// (ami/clients.md 17).
func malformed(action *ami.Message) string {
	for i := range action.Len() {
		if line := action.Line(i); len(line) == 0 || bytes.ContainsAny(line, "\r\n\x00") {
			return fmt.Sprintf("Line %d of the action holds a line end or NUL", i+1)
		}
	}
	if err := action.CheckAction(); err != nil {
		return err.Error()
	}
	return ""
}

// stripped returns the action without the header that only routes.
func stripped(action *ami.Message) *ami.Message {
	if action.IsAction("UserEvent") || !action.Has("SystemName") {
		return action
	}
	return without(action, "SystemName")
}

// without returns the action built anew, line by line, without a header.
func without(action *ami.Message, header string) *ami.Message {
	b := make([]byte, 0, len(action.Bytes()))
	for i := range action.Len() {
		line := action.Line(i)
		if name, _, ok := ami.SplitLine(line); ok && strings.EqualFold(string(name), header) {
			continue
		}
		b = append(append(b, line...), "\r\n"...)
	}
	m, err := ami.ParseMessage(append(b, "\r\n"...))
	if err != nil {
		return action // cannot be: every line has been checked
	}
	return m
}
