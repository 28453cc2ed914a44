package forward_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/membus"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/node/forward"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/translator"
)

// source answers with its name, the headers it got, and whatever run adds.
type source struct {
	name string
	run  func(ctx context.Context, m *ami.Message, reply func(*ami.Message) error) error
}

func (s *source) Do(ctx context.Context, m *ami.Message, reply func(*ami.Message) error) error {
	if s.run != nil {
		return s.run(ctx, m, reply)
	}
	out := ami.New("Response", "Success")
	if id := m.Get("ActionID"); len(id) > 0 {
		out.Add("ActionID", string(id))
	}
	out.Add("Ran-On", s.name)
	for i := range m.Len() {
		out.Add("Got", string(m.Line(i)))
	}
	return reply(out)
}

type notExecuted struct{ error }

func (notExecuted) NotExecuted() bool { return true }

var _ forward.Rewriter = (*translator.Origin)(nil)

// marker is a Rewriter that shows that it was used.
type marker string

func (k marker) AppendAction(dst []byte, m *ami.Message) []byte {
	return append(dst, m.Clone().Add("Rewritten-By", string(k)).Bytes()...)
}
func (k marker) AppendAnswer(dst []byte, m *ami.Message) []byte {
	return append(dst, m.Clone().Add("SystemName", string(k)).Bytes()...)
}

// cluster is four nodes over a membus: alpha, bravo, charlie, and watch, which has no source. Bravo exists in another site, too.
type cluster struct {
	net     *membus.Net
	buses   map[string]*membus.Bus
	sources map[string]*source
	routers map[string]*forward.Router
	counter atomic.Uint64 // of the actions
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{net: membus.NewNet(), buses: map[string]*membus.Bus{}, sources: map[string]*source{}, routers: map[string]*forward.Router{}}
	served := []merge.Node{{Site: "east", Name: "alpha"}, {Site: "east", Name: "bravo"}, {Site: "west", Name: "bravo"}, {Site: "east", Name: "charlie"},
		{Site: "east", Name: "watch"}}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	t.Cleanup(func() { cancel(); wg.Wait() })
	for _, self := range served {
		key := self.String()
		c.buses[key] = c.net.Bus(key)
		cfg := forward.Config{Self: self, Epoch: 7, Bus: c.buses[key]}
		if self.Name != "watch" {
			c.sources[key] = &source{name: key}
			cfg.Source, cfg.Origin = c.sources[key], marker(key)
		}
		r := forward.New(cfg)
		c.routers[key] = r
		wg.Go(func() {
			if err := r.Serve(ctx); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		})
	}
	for _, self := range served {
		waitServed(t, c.net.Bus("probe/"+self.Name+self.Site), self)
	}
	return c
}

// waitServed waits until the node's subject is served.
func waitServed(t *testing.T, b bus.Bus, n merge.Node) {
	t.Helper()
	defer b.Close()
	deadline := time.Now().Add(5 * time.Second)
	for {
		err := b.Request(t.Context(), bus.SubjectAction(n.Site, n.Name), []byte{0xff}, func([]byte) error { return nil })
		if !errors.Is(err, bus.ErrNoResponder) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not served", n)
		}
	}
}

// node is the one of a name or site/name; east if only the name is given.
func node(name string) merge.Node {
	if site, name, ok := strings.Cut(name, "/"); ok {
		return merge.Node{Site: site, Name: name}
	}
	return merge.Node{Site: "east", Name: name}
}

// do runs an action on the node of its SystemName, or else on that where it is given.
func (c *cluster) do(ctx context.Context, at string, pairs ...string) (string, error) {
	var out bytes.Buffer
	target := node(at)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == "SystemName" {
			target = node(pairs[i+1])
		}
	}
	caller := forward.Caller{User: "admin", Address: "192.0.2.1:4711", Session: 3, Counter: c.counter.Add(1)}
	err := c.routers[at].Do(ctx, caller, target, ami.New(pairs...), func(b []byte) error {
		out.Write(b)
		return nil
	})
	return strings.ReplaceAll(out.String(), "\r\n", "\n"), err
}

