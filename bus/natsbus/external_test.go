package natsbus

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/bustest"
)

// natsServer builds the server of the module, once.
var natsServer = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "amibus-nats-server")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "nats-server")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build nats-server: %w: %s", err, out)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if binary, err := natsServer(); err == nil {
		os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

// outside is a cluster of nats-server processes, with TLS, one user by NKey, and nothing else.
type outside struct {
	t       *testing.T
	dir     string
	dial    *tls.Config
	seed    string // file
	ports   []int  // of clients
	servers []*exec.Cmd
}

func newOutside(t *testing.T) *outside {
	t.Helper()
	binary, err := natsServer()
	if err != nil {
		t.Skipf("SKIPPED, the external cluster cannot be built: %v", err)
	}
	o := &outside{t: t, dir: t.TempDir()}
	ca := newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	o.dial = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	cert, key := ca.issue([]net.IP{net.IPv4(127, 0, 0, 1)})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	seed, public, err := NewUser()
	if err != nil {
		t.Fatal(err)
	}
	o.seed = o.write("seed", []byte(seed))
	crt := o.write("server.crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	private := o.write("server.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	var routes []string
	ports := freePorts(t, 6)
	for _, p := range ports[3:] {
		routes = append(routes, fmt.Sprintf("nats-route://127.0.0.1:%d", p))
	}
	o.ports = ports[:3]
	for i := range o.ports {
		o.write(fmt.Sprintf("%d.conf", i), fmt.Appendf(nil, `server_name: n%d
listen: 127.0.0.1:%d
max_payload: 8MB
tls { cert_file: %q, key_file: %q }
authorization { users: [ { nkey: %s } ] }
cluster { name: outside, listen: 127.0.0.1:%d, routes: [%s] }
`, i, o.ports[i], crt, private, public, ports[3+i], strings.Join(routes, ", ")))
		o.servers = append(o.servers, nil)
		o.run(binary, i)
	}
	t.Cleanup(func() {
		for i := range o.servers {
			o.kill(i)
		}
	})
	return o
}

func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func (o *outside) write(name string, text []byte) string {
	o.t.Helper()
	path := filepath.Join(o.dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		o.t.Fatal(err)
	}
	return path
}

func (o *outside) run(binary string, i int) {
	o.t.Helper()
	o.servers[i] = exec.Command(binary, "-c", filepath.Join(o.dir, fmt.Sprintf("%d.conf", i)))
	if err := o.servers[i].Start(); err != nil {
		o.t.Fatal(err)
	}
	await(o.t, "the server listens", func() bool {
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", o.ports[i]), time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func (o *outside) kill(i int) {
	_ = o.servers[i].Process.Kill()
	_ = o.servers[i].Wait()
}

// bus connects to the servers, one of them first.
func (o *outside) bus(t testing.TB, name string, first int) *Bus {
	var urls []string
	for i := range o.ports {
		urls = append(urls, fmt.Sprintf("tls://127.0.0.1:%d", o.ports[(first+i)%len(o.ports)]))
	}
	return start(t, Config{Name: name, URLs: urls, Dial: o.dial, NKeyFile: o.seed})
}

// TestBusExternalCluster: the suite over three servers of their own, with TLS and an NKey.
func TestBusExternalCluster(t *testing.T) {
	o := newOutside(t)
	bustest.TestBus(t, func(t *testing.T, n int) []bus.Bus {
		all := make([]bus.Bus, n)
		for i := range all {
			all[i] = spreading{o.bus(t, fmt.Sprint(i), i)}
		}
		return all
	})
}

// spreading waits a moment until all servers know that somebody listens: with servers of others nobody can tell, and what is sent before that
// is lost. The stream repairs such losses; the suite does not.
type spreading struct{ *Bus }

func (s spreading) Subscribe(pattern string, fn func(bus.Msg)) (func(), error) {
	stop, err := s.Bus.Subscribe(pattern, fn)
	time.Sleep(200 * time.Millisecond)
	return stop, err
}

func (s spreading) Serve(subject string, h bus.Handler) (func(), error) {
	stop, err := s.Bus.Serve(subject, h)
	time.Sleep(200 * time.Millisecond)
	return stop, err
}

// TestExternalKills: the servers are killed one after the other, and come back. The buses find another one, and each other.
func TestExternalKills(t *testing.T) {
	t.Parallel()
	o := newOutside(t)
	binary, _ := natsServer()
	a, b := o.bus(t, "a", 0), o.bus(t, "b", 1)
	got := make(chan string, 100000)
	if _, err := b.Subscribe("news", func(m bus.Msg) { got <- string(m.Data) }); err != nil {
		t.Fatal(err)
	}
	for i := range o.ports {
		o.kill(i)
		time.Sleep(100 * time.Millisecond)
		word := fmt.Sprintf("after kill %d", i)
		deadline := time.Now().Add(30 * time.Second)
		for heard := false; !heard; {
			_ = a.Publish("news", []byte(word)) // it may not be connected yet
			select {
			case w := <-got:
				heard = w == word
			case <-time.After(20 * time.Millisecond):
			}
			if time.Now().After(deadline) {
				t.Fatalf("server %d was killed, and nothing gets through any more", i)
			}
		}
		o.run(binary, i)
		await(t, "the server is back in the cluster", func() bool { return a.conn.IsConnected() && b.conn.IsConnected() })
		time.Sleep(time.Second)
	}
}

// TestExternalStrangers: without the NKey nobody gets in.
func TestExternalStrangers(t *testing.T) {
	t.Parallel()
	o := newOutside(t)
	if c, err := nats.Connect(fmt.Sprintf("tls://127.0.0.1:%d", o.ports[0]), nats.Secure(o.dial)); err == nil {
		c.Close()
		t.Error("who has no NKey may connect")
	}
	if _, err := Start(Config{Name: "x", URLs: []string{"nats://127.0.0.1:1"}, NKeyFile: filepath.Join(o.dir, "none"), Log: quiet(t)}); err == nil ||
		!strings.Contains(err.Error(), "bus.nats.nkey_file") {
		t.Errorf("a file that is not there: %v", err)
	}
}
