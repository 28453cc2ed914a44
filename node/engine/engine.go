package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amibus/amibus/bus/stasis"
	"github.com/amibus/amibus/node/engine/internal/dialplan"
	"github.com/amibus/amibus/node/engine/internal/load"
	"github.com/amibus/amibus/node/engine/internal/manager"
	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/translator"
)

const (
	queueLen = 256 // requests that wait
	maxBatch = 64  // requests in one step
	idle     = time.Hour

	blockSize = 64 << 10
	blockRoom = 2 << 10 // most events are shorter
)

// Event is one that the engine raised. Nothing in it may be changed.
type Event struct {
	At   time.Time
	Name string
	Text []byte // as AMI writes it
	// Of an event that a channel's snapshot made: the one before (nil: the channel is new), and the one it shows.
	Old, New *translator.Channel
}

// Engine drives a PBX: one goroutine owns it, and gives it the clock and what it is asked.
type Engine struct {
	cfg       Config
	born      time.Time
	reloading sync.Mutex                // one Reload at a time
	reloaded  atomic.Pointer[time.Time] // the dialplan, last
	plan      atomic.Pointer[dialplan.Dialplan]
	manager   *manager.Manager
	disabled  map[string]bool // events that are not raised
	pbx       *pbx.PBX
	load      *load.Generator // nil: nobody calls by himself
	writer    translator.Writer
	events    *stasis.Topic[Event]
	requests  chan request
	stopped   chan struct{}
	waiting   map[uint64]chan pbx.Reply // answers that are still to come; only Run uses it
	batch     []Event
	block     []byte // of texts
	ids       atomic.Uint64
	running   atomic.Bool
	statsMu   sync.Mutex
	stats     Stats
}

// Stats are figures about calls, and what did not fit.
type Stats struct {
	pbx.Stats
	Load load.Stats // of the calls that it makes by itself
}

// Stats returns the figures of the last step.
func (e *Engine) Stats() Stats {
	e.statsMu.Lock()
	defer e.statsMu.Unlock()
	return e.stats
}

// request is an input, or something to look up.
type request struct {
	input  pbx.Input
	id     uint64
	answer chan pbx.Reply // room for one
	look   func(*pbx.PBX)
}

func newEngine(cfg pbx.Config, w translator.Writer) *Engine {
	return &Engine{
		pbx: pbx.New(cfg), writer: w, events: stasis.NewTopic[Event]("manager"),
		requests: make(chan request, queueLen), stopped: make(chan struct{}), waiting: map[uint64]chan pbx.Reply{},
	}
}

// Events is the engine's one stream, in order.
func (e *Engine) Events() *stasis.Topic[Event] { return e.events }

// Up tells whether the engine runs.
func (e *Engine) Up() bool { return e.running.Load() }

// Do runs an action and calls reply for every message of its answer, in order; a message is valid during the call. An error with the
// method NotExecuted() bool that returns true says that the engine did not get it; any other leaves open what happened.
func (e *Engine) Do(ctx context.Context, action *ami.Message, reply func(*ami.Message) error) error {
	if !e.Up() {
		return &refused{errors.New("the call engine does not run yet")}
	}
	return e.manager.Do(ctx, action, reply)
}

// Run runs the engine until ctx ends. It is called once.
func (e *Engine) Run(ctx context.Context) error {
	e.running.Store(true)
	defer close(e.stopped)
	defer e.running.Store(false)
	timer := time.NewTimer(idle)
	defer timer.Stop()
	var inputs []pbx.Input
	for {
		timer.Reset(e.step(time.Now(), inputs))
		inputs = inputs[:0]
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		case r := <-e.requests:
			inputs = e.take(inputs, r)
		}
	}
}

// step lets the PBX do what is due, and returns how long it may be left alone.
func (e *Engine) step(now time.Time, inputs []pbx.Input) time.Duration {
	if e.load != nil {
		inputs = append(inputs, e.load.Step(now, e.pbx)...)
	}
	out, next := e.pbx.Step(now, inputs...)
	e.publish(out)
	e.count()
	wait := idle
	if !next.IsZero() {
		wait = max(0, next.Sub(now))
	}
	if e.load != nil {
		wait = min(wait, max(0, e.load.Next().Sub(now)))
	}
	return wait
}

func (e *Engine) count() {
	now := Stats{Stats: e.pbx.Stats()}
	if e.load != nil {
		now.Load = e.load.Stats()
	}
	e.statsMu.Lock()
	defer e.statsMu.Unlock()
	e.stats = now
}

// take takes a request and those that wait behind it. What is to be looked up sees what was asked for before, at the present time.
func (e *Engine) take(inputs []pbx.Input, r request) []pbx.Input {
	for taken := 1; ; taken++ {
		if r.look != nil {
			out, _ := e.pbx.Step(time.Now(), inputs...)
			e.publish(out)
			inputs = inputs[:0]
			r.look(e.pbx)
		} else {
			if r.answer != nil {
				e.waiting[r.id] = r.answer
			}
			inputs = append(inputs, r.input)
		}
		if taken >= maxBatch {
			return inputs
		}
		select {
		case r = <-e.requests:
		default:
			return inputs
		}
	}
}

// render makes the text of an event. Many share a block of memory, which lives as long as one of them.
func (e *Engine) render(o *pbx.Output) []byte {
	if cap(e.block)-len(e.block) < blockRoom {
		e.block = make([]byte, 0, blockSize)
	}
	from := len(e.block)
	e.block = e.writer.Append(e.block, o.At, &o.Event)
	return e.block[from:len(e.block):len(e.block)]
}

// publish gives the answers to who waits for them, and the events, rendered, to the topic.
func (e *Engine) publish(out []pbx.Output) {
	e.batch = e.batch[:0]
	for i := range out {
		o := &out[i]
		if e.disabled[o.Event.Name] {
			continue
		}
		if o.Reply != nil {
			if answer := e.waiting[o.Reply.ID]; answer != nil {
				delete(e.waiting, o.Reply.ID)
				answer <- *o.Reply
			}
			continue
		}
		e.batch = append(e.batch, Event{At: o.At, Name: o.Event.Name, Text: e.render(o), Old: o.Old, New: o.New})
	}
	e.events.Publish(e.batch...)
	clear(e.batch)
}