// TestRun: an action runs on the node it is for, the own one or another; the header that has led there does not arrive.
func TestRun(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	ran := func(key string) string {
		return "Response: Success\nActionID: 1\nRan-On: " + key + "\nGot: Action: Getvar\nGot: ActionID: 1\nGot: Rewritten-By: " + key + "\nSystemName: " + key + "\n\n"
	}
	const alpha, watch = "east/alpha", "east/watch"
	for _, k := range []struct{ at, system, want string }{
		{alpha, "alpha", ran(alpha)},
		{alpha, "west/bravo", ran("west/bravo")},
		{watch, "charlie", ran("east/charlie")},
		{alpha, "watch", "Response: Error\nActionID: 1\nMessage: Node watch has no source to run actions on\n\n"},
		{watch, "watch", "Response: Error\nActionID: 1\nMessage: This node has no source to run actions on\n\n"},
		{alpha, "delta", "Response: Error\nActionID: 1\nMessage: Node delta is out of reach\nOutcome: not executed\n\n"},
	} {
		got, err := c.do(t.Context(), k.at, "Action", "Getvar", "ActionID", "1", "SystemName", k.system)
		if err != nil || got != k.want {
			t.Errorf("at %s for %q: %v\n got %q\nwant %q", k.at, k.system, err, got, k.want)
		}
	}
	got, err := c.do(t.Context(), alpha, "Action", "userevent", "UserEvent", "X", "SystemName", "alpha")
	if err != nil || !strings.Contains(got, "Got: SystemName: alpha\n") {
		t.Errorf("in a UserEvent SystemName is data: %v %q", err, got)
	}
}

func TestNoSmuggling(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for _, raw := range []string{"Action: Getvar\nActionID: 1\nVariable: X\rAction: Originate\n\n", "Action: Getvar\nVariable: X\r\r\n\r\n"} {
		m, err := ami.NewDecoder(strings.NewReader(raw), ami.Server).Decode()
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err = c.routers["east/alpha"].Do(t.Context(), forward.Caller{}, node("alpha"), m, func(b []byte) error { out.Write(b); return nil })
		if err != nil || !strings.HasPrefix(out.String(), "Response: Error\r\n") || !strings.Contains(out.String(), "line end") {
			t.Errorf("%q: %v %q", raw, err, out.String())
		}
	}
}

func TestTenSessionsOneActionID(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.sources["east/charlie"].run = func(_ context.Context, m *ami.Message, reply func(*ami.Message) error) error {
		id := string(m.Get("ActionID"))
		if err := reply(ami.New("Response", "Success", "ActionID", id, "EventList", "start")); err != nil {
			return err
		}
		for range 50 {
			if err := reply(ami.New("Event", "Item", "ActionID", id, "Of", string(m.Get("Of")))); err != nil {
				return err
			}
		}
		return reply(ami.New("Event", "Done", "ActionID", id, "EventList", "Complete"))
	}
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			at := []string{"east/alpha", "east/bravo", "east/charlie"}[i%3]
			for range 10 {
				of := fmt.Sprintf("Of: session-%d\n", i)
				got, err := c.do(t.Context(), at, "Action", "List", "ActionID", "1", "Of", of[4:len(of)-1], "SystemName", "charlie")
				if err != nil || strings.Count(got, of) != 50 || strings.Count(got, "Of: ") != 50 || strings.Count(got, "EventList: Complete") != 1 {
					t.Errorf("session %d: %v %q", i, err, got)
				}
			}
		})
	}
	wg.Wait()
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	unsent := notExecuted{errors.New("down")}
	for _, k := range []struct {
		name string
		err  error
		want string
	}{
		{"not sent", fmt.Errorf("wrapped: %w", unsent), "Message: NODE: wrapped: down\nOutcome: not executed\n\n"},
		{"sent", errors.New("no answer"), "Message: NODE: no answer\nOutcome: unknown\n\n"},
	} {
		c.sources["east/charlie"].run = func(_ context.Context, _ *ami.Message, reply func(*ami.Message) error) error {
			if err := reply(ami.New("Response", "Success", "EventList", "start")); err != nil { // too little to be sent already
				return err
			}
			return k.err
		}
		for _, at := range []string{"east/alpha", "east/charlie"} {
			got, err := c.do(t.Context(), at, "Action", "Getvar", "ActionID", "1", "SystemName", "charlie")
			want := "Response: Error\nActionID: 1\n" + strings.Replace(k.want, "NODE", "charlie", 1)
			if err != nil || got != want {
				t.Errorf("%s at %s: %v %q, want %q", k.name, at, err, got, want)
			}
		}
	}
}

