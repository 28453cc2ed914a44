package natsbus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/amibus/amibus/bus"
)

// cluster is the name all servers of a bus share: NATS refuses a route to another.
const cluster = "amibus"

// Limits of the embedded server.
const (
	maxPayload = 8 << 20
	maxPending = 256 << 20 // what a client may lag before it is cut
	startWait  = 10 * time.Second
	tlsTimeout = 5 // seconds, for a handshake
)

// embedded is the NATS server in this process.
type embedded struct {
	*server.Server
	account *server.Account // the one everybody is in
	clients bool            // others may connect
	self    nkeys.KeyPair   // of this process
	reader  string          // the NKey of who has none; empty: such a client is refused

	mu     sync.Mutex
	base   *server.Options // as at the start, without routes
	routes []string        // sorted
}

func startServer(cfg Config) (*embedded, error) {
	opts := &server.Options{
		ServerName: cfg.Name,
		DontListen: true,
		NoSigs:     true,
		MaxPayload: maxPayload,
		MaxPending: maxPending,
		// A client that is slow to read the public plane loses messages; it must not make the node wait.
		NoFastProducerStall: true,
		Cluster: server.ClusterOpts{
			Name:     cluster,
			PoolSize: -1, // one connection per route: a third of the CPU and half of the memory (bus.md 1)
			// A link that is cut without a word is noticed after 2 s (bus.md 5).
			PingInterval: time.Second,
			MaxPingsOut:  2,
			NoAdvertise:  true, // of the client listeners of the others
		},
	}
	e := new(embedded)
	var err error
	if cfg.RouteListen != "" {
		safe := cfg.Insecure || cfg.Routes != nil
		if opts.Cluster.Host, opts.Cluster.Port, err = listenAddr("bus.nats.route_listen", cfg.RouteListen, safe); err != nil {
			return nil, err
		}
		if cfg.Routes != nil {
			opts.Cluster.TLSConfig, opts.Cluster.TLSTimeout = cfg.Routes, tlsTimeout
		}
	}
	if cfg.ClientListen != "" {
		opts.DontListen = false
		safe := cfg.Insecure || cfg.Clients != nil && cfg.Users != nil
		if opts.Host, opts.Port, err = listenAddr("bus.nats.client_listen", cfg.ClientListen, safe); err != nil {
			return nil, err
		}
		if cfg.Clients != nil {
			opts.TLSConfig, opts.TLS, opts.TLSTimeout = cfg.Clients, true, tlsTimeout
		}
	} else if cfg.RouteListen != "" {
		// The server opens its routes only after a listener for clients, whatever DontListen says. So it has one, that lets
		// nobody in.
		opts.DontListen, opts.Host, opts.Port = false, "127.0.0.1", server.RANDOM_PORT
	}
	e.clients = cfg.ClientListen != ""
	if err := e.admit(cfg); err != nil {
		return nil, err
	}
	if opts.Nkeys, opts.NoAuthUser = e.keys(cfg.Users), e.reader; cfg.Trusting {
		opts.Nkeys, opts.NoAuthUser, opts.CustomClientAuthentication, opts.AlwaysEnableNonce = nil, "", anybody{}, true
	}
	e.base = opts.Clone()
	if e.Server, err = server.NewServer(opts); err != nil {
		return nil, fmt.Errorf("embedded NATS server: %w", err)
	}
	if err := e.run(cfg.Log); err != nil {
		e.stop()
		return nil, err
	}
	e.account = e.GlobalAccount()
	return e, nil
}

// SetUsers says anew who may connect to the listener for clients. Who may not any more is cut off.
func (b *Bus) SetUsers(users Users) error {
	if b.server == nil || users == nil {
		return nil
	}
	e := b.server
	e.mu.Lock()
	defer e.mu.Unlock()
	e.base.Nkeys = e.keys(users)
	return e.reload(e.routes)
}

