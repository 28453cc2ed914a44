package node

import (
	"bytes"
	"strings"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/actions"
	"github.com/amibus/amibus/node/amiserver"
	"github.com/amibus/amibus/proto/ami"
)

// account is what is kept of an action that may change something: a line in the log and, if another node ran it, a security event, which every
// node's auditors see. Neither has more of the action than its name and what it is about: values may be secrets.
type account struct {
	n      *Node
	c      amiserver.Caller
	action *ami.Message
	begun  time.Time
	ran    []merge.Node
	answer []byte // its begin
}

// account begins one; nil if the action only reads.
func (n *Node) account(c amiserver.Caller, action *ami.Message) *account {
	if actions.Reads(action) {
		return nil
	}
	return &account{n: n, c: c, action: action, begun: time.Now()}
}

// listen returns a send that keeps the begin of the answer.
func (a *account) listen(send func([]byte) error) func([]byte) error {
	const enough = 1024
	return func(piece []byte) error {
		if room := enough - len(a.answer); room > 0 {
			a.answer = append(a.answer, piece[:min(room, len(piece))]...)
		}
		return send(piece)
	}
}

// outcome is the word for what came of it: success, refused (with the Message of the answer), not executed, unknown.
func (a *account) outcome(err error) (outcome, why string) {
	var m ami.Message
	first, _, whole := bytes.Cut(a.answer, []byte("\r\n\r\n"))
	if len(first) == 0 {
		return "unknown", "no answer"
	}
	if !whole { // longer than what is kept: the line that is cut is left out
		first = first[:max(bytes.LastIndex(first, []byte("\r\n")), 0)]
	}
	if m.Parse(append(bytes.Clone(first), "\r\n\r\n"...)) != nil {
		return "unknown", "the answer cannot be read"
	}
	switch response := string(m.Get("Response")); {
	case m.Has("Outcome"):
		return string(m.Get("Outcome")), string(m.Get("Message"))
	case err != nil:
		return "unknown", err.Error()
	case response == "Error":
		return "refused", string(m.Get("Message"))
	}
	return "success", ""
}

// close writes what came of the action.
func (a *account) close(err error) {
	outcome, why := a.outcome(err)
	var owners []string
	other := false
	for _, n := range a.ran {
		owners = append(owners, n.String())
		other = other || n != a.n.self
	}
	about := a.about()
	log := a.n.component("audit").With("user", a.c.User, "address", a.c.Address, "action", a.action.Action(), "about", about,
		"nodes", strings.Join(owners, ", "), "outcome", outcome, "ms", time.Since(a.begun).Milliseconds())
	if why != "" {
		log = log.With("why", why)
	}
	log.Info("action")
	if !other {
		return
	}
	m := ami.New("Event", "ActionForwarded", "Privilege", "security,all", "User", a.c.User, "Address", a.c.Address, "ActionName", a.action.Action())
	if about != "" {
		m.Add("About", about)
	}
	a.n.intake.take(m.Add("From", a.n.self.String()).Add("Nodes", strings.Join(owners, ", ")).Add("Outcome", outcome))
}

// about is the channel or bridge that the action names first.
func (a *account) about() string {
	for _, name := range [...]string{"Channel", "Channel1", "ChannelID", "BridgeUniqueid", "BridgeId", "Conference", "Queue", "Interface", "Agent", "Filename"} {
		if v := a.action.Get(name); len(v) > 0 {
			return strings.ToValidUTF8(string(v[:min(len(v), 200)]), "\uFFFD")
		}
	}
	return ""
}
