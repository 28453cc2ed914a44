package node

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amibus/amibus/bus/journal"
	"github.com/amibus/amibus/bus/member"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/natsbus"
	"github.com/amibus/amibus/bus/stasis"
	"github.com/amibus/amibus/bus/stream"
	"github.com/amibus/amibus/node/actions"
	"github.com/amibus/amibus/node/admin"
	"github.com/amibus/amibus/node/amiserver"
	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/node/engine"
	"github.com/amibus/amibus/node/forward"
	"github.com/amibus/amibus/node/owner"
	"github.com/amibus/amibus/node/state"
	"github.com/amibus/amibus/node/upstream"
	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
	"github.com/amibus/amibus/translator"
)

const (
	defaultBanner = "11.0.0"
	routesWait    = 3 * time.Second // a peer that cannot be reached must not keep this node from serving its own
	dialGrace     = 500 * time.Millisecond
	noteQueue     = 4096
	// patience is how long a conflict with another node may last before this one, the newcomer, gives up: the other may be about to go.
	patience = 30 * time.Second
	// drainTime is for answers under way when the node stops; with the last words of the sessions, the farewells on bus and gossip and
	// what may hang there, the whole stop takes less than 10 s, which is what orchestrators grant at least.
	drainTime = 7 * time.Second
)

// Node is one amibus node. Use New, then Run.
type Node struct {
	cfg   *config.Config
	log   *slog.Logger
	self  merge.Node
	epoch uint64
	data  dataDir
	born  time.Time

	restarted bool          // there was an epoch before
	patience  time.Duration // a constant but in tests
	fatal     chan error    // capacity 1: why the node cannot go on

	origin  atomic.Pointer[translator.Origin] // replaced when the source's systemname becomes known
	manager *stasis.Topic[wire.Entry]         // this node's own events, in order
	cluster *stasis.Topic[merge.Event]        // the merged stream, with view events
	arrived *stasis.Topic[merge.Event]        // the same in the order of arrival
	notes   chan any                          // changes and gaps on their way to the log
	epochs  chan uint64                       // capacity 1: the newest epoch that is not kept yet

	bus       *natsbus.Bus
	members   *member.List
	directory directory
	membersMu sync.Mutex                         // held while what follows from a list of members is done
	missing   []*amibuspb.Member                 // may come back
	there     map[merge.Node]uint64              // the epochs of the others when last heard of
	away      atomic.Pointer[[]*amibuspb.Member] // the same, without a lock
	endings   *endings
	counts    counts
	acted     *actionMeter
	lost      atomic.Pointer[map[merge.Node]bool] // nodes out of view
	owners    *owner.Registry                     // who has which channel and bridge
	state     *state.Store                        // the channels and bridges of the cluster, as of what is emitted
	routes    []string                            // to the members there are, and those that are missing
	claimed   bool                                // the name is ours: no routes before
	dial      *time.Timer
	closed    bool
	journal   journal.Journal
	stream    *stream.Stream
	own       pbx                // nil without a source
	upstream  *upstream.Upstream // the own PBX if it is an Asterisk, else nil
	engine    *engine.Engine     // the own PBX if it is the built-in engine, else nil
	source    *source
	intake    *intake
	router    *forward.Router
	ami       *amiserver.Server
	admin     *admin.Server

	users        atomic.Pointer[config.Manager]
	reloading    sync.Mutex                // one Reload at a time
	reloaded     atomic.Pointer[time.Time] // last
	banner       atomic.Pointer[string]
	amiListener  net.Listener
	tlsListener  net.Listener // AMI over TLS; nil: none
	tlsConfig    atomic.Pointer[tls.Config]
	httpListener net.Listener
	web          web
	notesLost    atomic.Uint64
	refused      atomic.Uint64 // events of the own source that could not be carried
	draining     atomic.Bool   // asked to stop: answers under way are finished
	changes      [merge.Refused + 1]atomic.Uint64
}

// New reads what the configuration names and opens every listener. Errors are one line and say what to do.
func New(cfg *config.Config, log *slog.Logger) (_ *Node, err error) {
	n := &Node{cfg: cfg, log: log, self: merge.Node{Site: cfg.Node.Site, Name: cfg.Node.Name}, born: time.Now(),
		patience: patience, fatal: make(chan error, 1), manager: stasis.NewTopic[wire.Entry]("manager"),
		cluster: stasis.NewTopic[merge.Event]("cluster"), arrived: stasis.NewTopic[merge.Event]("arrived"), notes: make(chan any, noteQueue),
		epochs: make(chan uint64, 1)}
	defer func() {
		if err != nil {
			n.close()
		}
	}()
	if n.data, err = openDataDir(cfg.Node.DataDir); err != nil {
		return nil, err
	}
	n.restarted = n.data.has("epoch")
	if n.epoch, err = n.data.nextEpoch(n.born); err != nil {
		return nil, err
	}
	if err = n.openJournal(); err != nil {
		return nil, err
	}
	n.reloaded.Store(&n.born)
	banner := cmp.Or(n.data.banner(), defaultBanner)
	n.banner.Store(&banner)
	if err = n.loadUsers(); err != nil {
		return nil, err
	}
	if n.amiListener, err = listen("the AMI listener (bindaddr and port in "+cfg.AMI.ManagerConf+")", n.users.Load().Address()); err != nil {
		return nil, err
	}
	if err = n.listenTLS(); err != nil {
		return nil, err
	}
	if err = n.openWeb(); err != nil {
		return nil, err
	}
	if cfg.Admin.Listen != "" {
		if n.httpListener, err = listen("admin.listen", cfg.Admin.Listen); err != nil {
			return nil, err
		}
	}
	if err = n.openBus(); err != nil {
		return nil, err
	}
	qualify, err := translator.ParseQualify(cfg.Identity.Qualify)
	if err != nil {
		return nil, fmt.Errorf("identity.qualify: %w", err)
	}
	n.origin.Store(&translator.Origin{Node: n.self.Name, Qualify: qualify})
	if err = n.build(); err != nil {
		return nil, err
	}
	if err = n.openMembers(); err != nil {
		return nil, err
	}
	return n, n.data.keepAddresses(n.addresses())
}

