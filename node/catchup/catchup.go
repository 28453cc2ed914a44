package catchup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/state"
	"github.com/amibus/amibus/proto/amibuspb"
)

const (
	patience = 10 * time.Second // how long a node's past is asked for
	askTime  = 5 * time.Second  // of one peer
	rest     = time.Second      // between two looks at whether anything is lacking
	pause    = 100 * time.Millisecond

	maxRecords = 500_000 // of one node; a Store keeps no more
)

// Config of Run. All must be set.
type Config struct {
	Self    merge.Node
	Bus     bus.Bus
	Store   *state.Store
	View    func(fn func(now []merge.Position)) // the stream's: nothing is emitted meanwhile
	Settled <-chan struct{}                     // closed when the positions are known
	Adopted func(*state.Part)                   // is told what was learnt; nil: nobody wants to know
	Log     *slog.Logger
}

type catchup struct {
	cfg     Config
	serving chan struct{} // holds as many as are served now
	since   map[merge.Node]time.Time
}

// Run serves the other nodes, and sees to it that the Store gets whole, until ctx ends.
func Run(ctx context.Context, cfg Config) error {
	c := &catchup{cfg: cfg, serving: make(chan struct{}, maxServed), since: map[merge.Node]time.Time{}}
	select {
	case <-cfg.Settled:
	case <-ctx.Done():
		return nil
	}
	stop, err := cfg.Bus.Serve(bus.SubjectState(cfg.Self.Site, cfg.Self.Name), c.serve)
	if err != nil {
		return fmt.Errorf("cannot serve the state to other nodes: %w", err)
	}
	defer stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			timer.Reset(c.look(ctx))
		case <-ctx.Done():
			return nil
		}
	}
}

// look asks for what is lacking, and returns when to look again.
func (c *catchup) look(ctx context.Context) time.Duration {
	var peers []merge.Node
	c.cfg.View(func(now []merge.Position) {
		c.cfg.Store.Expect(now)
		for i := range now {
			if p := &now[i]; p.Awaited && !p.Left && p.Node != c.cfg.Self {
				peers = append(peers, p.Node)
			}
		}
	})
	rand.Shuffle(len(peers), func(i, j int) { peers[i], peers[j] = peers[j], peers[i] }) // who has restarted with many must not meet them at one peer
	for _, p := range peers {
		nodes, upTo := c.cfg.Store.Lacking()
		if len(nodes) == 0 {
			break
		}
		if err := c.ask(ctx, p, nodes, upTo); err != nil && ctx.Err() == nil {
			c.cfg.Log.Debug("the state of the cluster cannot be had from a node; another one is asked", "node", p.String(), "err", err)
		}
	}
	nodes, _ := c.cfg.Store.Lacking()
	return c.giveUp(nodes)
}

// giveUp ends the search for what is lacking for too long already.
func (c *catchup) giveUp(lacking []merge.Node) (again time.Duration) {
	since := map[merge.Node]time.Time{}
	var gone []string
	for _, n := range lacking {
		began, old := c.since[n]
		switch {
		case !old:
			since[n] = time.Now()
		case time.Since(began) < patience:
			since[n] = began
		default:
			c.cfg.Store.GiveUp(n)
			gone = append(gone, n.String())
		}
	}
	if len(gone) > 0 {
		c.cfg.Log.Warn("no node could tell which calls there were before this node listened: they are known from their next event on",
			"of", strings.Join(gone, ", "))
	}
	if c.since = since; len(since) > 0 {
		return pause
	}
	return rest
}

// ask has a peer send its state of some nodes, and adopts each as soon as it is complete.
func (c *catchup) ask(ctx context.Context, peer merge.Node, nodes []merge.Node, upTo []state.Position) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	req := &amibuspb.StateAsk{}
	for i, n := range nodes {
		req.Nodes = append(req.Nodes, &amibuspb.Position{Site: n.Site, Node: n.Name, Epoch: upTo[i].Epoch, Seq: upTo[i].Seq})
	}
	b, err := proto.Marshal(req)
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	var part *state.Part
	return c.cfg.Bus.Request(ctx, bus.SubjectState(peer.Site, peer.Name), b, func(chunk []byte) error {
		var m amibuspb.StateChunk
		if err := proto.Unmarshal(chunk, &m); err != nil {
			return fmt.Errorf("state: %w", err)
		}
		if part, err = add(part, &m); err != nil {
			return err
		}
		if m.GetLast() {
			c.adopt(peer, part)
			part = nil
		}
		return nil
	})
}

var (
	errMixed = errors.New("state: chunks of two nodes are mixed")
	errMany  = errors.New("state: more channels and bridges than a node has")
)

// add adds a chunk to what has come of a node.
func add(p *state.Part, m *amibuspb.StateChunk) (*state.Part, error) {
	at := m.GetPosition()
	n := merge.Node{Site: at.GetSite(), Name: at.GetNode()}
	if p == nil {
		p = &state.Part{Node: n, At: state.Position{Epoch: at.GetEpoch(), Seq: at.GetSeq(), HLC: at.GetHlc()}}
	}
	switch {
	case p.Node != n:
		return nil, errMixed
	case len(p.Channels)+len(p.Bridges)+len(p.Ended) > maxRecords:
		return nil, errMany
	}
	for _, ch := range m.GetChannels() {
		p.Channels = append(p.Channels, state.Channel{Uniqueid: string(ch.GetUniqueid()), Text: string(ch.GetText()), App: string(ch.GetApp()),
			Data: string(ch.GetData()), Bridge: string(ch.GetBridge()), Since: ch.GetSince()})
	}
	for _, b := range m.GetBridges() {
		p.Bridges = append(p.Bridges, state.Bridge{ID: string(b.GetId()), Text: string(b.GetText()), Since: b.GetSince()})
	}
	for _, id := range m.GetEnded() {
		p.Ended = append(p.Ended, string(id))
	}
	return p, nil
}

func (c *catchup) adopt(peer merge.Node, p *state.Part) {
	if c.cfg.Store.Adopt(p) {
		if c.cfg.Adopted != nil {
			c.cfg.Adopted(p)
		}
		c.cfg.Log.Info("the calls that began before this node listened are known", "of", p.Node.String(), "from", peer.String(),
			"channels", len(p.Channels), "bridges", len(p.Bridges))
	}
}
