package natsbus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amibus/amibus/bus"
)

// Config of a Bus.
type Config struct {
	Name         string       // name among the servers, unique: site/node
	RouteListen  string       // host:port for the routes of other nodes; "" is no listener, so no other nodes. Port 0 takes any.
	ClientListen string       // host:port for NATS clients that read the public plane, and nothing else; "" is no listener. Port 0 takes any.
	Trusting     bool         // clients may do everything: this server stands for the external one of others
	Insecure     bool         // listeners may be open beyond this machine without TLS and users
	Routes       *tls.Config  // both ends of a route; nil: plain
	Clients      *tls.Config  // of the listener for clients; nil: plain
	Users        Users        // who may connect to it; nil: anybody, to read the public plane
	URLs         []string     // external NATS servers: then nothing is embedded and nothing listens
	Dial         *tls.Config  // to external servers, beyond what the system trusts; nil: as the URLs say
	NKeyFile     string       // with the seed of our NKey, for external servers
	Credentials  string       // file with our JWT and seed, for external servers
	Log          *slog.Logger // required
}

// What a subscription may queue before it loses messages.
const (
	queueMessages = 512 << 10
	queueBytes    = 64 << 20
)

// flushTimeout bounds how long a call waits for the NATS server to have seen what was sent to it.
const flushTimeout = 2 * time.Second

var errDown = errors.New("natsbus: not connected to the NATS server")

// Bus is a bus.Bus over NATS. Use Start.
type Bus struct {
	log    *slog.Logger
	server *embedded // nil with external NATS
	conn   *nats.Conn
	gone   chan struct{} // closed when conn is
	inbox  string        // prefix of all subjects of replies to this Bus

	maxSilent time.Duration // a constant but in tests

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	closed func() error // Close, once

	mu       sync.Mutex
	subs     map[*subscription]struct{} // nil once closed
	services map[*service]struct{}
	calls    map[string]*call   // requests sent, by reply subject
	answers  map[string]*answer // requests being answered, by control subject
	number   uint64             // of the last call or answer
	asking   sync.WaitGroup     // Requests under way

	dropped atomic.Uint64
}

var _ bus.Bus = (*Bus)(nil)

// Start returns a connected Bus; with external NATS it connects in the background if it has to.
func Start(cfg Config) (*Bus, error) {
	b := &Bus{log: cfg.Log, gone: make(chan struct{}), maxSilent: maxSilent, inbox: nats.NewInbox() + ".", subs: make(map[*subscription]struct{}),
		services: make(map[*service]struct{}), calls: make(map[string]*call), answers: make(map[string]*answer)}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.closed = sync.OnceValue(b.close)
	if len(cfg.URLs) == 0 {
		var err error
		if b.server, err = startServer(cfg); err != nil {
			b.cancel()
			return nil, err
		}
	}
	if err := b.connect(cfg); err != nil {
		b.cancel()
		b.stopServer()
		return nil, err
	}
	if _, err := b.subscribe(b.inbox+"*", "", b.reply); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Bus) connect(cfg Config) error {
	options := []nats.Option{
		nats.Name("amibus " + cfg.Name),
		nats.NoEcho(),
		nats.MaxReconnects(-1),
		nats.ReconnectBufSize(-1), // what cannot be sent now is stale later: a mark, and much more so an action
		nats.ClosedHandler(func(*nats.Conn) { close(b.gone) }),
		nats.ErrorHandler(b.trouble),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if b.ctx.Err() == nil {
				b.log.Warn("connection to the NATS server lost, reconnecting", "error", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) { b.log.Info("connected to the NATS server", "url", c.ConnectedUrlRedacted()) }),
	}
	if b.server != nil {
		own, err := b.server.self.PublicKey()
		if err != nil {
			return fmt.Errorf("NKey: %w", err)
		}
		options = append(options, nats.InProcessServer(b.server), nats.Nkey(own, b.server.sign), nats.ReconnectWait(20*time.Millisecond))
	} else {
		options = append(options, nats.RetryOnFailedConnect(true), nats.ReconnectWait(250*time.Millisecond),
			nats.PingInterval(2*time.Second), nats.MaxPingsOutstanding(2))
		more, err := credentials(cfg)
		if err != nil {
			return err
		}
		options = append(options, more...)
	}
	conn, err := nats.Connect(strings.Join(cfg.URLs, ","), options...)
	if err != nil {
		return fmt.Errorf("connect to NATS (bus.nats.urls %v): %w", redacted(cfg.URLs), err)
	}
	b.conn = conn
	if !conn.IsConnected() {
		b.log.Warn("no NATS server answers yet, retrying", "urls", redacted(conn.Servers()), "error", conn.LastError())
	}
	return nil
}

// credentials are what external servers want to see.
func credentials(cfg Config) (options []nats.Option, err error) {
	if cfg.Dial != nil {
		options = append(options, nats.Secure(cfg.Dial))
	}
	if cfg.Credentials != "" {
		options = append(options, nats.UserCredentials(cfg.Credentials))
	}
	if cfg.NKeyFile != "" {
		nkey, err := nats.NkeyOptionFromSeed(cfg.NKeyFile)
		if err != nil {
			return nil, fmt.Errorf("bus.nats.nkey_file: %w", err)
		}
		options = append(options, nkey)
	}
	return options, nil
}

