package member

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

const (
	defaultRejoin   = 5 * time.Second
	defaultPatience = 30 * time.Second
	// defaultGrace is how long the way to a node that died is kept. A partition makes nodes look dead, and the way must be there when it
	// heals.
	defaultGrace  = 10 * time.Minute
	streamTimeout = 2 * time.Second // to connect to another, and for each read and write then
	leaveWait     = 500 * time.Millisecond
	updateWait    = 2 * time.Second
	// reclaimAfter lets a node that was declared dead come back at another address, as a pod does.
	reclaimAfter = time.Second
	// forgetAfter is how long a node that died is tried to be reached. One that left is forgotten at once.
	forgetAfter = 24 * time.Hour
)

// Config of a List.
type Config struct {
	Site, Name string           // of this node
	Listen     string           // ip:port, UDP and TCP; port 0 takes any
	Advertise  string           // IP address at which the others reach this node; empty: that of Listen, or a private one of this machine
	Insecure   bool             // Listen may be open beyond this machine without Keys
	Join       []string         // addresses (host:port) of others; names are resolved at every attempt
	Keys       [][]byte         // AES keys of 16, 24 or 32 bytes: the first encrypts, all decrypt; none is no encryption
	Rejoin     time.Duration    // between attempts to reach who is missing; 0 is 5 s
	Patience   time.Duration    // how long two nodes may have one name before the newcomer is refused; 0 is 30 s
	Self       *amibuspb.Member // what to tell about this node; site, node and schema are filled in
	Log        *slog.Logger     // required
	Grace      time.Duration    // how long one that died is told of to Changed; 0 is 10 min
	// Changed is called with the others that are alive, and those that died in the last Grace and did not say that they leave, when
	// these change; may be nil.
	Changed func(alive, missing []*amibuspb.Member)

	tune func(*memberlist.Config) // tests: probe faster
}

// List is the membership as this node sees it. Use Start.
type List struct {
	cfg     Config
	name    string // site/node
	own     string // our address
	ml      *memberlist.Memberlist
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	wake    chan struct{} // capacity 1: table has changed
	work    sync.WaitGroup
	closing func() error
	keyring *memberlist.Keyring // nil without encryption

	updating sync.Mutex // held by Update
	mu       sync.Mutex // for all that follows; callbacks of memberlist take it, so nobody calls memberlist with it held
	self     *amibuspb.Member
	meta     []byte            // self, marshalled
	table    map[string]*peer  // everybody else known, by site/node
	clashes  map[string]*clash // by site/node
	rival    string            // address of another node with our name, as somebody said since the last question
	granted  bool              // somebody said, since then, that our name is ours
	claimed  bool              // our name is ours
	failing  map[string]bool   // addresses that were not reachable at the last attempt
	joined   bool

	unreachable, conflicts, incompatible, undecryptable atomic.Uint64

	keysTold atomic.Int64 // Unix ns, when it was last logged that keys differ
}

// peer is what memberlist says about another node.
type peer struct {
	addr   string
	meta   []byte
	fresh  bool             // meta is not decoded yet
	member *amibuspb.Member // nil if meta is of no use
	died   time.Time        // zero while it is alive

	leaving bool // it has said so
}

