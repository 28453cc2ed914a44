package natsbus

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amibus/amibus/bus"
)

// authority makes certificates for the tests.
type authority struct {
	t    testing.TB
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	n    int64
}

func newAuthority(t testing.TB) *authority {
	a := &authority{t: t}
	a.cert, a.key = a.issue(nil)
	return a
}

func (a *authority) issue(hosts []net.IP) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	a.n++
	c := &x509.Certificate{SerialNumber: big.NewInt(a.n), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: hosts,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true, IsCA: hosts == nil,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

// config is that of a node, for routes and clients.
func (a *authority) config() *tls.Config {
	cert, key := a.issue([]net.IP{net.IPv4(127, 0, 0, 1)})
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}, RootCAs: pool, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13}
}

// forClients is that of the listener for clients, who have no certificate.
func (a *authority) forClients() *tls.Config {
	c := a.config()
	c.ClientAuth, c.ClientCAs = tls.NoClientCert, nil
	return c
}

// users are one of each role, with their seeds in files.
func users(t *testing.T) (all Users, seeds map[Role]string) {
	all, seeds = Users{}, map[Role]string{}
	for _, role := range []Role{Monitor, Operator, System, "nobody"} {
		seed, public, err := NewUser()
		if err != nil {
			t.Fatal(err)
		}
		if role != "nobody" {
			all[public] = role
		}
		seeds[role] = filepath.Join(t.TempDir(), string(role))
		if err := os.WriteFile(seeds[role], []byte(seed), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return all, seeds
}

// TestRoles: on a cluster with TLS between the servers and for clients, a monitor at any of them reads the public plane and nothing else, an
// operator also has actions run, who is not known is refused; all of it after the routes have changed, too.
func TestRoles(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	known, seeds := users(t)
	nodes := make([]*Bus, 3)
	for i := range nodes {
		nodes[i] = start(t, Config{Name: "default/" + string(rune('a'+i)), RouteListen: "127.0.0.1:0", ClientListen: "127.0.0.1:0", Routes: ca.config(),
			Clients: ca.forClients(), Users: known})
		if err := nodes[i].SetRoutes([]string{nodes[0].RouteAddr()}); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range nodes {
		if err := n.WaitRoutes(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
	}
	stop, err := nodes[2].Serve(bus.SubjectAction("default", "c"), func(_ context.Context, req []byte, send func([]byte) error) error {
		for range 40 { // more than may be under way
			if err := send([]byte(strings.Repeat("x", 20000))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	event := string(bus.AppendSubjectEvent(nil, "call", "default", "a", []byte("1")))
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	dial := func(at *Bus, role Role) (*nats.Conn, error) {
		key, err := nats.NkeyOptionFromSeed(seeds[role])
		if err != nil {
			t.Fatal(err)
		}
		inbox := "_INBOX_mon"
		for k, r := range known {
			if r == role {
				inbox = InboxOf(k)
			}
		}
		return nats.Connect("tls://"+at.ClientAddr(), key, nats.CustomInboxPrefix(inbox), nats.Secure(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}),
			nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	}
	if _, err := dial(nodes[0], "nobody"); err == nil {
		t.Error("an NKey that nobody knows may connect")
	}
	if c, err := nats.Connect("nats://"+nodes[0].ClientAddr(), nats.Secure(&tls.Config{RootCAs: pool})); err == nil {
		c.Close()
		t.Error("who has no NKey may connect")
	}
	for i, at := range nodes {
		monitor, err := dial(at, Monitor)
		if err != nil {
			t.Fatal(err)
		}
		defer monitor.Close()
		got := make(chan string, 100)
		for _, subject := range []string{bus.EventPattern, bus.FramePattern, bus.ActionPattern, ">", "_INBOX.>", "$SYS.>"} {
			if _, err := monitor.Subscribe(subject, func(m *nats.Msg) { got <- subject + " " + m.Subject }); err != nil {
				t.Fatal(err)
			}
		}
		if err := monitor.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := monitor.Publish(bus.SubjectFrame("default", "evil"), []byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := monitor.Request(bus.SubjectAction("default", "c"), nil, 300*time.Millisecond); err == nil {
			t.Error("a monitor may send an action")
		}
		await(t, "interest has spread", func() bool { return nodes[0].Wanted(event) })
		if err := at.SetRoutes([]string{nodes[(i+1)%3].RouteAddr(), nodes[(i+2)%3].RouteAddr()}); err != nil { // reloads the server's options
			t.Fatal(err)
		}
		for _, subject := range []string{event, bus.SubjectFrame("default", "a")} {
			if err := nodes[0].Publish(subject, []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case what := <-got:
			if what != bus.EventPattern+" "+event {
				t.Errorf("a monitor gets %s", what)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("a monitor at node %d gets nothing", i)
		}
		time.Sleep(100 * time.Millisecond)
		select {
		case what := <-got:
			t.Errorf("a monitor gets %s, too", what)
		default:
		}
		monitor.Close()

		operator, err := dial(at, Operator)
		if err != nil {
			t.Fatal(err)
		}
		chunks := 0
		inbox := operator.NewRespInbox()
		answers, err := operator.SubscribeSync(inbox)
		if err != nil {
			t.Fatal(err)
		}
		if err := operator.PublishRequest(bus.SubjectAction("default", "c"), inbox, []byte("x")); err != nil {
			t.Fatal(err)
		}
		for chunks < 40 {
			m, err := answers.NextMsg(10 * time.Second)
			if err != nil {
				t.Fatalf("an operator at node %d gets %d of 40 chunks: %v", i, chunks, err)
			}
			if chunks++; chunks%grant == 0 {
				if err := operator.PublishMsg(&nats.Msg{Subject: m.Reply, Header: nats.Header{headCredit: {m.Header.Get(headChunk)}}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := operator.Publish(event, []byte("forged")); err != nil {
			t.Fatal(err)
		}
		_ = operator.Flush()
		if err := operator.LastError(); err == nil || !strings.Contains(strings.ToLower(err.Error()), "permissions violation") {
			t.Errorf("an operator may forge events: %v", err)
		}
		operator.Close()
	}
	sys, err := dial(nodes[1], System)
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	if m, err := sys.Request("$SYS.REQ.SERVER.PING", nil, 10*time.Second); err != nil || !strings.Contains(string(m.Data), "default/") {
		t.Errorf("system: %v", err)
	}
	// An NKey that is taken out of the file is refused.
	if err := nodes[1].SetUsers(Users{}); err != nil {
		t.Error(err)
	}
	await(t, "the system user is cut off", func() bool { return !sys.IsConnected() })
	if _, err := dial(nodes[1], Monitor); err == nil {
		t.Error("a monitor that is not in the list any more may connect")
	}
}

// TestForeignRoute: who has no certificate, or one of another authority, gets no route.
func TestForeignRoute(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	home := start(t, Config{Name: "default/home", RouteListen: "127.0.0.1:0", Routes: ca.config()})
	friend := start(t, Config{Name: "default/friend", RouteListen: "127.0.0.1:0", Routes: ca.config()})
	plain := start(t, Config{Name: "default/plain", RouteListen: "127.0.0.1:0"})
	foreign := start(t, Config{Name: "default/foreign", RouteListen: "127.0.0.1:0", Routes: newAuthority(t).config()})
	for _, b := range []*Bus{plain, foreign, friend} {
		if err := b.SetRoutes([]string{home.RouteAddr()}); err != nil {
			t.Fatal(err)
		}
	}
	if err := friend.WaitRoutes(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	if home.Routes() != 1 || plain.Routes()+foreign.Routes() > 0 {
		t.Errorf("routes: home %d, plain %d, foreign %d", home.Routes(), plain.Routes(), foreign.Routes())
	}
}

// TestListenersBeyond: none is open beyond this machine without credentials, unless that is said.
func TestListenersBeyond(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	known, _ := users(t)
	for _, k := range []struct {
		cfg Config
		ok  bool
	}{
		{Config{RouteListen: "0.0.0.0:0"}, false},
		{Config{RouteListen: "0.0.0.0:0", Routes: ca.config()}, true},
		{Config{RouteListen: "0.0.0.0:0", Insecure: true}, true},
		{Config{ClientListen: "0.0.0.0:0"}, false},
		{Config{ClientListen: "0.0.0.0:0", Clients: ca.forClients()}, false},
		{Config{ClientListen: "0.0.0.0:0", Users: known}, false},
		{Config{ClientListen: "0.0.0.0:0", Users: known, Clients: ca.forClients()}, true},
	} {
		k.cfg.Name, k.cfg.Log = "default/x", quiet(t)
		b, err := Start(k.cfg)
		if (err == nil) != k.ok {
			t.Errorf("%+v: %v", k.cfg, err)
		}
		if b != nil {
			_ = b.Close()
		}
	}
}

// TestParseUsers names the line of what is wrong.
func TestParseUsers(t *testing.T) {
	t.Parallel()
	_, public, err := NewUser()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseUsers([]byte("# who may look\n\nmon " + public + "  grafana # the wall\n"))
	if err != nil || len(got) != 1 || got[public] != Monitor {
		t.Errorf("%v %v", got, err)
	}
	for text, want := range map[string]string{
		"mon " + public + "\nops " + public: "line 2: this NKey stands there twice",
		"root " + public:                    `line 1: "root" is no role; use mon, ops or sys`,
		"\nmon SUAX":                        "line 2: want mon and the public NKey of a user, U...; amibus keygen makes one",
	} {
		if _, err := ParseUsers([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
