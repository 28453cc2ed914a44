package node

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/actions"
	"github.com/amibus/amibus/node/standby"
	"github.com/amibus/amibus/node/state"
	"github.com/amibus/amibus/node/upstream"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/amibuspb"
)

// Version of the binary, set by main before New.
var Version = "dev"

// membersChanged makes routes to the nodes that are there, and lets the stream know whom to ask. A route to a node that is missing
// stays: it may be cut off only, and then nobody else would find it again.
func (n *Node) membersChanged(others, missing []*amibuspb.Member) {
	n.membersMu.Lock()
	defer n.membersMu.Unlock()
	n.missing = missing
	n.away.Store(&missing)
	n.setMembers(others)
}

// setMembers needs membersMu: an older list must not come after a newer one.
func (n *Node) setMembers(others []*amibuspb.Member) {
	n.directory.note(others)
	for _, m := range others {
		n.owners.SetSource(merge.Node{Site: m.GetSite(), Name: m.GetNode()}, m.GetSystemname())
	}
	var routes []string
	var peers []merge.Node
	for _, m := range others {
		peers = append(peers, merge.Node{Site: m.GetSite(), Name: m.GetNode()})
	}
	for _, m := range slices.Concat(others, n.missing) {
		if m.GetRoute() != "" {
			routes = append(routes, m.GetRoute())
		}
	}
	n.stream.SetPeers(peers)
	n.endCalls(others)
	n.source.membersChanged(others)
	if len(n.cfg.Bus.NATS.URLs) > 0 {
		return
	}
	n.routes = routes
	if !n.claimed {
		return
	}
	select {
	case <-n.stream.Settled():
		// The newcomer is dialling us already. If both did at once, each NATS server could close the other's connection as the
		// duplicate, and both would begin anew a second later.
		if n.dial == nil {
			n.dial = time.AfterFunc(dialGrace, n.setRoutes)
		} else {
			n.dial.Reset(dialGrace)
		}
	default:
		n.dialAll()
	}
}

// endCalls ends what is under way to nodes that are there no more, or have started again. It needs membersMu.
func (n *Node) endCalls(others []*amibuspb.Member) {
	there := map[merge.Node]uint64{}
	for _, m := range others {
		there[merge.Node{Site: m.GetSite(), Name: m.GetNode()}] = m.GetEpoch()
	}
	for node, epoch := range n.there {
		if now, ok := there[node]; !ok || now != epoch {
			n.router.Gone(node)
		}
	}
	n.there = there
}

func (n *Node) setRoutes() {
	n.membersMu.Lock()
	defer n.membersMu.Unlock()
	if !n.closed {
		n.dialAll()
	}
}

// dialAll needs membersMu.
func (n *Node) dialAll() {
	if err := n.bus.SetRoutes(n.routes); err != nil {
		n.log.Error("routes cannot be set", "routes", n.routes, "err", err)
	}
}

// ownPeer is this node as one that actions are run on.
func (n *Node) ownPeer() actions.Peer {
	p := actions.Peer{Node: n.self}
	if n.own == nil {
		return p
	}
	p.SystemName = n.own.Info().SystemName
	if v, _ := n.source.standing(); v != standby.Publish {
		p.SystemName = "" // it is the name of the one that publishes
	}
	return p
}

// peerName is the systemname of another node's Asterisk. Of several that have one Asterisk, it means the one that publishes.
func (n *Node) peerName(m *amibuspb.Member) string {
	name := m.GetSystemname()
	if name == "" || m.GetPublishing() {
		return name
	}
	published := n.own != nil && n.source.publishing.Load() && n.own.Info().SystemName == name
	for _, o := range n.members.Others() {
		published = published || o.GetPublishing() && o.GetSystemname() == name
	}
	if published {
		return ""
	}
	return name
}

// publishedBy tells whether a node publishes the events of the Asterisk with that mark.
func (n *Node) publishedBy(mark string) bool {
	if n.own != nil && n.source.publishing.Load() && n.source.isMark(mark) {
		return true
	}
	return slices.ContainsFunc(n.members.Others(), func(o *amibuspb.Member) bool { return o.GetPublishing() && o.GetMark() == mark })
}

