package capture

import (
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// Kind tells what a recorded message is.
type Kind uint8

// The kinds of recorded messages.
const (
	Banner Kind = iota // the first line of the connection
	Answer             // what the server wrote because of an action
	Event              // what it wrote unasked
)

// String returns the name of k.
func (k Kind) String() string { return [...]string{"banner", "answer", "event"}[k] }

// Message is one message of a recorded stream. It must not be changed.
type Message struct {
	Kind Kind
	At   time.Duration // when its last byte had arrived, from the first read of the recording

	// Text is the message itself. A banner is one line without an empty line behind it.
	Text *ami.Message

	// Rest is what else belongs to an answer, in order: list items, the complete event, a second answer, raw text.
	Rest []*ami.Message

	// Action is the action that an answer is for; nil if it is not known.
	Action *ami.Message
}

// Capture is one recorded connection. It must not be changed.
type Capture struct {
	Scenario string // name of the folder, if known
	Instance string // name of the files

	Messages []Message // in stream order
	Login    int       // index of the answer to the first successful login, -1 if there is none

	// Start is the monotonic clock of the recording at its first read. All recordings of a folder have the same clock.
	Start time.Duration
	// Length is the time from the first to the last read, the end of the stream included.
	Length time.Duration
}

// Banner returns the recorded banner, the first message, without its line end; "" if the stream is empty.
func (c *Capture) Banner() string {
	if len(c.Messages) == 0 || c.Messages[0].Text.Len() == 0 {
		return ""
	}
	return string(c.Messages[0].Text.Line(0))
}

// Events returns the events of the stream in order.
func (c *Capture) Events() []*ami.Message {
	var out []*ami.Message
	for i := range c.Messages {
		if c.Messages[i].Kind == Event {
			out = append(out, c.Messages[i].Text)
		}
	}
	return out
}

// SystemName returns the system name that the recorded Asterisk put into its events, "" if it has none.
func (c *Capture) SystemName() string { name, _ := c.head(); return name }

// head tells what the recorded Asterisk puts at the head of an event behind Privilege: a SystemName and a Timestamp
// (behaviour.md 7.1). Places count, not names: a UserEvent may hold headers of these names further down.
func (c *Capture) head() (systemName string, timestamps bool) {
	for i := range c.Messages {
		m := c.Messages[i].Text
		if c.Messages[i].Kind != Event || string(m.Get("Event")) == "FullyBooted" {
			continue // the FullyBooted of a login has neither (5.10)
		}
		at := 2
		if name, _, _ := fieldAt(m, at); name == "Timestamp" {
			timestamps = true
			at++
		}
		if name, value, _ := fieldAt(m, at); name == "SystemName" {
			systemName = value
		}
		return systemName, timestamps
	}
	return "", false
}

func fieldAt(m *ami.Message, i int) (name, value string, ok bool) {
	if i >= m.Len() {
		return "", "", false
	}
	n, v, ok := m.Field(i)
	return string(n), string(v), ok
}
