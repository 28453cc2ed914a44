package node

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/actions"
	"github.com/amibus/amibus/node/amiserver"
	"github.com/amibus/amibus/node/forward"
	"github.com/amibus/amibus/node/state"
	"github.com/amibus/amibus/proto/ami"
)

// askTime is how long the nodes have to tell whether they have a channel or bridge that nobody has said anything about yet.
const askTime = 3 * time.Second

// do runs an action where it belongs (node/actions) and gives the answer to send.
func (n *Node) do(ctx context.Context, c amiserver.Caller, action *ami.Message, send func([]byte) error) error {
	m := meter{begun: time.Now()}
	err := n.perform(ctx, c, action, m.listen(send))
	n.acted.count(action, &m, err)
	return err
}

func (n *Node) perform(ctx context.Context, c amiserver.Caller, action *ami.Message, send func([]byte) error) error {
	if state.Cached(action) {
		return n.cached(c, action, send)
	}
	a := n.account(c, action)
	d := n.decide(ctx, c, action)
	if a == nil {
		return n.carryOut(ctx, c, action, &d, send)
	}
	switch d.Do {
	case actions.Run:
		a.ran = append(a.ran, d.Node)
	case actions.Raise:
		a.ran = append(a.ran, n.self)
	case actions.Lists, actions.Every:
		for _, p := range d.Parts {
			a.ran = append(a.ran, p.Node)
		}
	}
	err := n.carryOut(ctx, c, action, &d, a.listen(send))
	a.close(err)
	return err
}

// decide finds out where an action belongs; it may have to ask the other nodes.
func (n *Node) decide(ctx context.Context, c amiserver.Caller, action *ami.Message) actions.Decision {
	view := n.view(c)
	d := actions.Route(action, view)
	for asked := ""; d.Do == actions.Ask && asked != string(d.Key); { // an action may name two
		if n.alone(&d) { // the own source says so itself
			d.Do, d.Node = actions.Run, n.self
			break
		}
		asked = string(d.Key)
		n.askWho(ctx, &d)
		d = actions.Route(action, view) // to ask for the same again means that not all have answered: then Text says so
	}
	return d
}

func (n *Node) carryOut(ctx context.Context, c amiserver.Caller, action *ami.Message, d *actions.Decision, send func([]byte) error) error {
	caller := forward.Caller{User: c.User, Address: c.Address, Session: c.Session, Counter: c.Counter}
	switch d.Do {
	case actions.Run:
		return n.router.Do(ctx, caller, d.Node, action, send)
	case actions.Raise:
		return n.raiseUserEvent(action, send)
	case actions.Lists, actions.Every:
		if n.alone(d) {
			return n.router.Do(ctx, caller, n.self, action, send)
		}
		return n.gather(ctx, caller, action, d, send)
	}
	return send(errorTo(action, d.Text))
}

// alone tells whether nobody but this node takes part: then all is as at its own PBX.
func (n *Node) alone(d *actions.Decision) bool {
	return len(d.Parts) == 1 && len(d.Missing) == 0 && d.Parts[0].Node == n.self
}

func errorTo(action *ami.Message, text string) []byte {
	m := ami.New("Response", "Error")
	if id := action.Get("ActionID"); len(id) > 0 {
		m.Add("ActionID", string(id))
	}
	return m.Add("Message", text).Bytes()
}

// view is what this node knows now, for a user.
func (n *Node) view(c amiserver.Caller) *actions.View {
	return &actions.View{Self: n.self, Source: n.own != nil, Nodes: n.sources, Owners: n.owners, Reach: c.Reach, Own: c.AmbiguousOwn}
}

// sources are the nodes that have a source, and publish it or have no link: of those that stand beside one Asterisk only the one that
// publishes is asked.
func (n *Node) sources() []actions.Peer {
	var all []actions.Peer
	if own := n.ownPeer(); n.own != nil {
		all = append(all, own)
	}
	if n.members == nil {
		return all
	}
	lost := *n.lost.Load()
	for _, m := range n.members.Others() {
		if !m.GetSource() || m.GetMark() != "" && !m.GetPublishing() && n.publishedBy(m.GetMark()) {
			continue
		}
		of := merge.Node{Site: m.GetSite(), Name: m.GetNode()}
		all = append(all, actions.Peer{Node: of, SystemName: n.peerName(m), Missing: lost[of]})
	}
	for _, m := range *n.away.Load() {
		if m.GetSource() && (m.GetMark() == "" || !n.publishedBy(m.GetMark())) {
			all = append(all, actions.Peer{Node: merge.Node{Site: m.GetSite(), Name: m.GetNode()}, SystemName: m.GetSystemname(), Missing: true})
		}
	}
	return all
}