// Start listens, tells the others about this node and makes a first attempt to reach them. That nobody can be reached is
// logged, counted and tried again, but is no error.
func Start(cfg Config) (*List, error) {
	cfg.Rejoin, cfg.Patience = cmp.Or(cfg.Rejoin, defaultRejoin), cmp.Or(cfg.Patience, defaultPatience)
	cfg.Grace = cmp.Or(cfg.Grace, defaultGrace)
	l := &List{cfg: cfg, name: cfg.Site + "/" + cfg.Name, wake: make(chan struct{}, 1), table: make(map[string]*peer),
		clashes: make(map[string]*clash), failing: make(map[string]bool)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.closing = sync.OnceValue(l.close)
	if err := l.setSelf(cfg.Self); err != nil {
		l.cancel()
		return nil, err
	}
	if err := l.start(); err != nil {
		l.cancel()
		return nil, err
	}
	l.rejoin()
	l.work.Go(l.run)
	l.work.Go(l.rejoinLoop)
	return l, nil
}

func (l *List) start() error {
	c := memberlist.DefaultLANConfig()
	c.Name = l.name
	c.Label = "amibus" // two products on one port do not take each other for members
	c.TCPTimeout = streamTimeout
	c.DeadNodeReclaimTime = reclaimAfter
	// A node that comes back at another address before it was found dead is refused, and does not know. The next exchange of the whole
	// state, with anybody, tells; memberlist's own 30 s would keep it unknown for as long.
	c.PushPullInterval = l.cfg.Rejoin
	d := &delegate{l}
	c.Delegate, c.Events, c.Conflict, c.Alive = d, d, d, d
	c.Logger = log.New(logWriter{l}, "", 0)
	if l.cfg.tune != nil {
		l.cfg.tune(c)
	}
	if err := l.encrypt(c); err != nil {
		return err
	}
	if !bus.Loopback(l.cfg.Listen) && len(l.cfg.Keys) == 0 && !l.cfg.Insecure {
		return fmt.Errorf("bus.member.listen %q: would be open beyond this machine without encryption; set bus.member.key_file or use "+
			"a loopback address", l.cfg.Listen)
	}
	t, err := listen(l.ctx, l.cfg.Listen, c.Logger)
	if err != nil {
		return err
	}
	c.Transport = t
	if l.cfg.Advertise != "" {
		c.AdvertiseAddr, c.AdvertisePort = l.cfg.Advertise, t.GetAutoBindPort()
	}
	ip, port, err := t.FinalAdvertiseAddr(c.AdvertiseAddr, c.AdvertisePort)
	if err != nil {
		return errors.Join(fmt.Errorf("bus.member.listen %q: %w; bus.member.advertise says at which address the others reach this node", l.cfg.Listen, err),
			t.Shutdown())
	}
	l.own = net.JoinHostPort(ip.String(), fmt.Sprint(port))
	if l.ml, err = memberlist.Create(c); err != nil {
		return errors.Join(fmt.Errorf("bus.member.listen %q: %w", l.cfg.Listen, err), t.Shutdown())
	}
	return nil
}

// Others returns the other nodes that are alive, ordered by site and name.
func (l *List) Others() []*amibuspb.Member {
	l.mu.Lock()
	defer l.mu.Unlock()
	alive, _ := l.known()
	return alive
}

// known returns those that are alive, and those that died not too long ago.
func (l *List) known() (alive, missing []*amibuspb.Member) {
	for _, name := range slices.Sorted(maps.Keys(l.table)) {
		p := l.table[name]
		l.decode(name, p)
		switch {
		case p.member == nil:
		case p.died.IsZero():
			alive = append(alive, proto.CloneOf(p.member))
		case time.Since(p.died) < l.cfg.Grace:
			missing = append(missing, proto.CloneOf(p.member))
		}
	}
	return alive, missing
}

// decode reads what a node tells about itself, once.
func (l *List) decode(name string, p *peer) {
	if !p.fresh {
		return
	}
	p.fresh, p.member = false, nil
	m := new(amibuspb.Member)
	if err := proto.Unmarshal(p.meta, m); err != nil {
		l.incompatible.Add(1)
		l.cfg.Log.Warn("member ignored: cannot read what it tells about itself", "node", name, "address", p.addr, "error", err)
		return
	}
	if m.Schema != wire.Schema || m.Site+"/"+m.Node != name {
		l.incompatible.Add(1)
		l.cfg.Log.Warn("member ignored: it speaks another schema version; run the same amibus version everywhere", "node", name,
			"address", p.addr, "schema", m.Schema, "own_schema", wire.Schema, "version", m.Version)
		return
	}
	m.Route, m.Ami = reachable(m.Route, p.addr), reachable(m.Ami, p.addr)
	p.member = m
}

// reachable is the address of a listener that a node tells of: one on all interfaces is where the node itself is.
func reachable(addr, node string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err != nil || host != "" && (ip == nil || !ip.IsUnspecified()) {
		return addr
	}
	at, _, err := net.SplitHostPort(node)
	if err != nil {
		return addr
	}
	return net.JoinHostPort(at, port)
}

// Addr returns the address other nodes join, host:port.
func (l *List) Addr() string { return l.own }

// Joined tells whether another node was ever reached, or none was configured.
func (l *List) Joined() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.joined || len(l.cfg.Join) == 0
}