// seen keeps whether a node is in view: what it says arrives. Called in the stream's lock.
func (n *Node) seen(c merge.Change) {
	switch c.What {
	case merge.Joined, merge.Returned:
		n.owners.SetLost(c.Node, false)
	case merge.Dropped:
		n.owners.SetLost(c.Node, true)
	case merge.Left:
		n.owners.Remove(c.Node)
	default:
		return
	}
	lost := maps.Clone(*n.lost.Load())
	delete(lost, c.Node)
	if c.What == merge.Dropped {
		lost[c.Node] = true
	}
	n.lost.Store(&lost)
}

// learn lets the registry know whose the channels and bridges are that began before this node listened.
func (n *Node) learn(p *state.Part) {
	for i := range p.Channels {
		n.owners.Learn(p.Node, []byte(p.Channels[i].Uniqueid), []byte(p.Channels[i].Name()))
	}
	for i := range p.Bridges {
		n.owners.LearnBridge(p.Node, []byte(p.Bridges[i].ID))
	}
}

// linked hears of the link to the own Asterisk: its banner is kept for the next start.
func (n *Node) linked(up bool, info upstream.Info) {
	if !up {
		return
	}
	n.source.named(info.SystemName)
	if old := *n.banner.Load(); info.Banner != "" && info.Banner != old {
		n.log.Info("AMI version of the Asterisk has changed; new clients see it", "was", old, "is", info.Banner)
		n.banner.Store(&info.Banner)
	}
	if err := n.data.keepBanner(*n.banner.Load()); err != nil {
		n.log.Warn("AMI version cannot be kept", "err", err)
	}
}

// rewriter rewrites by what is known of the source now.
type rewriter struct{ n *Node }

func (r rewriter) AppendAction(dst []byte, m *ami.Message) []byte {
	return r.n.origin.Load().AppendAction(dst, m)
}
func (r rewriter) AppendAnswer(dst []byte, m *ami.Message) []byte {
	return r.n.origin.Load().AppendAnswer(dst, m)
}

// tell hands a note to the goroutine that writes the log; called in the stream's lock, so it does not wait.
func (n *Node) tell(note any) {
	select {
	case n.notes <- note:
	default:
		n.notesLost.Add(1)
	}
}

// keepSoon hands a new epoch to the goroutine that keeps it; called in the stream's lock, so it does not wait, and nobody else sends.
func (n *Node) keepSoon(epoch uint64) {
	select {
	case <-n.epochs: // older
	default:
	}
	n.epochs <- epoch
}

// keepEpochs keeps new epochs until ctx ends. What comes in the end is for lastWords.
func (n *Node) keepEpochs(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case epoch := <-n.epochs:
			n.keepEpoch(epoch)
		}
	}
}

func (n *Node) keepEpoch(epoch uint64) {
	if err := n.data.keepEpoch(epoch); err != nil {
		n.log.Error("epoch cannot be kept: the next start may choose one that is too low", "epoch", epoch, "err", err)
	}
}

// writeNotes logs what happens to the stream until ctx ends. What comes in the end is for lastWords.
func (n *Node) writeNotes(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case note := <-n.notes:
			n.writeNote(note)
		}
	}
}

// lastWords keeps and logs what is left when the stream and the goroutines that do so have ended.
func (n *Node) lastWords() {
	for {
		select {
		case epoch := <-n.epochs:
			n.keepEpoch(epoch)
		case note := <-n.notes:
			n.writeNote(note)
		default:
			return
		}
	}
}

func (n *Node) writeNote(note any) {
	switch note := note.(type) {
	case gap:
		n.log.Error("events lost: nobody holds them any more", "node", note.node.String(), "epoch", note.epoch, "from", note.from, "to", note.to)
	case merge.Change:
		log := n.log.With("node", note.Node.String(), "epoch", note.Epoch)
		switch note.What {
		case merge.Dropped:
			log.Warn("node dropped from the view: it is not waited for until it is prompt again", "why", note.Why)
		case merge.Stale:
			log.Warn("frames of an older incarnation refused: are there two nodes of this name?")
		case merge.Refused:
			log.Error("events of this node refused, and lost: it has not joined the cluster yet", "why", note.Why)
		case merge.Skewed:
			log.Error("the clock of this node is wrong and is led back; is its time synchronised?", "why", note.Why)
		case merge.Fenced:
			log.Warn("this node was fenced and joins again with a higher epoch", "why", note.Why)
		default:
			log.Info("node " + note.What.String())
		}
	}
}

// cause is what the system said, without the address our own text gives.
func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}