// raiseUserEvent raises the event of a UserEvent on this node, which has no source to do so.
func (n *Node) raiseUserEvent(action *ami.Message, send func([]byte) error) error {
	m := ami.New("Event", "UserEvent", "Privilege", "user,all", "UserEvent", string(action.Get("UserEvent")))
	for i := range action.Len() {
		if name, _, ok := ami.SplitLine(action.Line(i)); !ok || !strings.EqualFold(string(name), "Action") && !strings.EqualFold(string(name), "UserEvent") {
			m.AddLine(action.Line(i))
		}
	}
	n.intake.take(m)
	reply := ami.New("Response", "Success")
	if id := action.Get("ActionID"); len(id) > 0 {
		reply.Add("ActionID", string(id))
	}
	return send(reply.Add("Message", "Event Sent").Bytes())
}

// merger makes one answer of those of several nodes.
type merger interface {
	Take(dst []byte, part int, piece []byte) []byte
	End(dst []byte, part int, failure string) []byte
}

// gather runs an action on several nodes at once and sends one answer.
func (n *Node) gather(ctx context.Context, c forward.Caller, action *ami.Message, d *actions.Decision, send func([]byte) error) error {
	g := gathering{send: send}
	if d.Do == actions.Every {
		g.merger = actions.NewBroadcast(action, d)
	} else {
		g.merger = actions.NewList(action, d)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var parts sync.WaitGroup
	for i, p := range d.Parts {
		parts.Go(func() {
			err := n.router.Do(ctx, c, p.Node, action, func(piece []byte) error { return g.take(i, piece) })
			failure := ""
			if err != nil {
				failure = err.Error()
			}
			if g.end(i, failure) != nil {
				cancel() // nobody is there any more to whom it could be told
			}
		})
	}
	parts.Wait()
	return g.err
}

// gathering is an answer that comes from several nodes at once.
type gathering struct {
	mu     sync.Mutex
	merger merger
	send   func([]byte) error
	buf    []byte
	err    error // of send
}

func (g *gathering) take(part int, piece []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pass(g.merger.Take(g.buf[:0], part, piece))
}

func (g *gathering) end(part int, failure string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pass(g.merger.End(g.buf[:0], part, failure))
}

func (g *gathering) pass(b []byte) error {
	g.buf = b
	if g.err == nil && len(b) > 0 {
		g.err = g.send(b)
	}
	return g.err
}

// askWho asks all nodes in view who has a channel or bridge that this one has not heard of, and tells the registry.
func (n *Node) askWho(ctx context.Context, d *actions.Decision) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	question := ami.New("Action", "Status", "Channel", string(d.Key))
	if d.Is == actions.Bridge {
		question = ami.New("Action", "BridgeInfo", "BridgeUniqueid", string(d.Key))
	}
	known := make([]bool, len(d.Parts)) // whether a part has said yes or no
	var parts sync.WaitGroup
	for i, p := range d.Parts {
		parts.Go(func() { known[i] = n.askOne(ctx, p.Node, question, d) })
	}
	parts.Wait()
	if slices.Contains(known, false) || len(d.Missing) > 0 {
		return
	}
	if d.Is == actions.Bridge {
		n.owners.AbsentBridge(n.uptime(), d.Key)
	} else {
		n.owners.AbsentChannel(n.uptime(), d.Key)
	}
}

// notThere are the answers to Status and BridgeInfo that say no. Any other error says nothing.
var notThere = map[string]bool{"No such channel": true, "Specified BridgeUniqueid not found": true}

// askOne asks a node, and says whether it has answered.
func (n *Node) askOne(ctx context.Context, of merge.Node, question *ami.Message, d *actions.Decision) bool {
	var answer []byte
	err := n.router.Do(ctx, forward.Caller{User: "amibus"}, of, question, func(piece []byte) error {
		answer = append(answer, piece...)
		return nil
	})
	if err != nil || len(answer) == 0 {
		return false
	}
	var m ami.Message
	if m.Parse(firstOf(answer)) != nil || m.Has("Outcome") {
		return false
	}
	if string(m.Get("Response")) != "Success" {
		return notThere[string(m.Get("Message"))]
	}
	if d.Is == actions.Bridge {
		n.owners.LearnBridge(of, d.Key)
		return true
	}
	rest := answer[len(firstOf(answer)):]
	if m.Parse(firstOf(rest)) == nil && len(m.Get("Uniqueid")) > 0 {
		n.owners.Learn(of, m.Get("Uniqueid"), m.Get("Channel"))
	}
	return true
}

// firstOf is the first message of an answer.
func firstOf(answer []byte) []byte {
	if i := strings.Index(string(answer), "\r\n\r\n"); i >= 0 {
		return answer[:i+4]
	}
	return answer
}

// uptime is the time of the registry.
func (n *Node) uptime() time.Duration { return time.Since(n.born) }
