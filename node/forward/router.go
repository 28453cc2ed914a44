package forward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/amibuspb"
)

// Times an action may take.
const (
	actionTimeout    = 30 * time.Second
	originateTimeout = 30 * time.Second // Asterisk's own default
	originateSlack   = 5 * time.Second  // beyond the time-out of an Originate
	longestTimeout   = time.Hour
	hopSlack         = 2 * time.Second // beyond the owner's time, so that its answer wins
)

// ErrBroken: the answer broke off after a part of it had been sent. The session must be closed.
var ErrBroken = errors.New("the answer broke off in the middle")

// Source runs actions on the node's own Asterisk. An error with the method NotExecuted() bool tells whether the source can rule out
// that the action ran; any other error means it cannot.
type Source interface {
	Do(ctx context.Context, action *ami.Message, reply func(m *ami.Message) error) error
}

// Rewriter changes the identities in actions and answers between the form of the source and that of the cluster.
// translator.Origin is one. It is called from many goroutines.
type Rewriter interface {
	AppendAction(dst []byte, m *ami.Message) []byte
	AppendAnswer(dst []byte, m *ami.Message) []byte
}

// Config of a Router.
type Config struct {
	Self   merge.Node
	Epoch  uint64
	Bus    bus.Bus
	Source Source        // nil for a node without one
	Origin Rewriter      // nil changes nothing
	Drain  time.Duration // how long actions under way may take after the end of Serve's context
	Log    *slog.Logger
	Reads  func(*ami.Message) bool // tells what changes nothing, and may be repeated; nil: nothing is known to
	Shared func(*ami.Message) bool // tells what those who ask at the same time may have one answer to; nil: nothing
	Now    func() time.Time        // nil: time.Now
}

// Caller is who asks: the AMI user, the client's address, and the numbers of session and action, which identify the request.
type Caller struct {
	User, Address    string
	Session, Counter uint64
}

// Router routes the actions of one node. It is safe for concurrent use.
type Router struct {
	cfg      Config
	source   *sharing // nil for a node without a source
	once     *once
	calls    calls
	retried  atomic.Uint64 // actions of this node sent again, since their answer was lost
	repeated atomic.Uint64 // actions of other nodes that came again
	born     time.Time
	life     context.Context // ends when what is under way is broken off
	end      context.CancelFunc
	mu       sync.Mutex
	draining bool           // no more actions of other nodes
	underWay sync.WaitGroup // those of other nodes; grows only while not draining
}

// New returns a Router.
func New(cfg Config) *Router {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	life, end := context.WithCancel(context.Background())
	r := &Router{cfg: cfg, life: life, end: end, once: newOnce(cfg.Now), calls: calls{to: map[merge.Node]map[*call]struct{}{}}, born: cfg.Now()}
	if cfg.Source != nil {
		r.source = newSharing(cfg.Source, cfg.Shared)
	}
	return r
}

// Gone ends the actions under way to a node that has died or left: nobody will answer any more.
func (r *Router) Gone(node merge.Node) { r.calls.endAll(node) }

// Stats are counters since New, and what is under way.
type Stats struct {
	UnderWay int    // actions of this node at other nodes
	Refused  uint64 // because too many were under way to one node
	Gone     uint64 // ended because their node was gone
	Retried  uint64 // sent again, since their answer was lost
	Repeated uint64 // of other nodes, that came again and were not run again
	Own      uint64 // requests sent to the own source
	Shared   uint64 // answers that needed none
}

// Stats returns the figures of now.
func (r *Router) Stats() Stats {
	s := Stats{Retried: r.retried.Load(), Repeated: r.repeated.Load()}
	s.UnderWay, s.Refused, s.Gone = r.calls.figures()
	if r.source != nil {
		s.Own, s.Shared = r.source.own.Load(), r.source.shared.Load()
	}
	return s
}

// Serve runs the actions of other nodes on the own source until ctx ends. Then new ones are refused, those under way have Config.Drain
// to end by themselves, and what is left is broken off.
func (r *Router) Serve(ctx context.Context) error {
	stop, err := r.cfg.Bus.Serve(bus.SubjectAction(r.cfg.Self.Site, r.cfg.Self.Name), r.handle)
	if err != nil {
		return fmt.Errorf("cannot serve actions of other nodes: %w", err)
	}
	defer stop()
	<-ctx.Done()
	r.drain()
	r.end()
	return nil
}