// trouble is told by the NATS client about what has no caller: mostly a subscription whose queue is full.
func (b *Bus) trouble(_ *nats.Conn, sub *nats.Subscription, err error) {
	if sub != nil {
		b.log.Warn("bus subscription loses messages", "subject", sub.Subject, "error", err)
		return
	}
	b.log.Warn("NATS client", "error", err)
}

// Publish implements bus.Bus.
func (b *Bus) Publish(subject string, data []byte) error {
	if len(subject) > bus.MaxSubject { // the server would cut the whole connection for it
		return fmt.Errorf("natsbus: subject of %d bytes refused, at most %d", len(subject), bus.MaxSubject)
	}
	if b.alone() && b.ctx.Err() == nil {
		return nil
	}
	return b.sent(b.conn.Publish(subject, data))
}

// alone tells whether there is nobody but this Bus at the embedded server, so that what is published would reach nobody: the way there alone
// wakes five goroutines.
func (b *Bus) alone() bool {
	return b.server != nil && b.server.NumRemotes() == 0 && b.server.NumClients() <= 1
}

// sent translates the errors of the NATS client's publish calls.
func (b *Bus) sent(err error) error {
	switch {
	case err == nil:
		return nil
	case b.ctx.Err() != nil:
		return bus.ErrClosed
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		return errDown
	default:
		return fmt.Errorf("natsbus: publish: %w", err)
	}
}

// Subscribe implements bus.Bus.
func (b *Bus) Subscribe(pattern string, fn func(bus.Msg)) (stop func(), err error) {
	s, err := b.subscribe(pattern, "", func(m *nats.Msg) { fn(bus.Msg{Subject: m.Subject, Data: m.Data}) })
	if err != nil {
		return nil, err
	}
	return s.stop, nil
}

// subscription calls fn, one message at a time, until it is stopped.
type subscription struct {
	bus     *Bus
	nats    *nats.Subscription
	mu      sync.Mutex // held while fn runs
	stopped bool
}

func (b *Bus) subscribe(pattern, queue string, fn func(*nats.Msg)) (*subscription, error) {
	s := &subscription{bus: b}
	if err := s.start(pattern, queue, fn); err != nil {
		return nil, err
	}
	if b.conn.IsConnected() { // so that the server knows; else it is told at the reconnect
		if err := b.conn.FlushTimeout(flushTimeout); err != nil {
			b.log.Debug("NATS server is slow to take a subscription", "subject", pattern, "error", err)
		}
	}
	return s, nil
}

func (s *subscription) start(pattern, queue string, fn func(*nats.Msg)) (err error) {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	if s.bus.subs == nil {
		return bus.ErrClosed
	}
	s.nats, err = s.bus.conn.QueueSubscribe(pattern, queue, func(m *nats.Msg) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.stopped {
			fn(m)
		}
	})
	if err == nil {
		err = s.nats.SetPendingLimits(queueMessages, queueBytes)
	}
	if err != nil {
		return fmt.Errorf("natsbus: subscribe to %s: %w", pattern, err)
	}
	s.bus.subs[s] = struct{}{}
	return nil
}

func (s *subscription) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	s.stopped = true
	if n, err := s.nats.Dropped(); err == nil {
		s.bus.dropped.Add(uint64(n))
	}
	// It fails only if the connection is closed, and then there is nothing to withdraw.
	_ = s.nats.Unsubscribe()
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	delete(s.bus.subs, s)
}

// Wanted implements bus.Bus. With external NATS nobody can know.
func (b *Bus) Wanted(subject string) bool {
	return b.server == nil || b.server.account.SubscriptionInterest(subject)
}

// Stats of a Bus, since Start.
type Stats struct {
	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64
	Dropped                 uint64 // messages lost because a subscription's queue was full
	Reconnects              uint64 // of this node to its NATS server
}

// Stats returns a snapshot.
func (b *Bus) Stats() Stats {
	n := b.conn.Stats()
	s := Stats{MessagesIn: n.InMsgs, MessagesOut: n.OutMsgs, BytesIn: n.InBytes, BytesOut: n.OutBytes, Reconnects: n.Reconnects,
		Dropped: b.dropped.Load()}
	b.mu.Lock()
	defer b.mu.Unlock()
	for sub := range b.subs {
		if n, err := sub.nats.Dropped(); err == nil {
			s.Dropped += uint64(n)
		}
	}
	return s
}

// Close implements bus.Bus.
func (b *Bus) Close() error { return b.closed() }

func (b *Bus) close() error {
	b.mu.Lock()
	b.cancel()
	services, subs := slices.Collect(maps.Keys(b.services)), slices.Collect(maps.Keys(b.subs))
	b.subs = nil
	b.mu.Unlock()
	for _, s := range services { // the answers' ends still go out
		s.stop()
	}
	b.asking.Wait()
	for _, s := range subs {
		s.stop()
	}
	if b.conn.IsConnected() {
		if err := b.conn.FlushTimeout(flushTimeout); err != nil {
			b.log.Debug("NATS server is slow to take the last messages", "error", err)
		}
	}
	b.conn.Close()
	<-b.gone
	b.stopServer()
	return nil
}

func (b *Bus) stopServer() {
	if b.server != nil {
		b.server.stop()
	}
}

// redacted drops user names and passwords from URLs.
func redacted(urls []string) []string {
	urls = slices.Clone(urls)
	for i, u := range urls {
		if scheme, rest, ok := strings.Cut(u, "://"); ok {
			urls[i] = scheme + "://" + rest[strings.LastIndexByte(rest, '@')+1:]
		}
	}
	return urls
}