func TestOwnerDies(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		name  string
		items int // before it dies
		want  string
	}{
		{"before it answered", 0, "Response: Error\nActionID: 1\nMessage: Node charlie broke off before the end of its answer\nOutcome: unknown\n\n"},
		{"in the middle of a list", 3000, ""},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			begun := make(chan struct{})
			c.sources["east/charlie"].run = func(ctx context.Context, _ *ami.Message, reply func(*ami.Message) error) error {
				for range k.items {
					if err := reply(ami.New("Event", "Item", "Text", strings.Repeat("x", 50))); err != nil {
						return err
					}
				}
				close(begun)
				<-ctx.Done()
				return ctx.Err()
			}
			go func() {
				<-begun
				c.net.Cut("east/alpha", "east/charlie")
			}()
			got, err := c.do(t.Context(), "east/alpha", "Action", "List", "ActionID", "1", "SystemName", "charlie")
			switch {
			case k.want != "" && (err != nil || got != k.want):
				t.Errorf("%v %q, want %q", err, got, k.want)
			case k.want == "" && !errors.Is(err, forward.ErrBroken) && !strings.HasPrefix(got, "Response: Error"):
				t.Errorf("a broken list gives %v and %d bytes", err, len(got))
			}
		})
	}
}

// breaksOff answers with half a list that is too long to be kept back.
func (source) breaksOff(_ context.Context, _ *ami.Message, reply func(*ami.Message) error) error {
	for range 3000 {
		if err := reply(ami.New("Event", "Item", "Text", strings.Repeat("x", 50))); err != nil {
			return err
		}
	}
	return errors.New("the source went down")
}

func TestListBreaksAtTheOwner(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.sources["east/charlie"].run = source{}.breaksOff
	for _, at := range []string{"east/alpha", "east/charlie"} {
		got, err := c.do(t.Context(), at, "Action", "List", "SystemName", "charlie")
		if !errors.Is(err, forward.ErrBroken) || strings.Contains(got, "Response") {
			t.Errorf("at %s: %v after %d bytes", at, err, len(got))
		}
	}
}

func TestAskerGone(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	gone := errors.New("session closed")
	for _, system := range []string{"alpha", "charlie"} {
		calls := 0
		err := c.routers["east/alpha"].Do(t.Context(), forward.Caller{}, node(system), ami.New("Action", "Getvar"), func([]byte) error { calls++; return gone })
		if !errors.Is(err, gone) || calls != 1 {
			t.Errorf("to %s: %v after %d calls", system, err, calls)
		}
	}
}

func TestTimeLimits(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	var left time.Duration
	for _, s := range c.sources {
		s.run = func(ctx context.Context, m *ami.Message, reply func(*ami.Message) error) error {
			deadline, _ := ctx.Deadline()
			left = time.Until(deadline)
			return reply(ami.New("Response", "Success"))
		}
	}
	for _, k := range []struct {
		name, timeout string
		want          time.Duration
	}{
		{"Getvar", "", 30 * time.Second},
		{"Originate", "", 35 * time.Second},
		{"Originate", "nonsense", 35 * time.Second},
		{"originate", "60000", 65 * time.Second},
		{"Originate", "99999999999999", time.Hour + 5*time.Second},
	} {
		for _, system := range []string{"alpha", "charlie"} {
			if _, err := c.do(t.Context(), "east/alpha", "Action", k.name, "Timeout", k.timeout, "SystemName", system); err != nil {
				t.Fatal(err)
			}
			if left > k.want || left < k.want-5*time.Second {
				t.Errorf("%s with %q on %s may take %v, want %v", k.name, k.timeout, system, left, k.want)
			}
		}
	}
}