// Stats of a List; the counters are since Start.
type Stats struct {
	Alive         int    // others that are alive, and understood
	Missing       int    // others that died and are not forgotten
	Unreachable   uint64 // attempts to join an address that failed
	Conflicts     uint64 // times a node was seen that has the name of another
	Undecryptable uint64 // messages, in or out, refused for want of the right key
	Incompatible  uint64 // times a node was seen that speaks another schema version, or nonsense
}

// Stats returns a snapshot.
func (l *List) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	alive, _ := l.known()
	s := Stats{Alive: len(alive), Unreachable: l.unreachable.Load(), Conflicts: l.conflicts.Load(),
		Incompatible: l.incompatible.Load(), Undecryptable: l.undecryptable.Load()}
	for _, p := range l.table {
		if !p.died.IsZero() {
			s.Missing++
		}
	}
	return s
}

// run hands on what memberlist has told.
func (l *List) run() {
	var lastAlive, lastMissing []*amibuspb.Member
	for {
		select {
		case <-l.wake:
		case <-l.ctx.Done():
			return
		}
		l.mu.Lock()
		alive, missing := l.known()
		l.judge(time.Now())
		l.mu.Unlock()
		if l.cfg.Changed != nil && !(same(alive, lastAlive) && same(missing, lastMissing)) {
			l.cfg.Changed(alive, missing)
		}
		lastAlive, lastMissing = alive, missing
	}
}

func same(a, b []*amibuspb.Member) bool {
	return slices.EqualFunc(a, b, func(a, b *amibuspb.Member) bool { return proto.Equal(a, b) })
}

// Close tells the others that this node leaves, within a second, and stops. If the name is another node's, it only stops: the others
// would believe that the other one leaves.
func (l *List) Close() error { return l.closing() }

func (l *List) close() error {
	l.cancel()
	l.work.Wait()
	l.updating.Lock()
	defer l.updating.Unlock()
	if !l.contested() {
		l.leave()
	}
	if err := l.ml.Shutdown(); err != nil {
		return fmt.Errorf("member %s: %w", l.name, err)
	}
	return nil
}

// leave says so twice, as a packet may be lost and whoever has not heard it looks for us in vain for a while.
func (l *List) leave() {
	others := l.alive()
	l.farewell(others)
	if err := l.ml.Leave(leaveWait); err != nil {
		l.cfg.Log.Debug("nobody has taken note that this node leaves", "error", err)
	}
	l.farewell(others)
}

func (l *List) farewell(to map[string]string) {
	for name, addr := range to {
		if err := l.ml.SendToAddress(memberlist.Address{Addr: addr, Name: name}, []byte(l.name)); err != nil {
			l.cfg.Log.Debug("cannot tell a member that this node leaves", "node", name, "error", err)
		}
	}
}

// alive returns the address of every other node that is alive. The table is asked, not memberlist: its Members are its own nodes, which it
// goes on writing to.
func (l *List) alive() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	addrs := make(map[string]string)
	for name, p := range l.table {
		if p.died.IsZero() {
			addrs[name] = p.addr
		}
	}
	return addrs
}

// at is a node's address.
func at(n *memberlist.Node) string { return net.JoinHostPort(n.Addr.String(), fmt.Sprint(n.Port)) }