func (r *Router) drain() {
	r.mu.Lock()
	r.draining = true
	r.mu.Unlock()
	ended := make(chan struct{})
	go func() { defer close(ended); r.underWay.Wait() }() // it ends at the latest when stop has broken them off
	select {
	case <-ended:
	case <-time.After(r.cfg.Drain):
	}
}

// begin counts an action of another node as under way, unless it comes too late.
func (r *Router) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.draining {
		r.underWay.Add(1)
	}
	return !r.draining
}

// Do runs an action on the source of a node and gives the answer to send, as AMI text, in pieces; a piece is valid during the call, and
// need not end with a message. It returns nil when a whole answer, perhaps an error, has been given; ErrBroken; or the error of send.
func (r *Router) Do(ctx context.Context, c Caller, target merge.Node, action *ami.Message, send func([]byte) error) error {
	id := action.Get("ActionID")
	if text := malformed(action); text != "" {
		return send(refusal(id, text))
	}
	action = stripped(action)
	limit := timeLimit(action)
	out := &outlet{send: send}
	if target == r.cfg.Self {
		if r.source == nil {
			return send(refusal(id, "This node has no source to run actions on"))
		}
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return out.finish(id, r.local(ctx, action, out))
	}
	ctx, cancel := context.WithTimeout(ctx, limit+hopSlack)
	defer cancel()
	return out.finish(id, r.remote(ctx, c, target, action, out))
}

// handle runs an action that came over the bus.
func (r *Router) handle(ctx context.Context, req []byte, send func([]byte) error) error {
	var a amibuspb.Action
	if err := proto.Unmarshal(req, &a); err != nil {
		return fmt.Errorf("action refused: %w", err)
	}
	action, err := ami.ParseMessage(a.GetAmi())
	if err != nil {
		return fmt.Errorf("action of %s/%s refused: %w", a.GetSite(), a.GetNode(), err)
	}
	r.cfg.Log.Debug("action of another node", "action", action.Action(), "site", a.GetSite(), "node", a.GetNode(),
		"session", a.GetSession(), "counter", a.GetCounter(), "user", a.GetUser(), "address", a.GetAddress())
	id := action.Get("ActionID")
	if a.GetSession() == 0 || r.cfg.Reads != nil && r.cfg.Reads(action) {
		return r.run(ctx, &a, action, send)
	}
	k, standing := r.once.begin(keyOf(&a), a.GetAmi())
	switch {
	case standing == another:
		return send(refusal(id, "Node "+r.cfg.Self.Name+" has run another action under this number"))
	case standing == again:
		r.repeated.Add(1)
		return k.answer(ctx, id, r.cfg.Self.Name, send)
	case a.GetAgainMs() > 0 && (standing == unknown || r.cfg.Now().Sub(r.born) < time.Duration(a.GetAgainMs())*time.Millisecond+keepFor):
		r.once.end(k, false) // it may have run when this process was not there, or has been forgotten
		return send(failure(id, "Node "+r.cfg.Self.Name+" cannot tell whether it has run this action before").Add("Outcome", "unknown").Bytes())
	}
	whole := false
	defer func() { r.once.end(k, whole) }()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // who has lost the answer may ask for it again: it goes on without him
	defer cancel()
	defer context.AfterFunc(r.life, cancel)()
	err = r.run(ctx, &a, action, k.recorder(send))
	whole = err == nil
	return err
}

func keyOf(a *amibuspb.Action) requestKey {
	return requestKey{a.GetSite(), a.GetNode(), a.GetEpoch(), a.GetSession(), a.GetCounter()}
}