// run starts the server and waits until it listens.
func (e *embedded) run(log *slog.Logger) error {
	l := &logger{log: log.With("component", "nats-server"), fatal: make(chan string, 1)}
	e.SetLoggerV2(l, false, false, false)
	e.Start()
	for deadline := time.Now().Add(startWait); time.Now().Before(deadline); {
		if e.ReadyForConnections(100 * time.Millisecond) {
			return nil
		}
		select {
		case text := <-l.fatal:
			return fmt.Errorf("embedded NATS server: %s", text)
		default:
		}
	}
	return fmt.Errorf("embedded NATS server: not ready after %v", startWait)
}

func (e *embedded) stop() {
	e.Shutdown()
	e.WaitForShutdown()
}

// listenAddr checks an address to listen on and takes it apart. One that is not safe must be of this machine. key is its name in the configuration.
func listenAddr(key, addr string, safe bool) (host string, port int, err error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("%s %q: want host:port: %w", key, addr, err)
	}
	if port, err = strconv.Atoi(portText); err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("%s %q: port is not a number from 0 to 65535", key, addr)
	}
	if !safe && !bus.Loopback(addr) {
		return "", 0, fmt.Errorf("%s %q: would be open beyond this machine without credentials; use a loopback address such as 127.0.0.1:%d, or set "+
			"bus.nats.tls (and bus.nats.users_file for clients)", key, addr, port)
	}
	// The server would only log it, so try first.
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", 0, fmt.Errorf("%s %q: cannot listen there, choose a free address: %w", key, addr, err)
	}
	if err := l.Close(); err != nil {
		return "", 0, fmt.Errorf("%s %q: %w", key, addr, err)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// RouteAddr returns the address other nodes route to, "" if there is none.
func (b *Bus) RouteAddr() string {
	if b.server == nil || b.server.ClusterAddr() == nil {
		return ""
	}
	return b.server.ClusterAddr().String()
}

// ClientAddr returns the address NATS clients connect to, "" if there is none.
func (b *Bus) ClientAddr() string {
	if b.server == nil || !b.server.clients || b.server.Addr() == nil {
		return ""
	}
	return b.server.Addr().String()
}

// SetRoutes says at which addresses (host:port) the other nodes are. A route to each is tried for ever; routes to addresses no
// longer named are closed. Nothing happens if nothing has changed. With external NATS there are no routes.
func (b *Bus) SetRoutes(addrs []string) error {
	if b.server == nil {
		return nil
	}
	own := b.RouteAddr()
	addrs = slices.DeleteFunc(slices.Clone(addrs), func(a string) bool { return a == "" || a == own })
	slices.Sort(addrs)
	addrs = slices.Compact(addrs)
	if len(addrs) > 0 && own == "" {
		return errors.New("bus.nats.route_listen is empty: no routes to other nodes")
	}
	e := b.server
	e.mu.Lock()
	defer e.mu.Unlock()
	if slices.Equal(addrs, e.routes) {
		return nil
	}
	if err := e.reload(addrs); err != nil {
		return err
	}
	e.routes = addrs
	return nil
}

// reload needs mu.
func (e *embedded) reload(routes []string) error {
	opts := e.base.Clone()
	for _, addr := range routes {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return fmt.Errorf("route to %q: want host:port: %w", addr, err)
		}
		opts.Routes = append(opts.Routes, &url.URL{Scheme: "nats-route", Host: addr})
	}
	if err := e.ReloadOptions(opts); err != nil {
		return fmt.Errorf("routes to %v: %w", routes, err)
	}
	return nil
}

// Routes returns the number of servers there is a live route to.
func (b *Bus) Routes() int {
	if b.server == nil {
		return 0
	}
	return b.server.NumRemotes()
}

// WaitRoutes waits for at least n live routes; with external NATS, for the connection.
func (b *Bus) WaitRoutes(ctx context.Context, n int) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if b.server == nil && b.conn.IsConnected() || b.server != nil && b.Routes() >= n {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-b.ctx.Done():
			return bus.ErrClosed
		}
	}
}
