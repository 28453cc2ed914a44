package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/amibus/amibus/bus/stasis"
	"github.com/amibus/amibus/node/engine/internal/pbx"
	"github.com/amibus/amibus/translator"
)

const (
	queueLen = 256 // requests that wait
	maxBatch = 64  // requests in one step
	idle     = time.Hour
)

// errStopped: the engine is not running any more.
var errStopped = errors.New("call engine: stopped")

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
	pbx      *pbx.PBX
	writer   translator.Writer
	events   *stasis.Topic[Event]
	requests chan request
	stopped  chan struct{}
	waiting  map[uint64]chan pbx.Reply // answers that are still to come; only Run uses it
	batch    []Event
	ids      atomic.Uint64
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

// Run runs the engine until ctx ends. It is called once.
func (e *Engine) Run(ctx context.Context) error {
	defer close(e.stopped)
	timer := time.NewTimer(idle)
	defer timer.Stop()
	var inputs []pbx.Input
	for {
		out, next := e.pbx.Step(time.Now(), inputs...)
		inputs = inputs[:0]
		e.publish(out)
		wait := idle
		if !next.IsZero() {
			wait = max(0, time.Until(next))
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		case r := <-e.requests:
			inputs = e.take(inputs, r)
		}
	}
}

// take takes a request and those that wait behind it. What is to be looked up sees what was asked for before.
func (e *Engine) take(inputs []pbx.Input, r request) []pbx.Input {
	for {
		if r.look != nil {
			if len(inputs) > 0 {
				out, _ := e.pbx.Step(time.Now(), inputs...)
				e.publish(out)
				inputs = inputs[:0]
			}
			r.look(e.pbx)
		} else {
			if r.answer != nil {
				e.waiting[r.id] = r.answer
			}
			inputs = append(inputs, r.input)
		}
		if len(inputs) >= maxBatch {
			return inputs
		}
		select {
		case r = <-e.requests:
		default:
			return inputs
		}
	}
}

// publish gives the answers to who waits for them, and the events, rendered, to the topic.
func (e *Engine) publish(out []pbx.Output) {
	e.batch = e.batch[:0]
	for i := range out {
		o := &out[i]
		if o.Reply != nil {
			if answer := e.waiting[o.Reply.ID]; answer != nil {
				delete(e.waiting, o.Reply.ID)
				answer <- *o.Reply
			}
			continue
		}
		e.batch = append(e.batch, Event{At: o.At, Name: o.Event.Name, Text: e.writer.Append(nil, o.At, &o.Event), Old: o.Old, New: o.New})
	}
	e.events.Publish(e.batch...)
	clear(e.batch)
}

// ask gives the PBX an input and waits for its answer: for one that is answered late, as long as ctx allows. build gets the id of the
// answer.
func (e *Engine) ask(ctx context.Context, build func(id uint64) pbx.Input) (pbx.Reply, error) {
	id := e.ids.Add(1)
	answer := make(chan pbx.Reply, 1)
	if err := e.send(ctx, request{input: build(id), id: id, answer: answer}); err != nil {
		return pbx.Reply{}, err
	}
	select {
	case r := <-answer:
		return r, nil
	case <-ctx.Done():
		return pbx.Reply{}, ctx.Err()
	case <-e.stopped:
		return pbx.Reply{}, errStopped
	}
}

// look lets fn see the PBX between two steps. fn must not keep it.
func (e *Engine) look(ctx context.Context, fn func(*pbx.PBX)) error {
	seen := make(chan struct{})
	err := e.send(ctx, request{look: func(p *pbx.PBX) { fn(p); close(seen) }})
	if err != nil {
		return err
	}
	select {
	case <-seen:
		return nil
	case <-e.stopped:
		return errStopped
	}
}

func (e *Engine) send(ctx context.Context, r request) error {
	select {
	case e.requests <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-e.stopped:
		return errStopped
	}
}