// run runs an action of another node.
func (r *Router) run(ctx context.Context, a *amibuspb.Action, action *ami.Message, send func([]byte) error) error {
	id := action.Get("ActionID")
	if !r.begin() {
		return send(failure(id, "Node "+r.cfg.Self.Name+" is shutting down").Add("Outcome", "not executed").Bytes())
	}
	defer r.underWay.Done()
	switch text := malformed(action); {
	case text != "":
		return send(refusal(id, text))
	case r.source == nil:
		return send(refusal(id, "Node "+r.cfg.Self.Name+" has no source to run actions on"))
	}
	limit := min(time.Duration(a.GetTimeoutMs())*time.Millisecond, longestTimeout+originateSlack)
	if limit <= 0 {
		limit = timeLimit(action)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out := &outlet{send: send}
	return out.finish(id, r.local(ctx, action, out))
}

// local runs an action on the own source.
func (r *Router) local(ctx context.Context, action *ami.Message, out *outlet) error {
	if o := r.cfg.Origin; o != nil {
		rewritten, err := ami.ParseMessage(o.AppendAction(nil, action))
		if err != nil {
			return &outcome{text: r.cfg.Self.Name + ": the action cannot be passed on", known: true}
		}
		action = rewritten
	}
	var buf []byte
	err := r.source.Do(ctx, action, func(m *ami.Message) error {
		if r.cfg.Origin == nil {
			return out.write(m.Bytes())
		}
		buf = r.cfg.Origin.AppendAnswer(buf[:0], m)
		return out.write(buf)
	})
	if err == nil {
		return nil
	}
	var e interface{ NotExecuted() bool }
	return &outcome{text: r.cfg.Self.Name + ": " + err.Error(), known: errors.As(err, &e) && e.NotExecuted()}
}

// remote has an action run by another node. Its answer, an error included, is AMI text already. If the answer was lost before any of it was
// seen, the action is sent again, once: the owner knows it.
func (r *Router) remote(ctx context.Context, c Caller, target merge.Node, action *ami.Message, out *outlet) error {
	name := "Node " + target.Name
	ctx, end, ok := r.calls.begin(ctx, target)
	if !ok {
		return &outcome{text: name + " has too many actions of this node under way", known: true}
	}
	defer end()
	start := r.cfg.Now()
	err := r.request(ctx, c, target, 0, action, out)
	if errors.Is(err, bus.ErrLost) && !out.sent && ctx.Err() == nil {
		r.retried.Add(1)
		if again := r.request(ctx, c, target, max(r.cfg.Now().Sub(start), time.Millisecond), action, out); again == nil || out.sent {
			err = again // what the second time says of the first one is not known otherwise
		}
	}
	var own *outcome
	switch {
	case errors.As(err, &own):
		return own
	case err == nil && !out.sent:
		return &outcome{text: name + " gave no answer"}
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), errGone):
		return &outcome{text: name + " is gone"}
	case errors.Is(err, bus.Busy):
		return &outcome{text: name + " has too many actions under way", known: true}
	case errors.Is(err, bus.ErrNoResponder):
		return &outcome{text: name + " is out of reach", known: true}
	case errors.Is(err, context.DeadlineExceeded):
		return &outcome{text: name + " did not answer in time"}
	case errors.Is(err, bus.ErrLost):
		return &outcome{text: name + " broke off before the end of its answer"}
	}
	return &outcome{text: name + ": " + err.Error()}
}

// request sends an action. It was sent first so long ago; 0: now.
func (r *Router) request(ctx context.Context, c Caller, target merge.Node, ago time.Duration, action *ami.Message, out *outlet) error {
	limit := actionTimeout
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		limit = max(left-hopSlack, left/2) // who asks may have less time than an action has
	}
	req, err := proto.Marshal(&amibuspb.Action{
		Site: r.cfg.Self.Site, Node: r.cfg.Self.Name, Epoch: r.cfg.Epoch, Session: c.Session, Counter: c.Counter,
		User: valid(c.User), Address: valid(c.Address), TimeoutMs: uint32(max(limit, time.Millisecond) / time.Millisecond), Ami: action.Bytes(),
		AgainMs: uint32(ago / time.Millisecond),
	})
	if err != nil {
		return &outcome{text: "Node " + target.Name + " was not asked: " + err.Error(), known: true}
	}
	return r.cfg.Bus.Request(ctx, bus.SubjectAction(target.Site, target.Name), req, out.pass)
}

// timeLimit is how long an action may take: a synchronous Originate answers only when the call is answered or has failed.
func timeLimit(action *ami.Message) time.Duration {
	if !action.IsAction("Originate") {
		return actionTimeout
	}
	ms, err := strconv.Atoi(string(action.Get("Timeout")))
	if err != nil || ms <= 0 {
		return originateTimeout + originateSlack
	}
	return time.Duration(min(int64(ms), longestTimeout.Milliseconds()))*time.Millisecond + originateSlack
}