func listen(what, addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %s: %w; free the port or choose another (0 takes any)", what, addr, cause(err))
	}
	return ln, nil
}

// openMembers begins to gossip; what it tells includes where the routes go, and whom it finds the stream hears of at once.
func (n *Node) openMembers() (err error) {
	c := n.cfg.Bus
	if c.Member.Listen == "" {
		return nil
	}
	keys, err := c.Member.Keys()
	if err != nil {
		return err
	}
	n.members, err = member.Start(member.Config{Site: n.self.Site, Name: n.self.Name, Listen: c.Member.Listen, Advertise: c.Member.Advertise,
		Insecure: c.Insecure, Join: c.Member.Join, Keys: keys,
		Self: &amibuspb.Member{Site: n.self.Site, Node: n.self.Name, Epoch: n.epoch, Route: n.bus.RouteAddr(),
			Ami: n.amiListener.Addr().String(), Source: n.own != nil, Version: Version, Schema: wire.Schema},
		Patience: n.patience, Log: n.component("member"), Changed: n.membersChanged})
	return err
}

// build makes the parts that need no network to exist.
func (n *Node) build() error {
	n.owners = owner.New(owner.Config{Seed: rand.Uint64()})
	n.state, n.endings = state.New(), newEndings(n)
	n.away.Store(new([]*amibuspb.Member))
	n.lost.Store(&map[merge.Node]bool{})
	previousEpoch, previousSeq := n.journal.Previous()
	n.stream = stream.New(stream.Config{
		Merge: merge.Config{Self: n.self, Epoch: n.epoch, Hold: n.cfg.Bus.Hold, Tick: n.cfg.Bus.Tick,
			PreviousEpoch: previousEpoch, PreviousSeq: previousSeq},
		Bus:     n.bus,
		Journal: n.journal,
		Keyed:   keyed(n.cfg.Bus.NATS),
		Emitted: n.emitted,
		Arrived: n.arrive,
		Changed: n.changed,
		Pace:    n.pace,
		Log:     n.component("stream"),
	})
	n.manager.Handle(func(entries []wire.Entry) { n.stream.Publish(entries...) })
	n.intake, n.source = newIntake(n), newSource(n)
	if err := n.openSource(); err != nil {
		return err
	}
	var source forward.Source
	if n.own != nil {
		source = n.own
	}
	n.router = forward.New(forward.Config{Self: n.self, Epoch: n.epoch, Bus: n.bus, Source: source, Origin: rewriter{n}, Drain: drainTime,
		Log: n.component("forward"), Reads: actions.Reads, Shared: actions.Shared})
	n.ami = amiserver.New(amiserver.Config{Log: n.component("amiserver"), Users: n.users.Load, Events: n.cluster, Arrived: n.arrived,
		Source: n.stream, State: n.state, Backend: &backend{n}, Node: n.self, Version: Version, Drain: drainTime})
	n.admin = n.newAdmin()
	return nil
}

func keyed(c config.NATS) stream.Keyed {
	switch {
	case c.Publish == config.Always, c.Publish == config.Auto && len(c.URLs) > 0:
		return stream.KeyedAlways
	case c.Publish == config.Never:
		return stream.KeyedNever
	}
	return stream.KeyedWanted
}

func (n *Node) component(name string) *slog.Logger { return n.log.With("component", name) }

// Subscribe returns a subscription to the merged stream, for a viewer inside the process.
func (n *Node) Subscribe(queueLen int) *stasis.Subscription[merge.Event] {
	return n.cluster.Subscribe(queueLen)
}

// AMI returns the address of the AMI listener.
func (n *Node) AMI() string { return n.amiListener.Addr().String() }

func (n *Node) addresses() addresses {
	a := addresses{AMI: n.AMI(), AMITLS: addrOf(n.tlsListener), Route: n.bus.RouteAddr(), Client: n.bus.ClientAddr()}
	if n.httpListener != nil {
		a.Admin = n.httpListener.Addr().String()
	}
	if n.members != nil {
		a.Member = n.members.Addr()
	}
	if n.web.http != nil {
		a.HTTP = n.web.http.Addr().String()
	}
	if n.web.https != nil {
		a.HTTPS = n.web.https.Addr().String()
	}
	return a
}

// Settled is closed once this node's own join is complete: it stamps and emits from then on.
func (n *Node) Settled() <-chan struct{} { return n.stream.Settled() }

// MemberAddr returns the address other nodes can join, "" if there is none.
func (n *Node) MemberAddr() string {
	if n.members == nil {
		return ""
	}
	return n.members.Addr()
}
