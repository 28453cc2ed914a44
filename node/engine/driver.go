package engine

import (
	"context"

	"github.com/amibus/amibus/node/engine/internal/pbx"
)

// errStopped: the engine has stopped while an action was under way.
type errStopped struct{}

func (errStopped) Error() string { return "the call engine has stopped" }

// refused is an error of an action that the PBX never got.
type refused struct{ cause error }

func (r *refused) Error() string     { return r.cause.Error() }
func (r *refused) Unwrap() error     { return r.cause }
func (r *refused) NotExecuted() bool { return true }

// driver is how actions reach the PBX.
type driver struct{ *Engine }

// Ask gives the PBX an input and waits for its answer: for one that is answered late, as long as ctx allows. build gets the id of the
// answer.
func (d driver) Ask(ctx context.Context, build func(id uint64) pbx.Input) (pbx.Reply, error) {
	e := d.Engine
	id := e.ids.Add(1)
	answer := make(chan pbx.Reply, 1)
	if err := e.send(ctx, request{input: build(id), id: id, answer: answer}); err != nil {
		return pbx.Reply{}, err
	}
	select {
	case r := <-answer:
		return r, nil
	case <-ctx.Done():
		return pbx.Reply{}, context.Cause(ctx)
	case <-e.stopped:
		select {
		case r := <-answer: // it came in time
			return r, nil
		default:
			return pbx.Reply{}, errStopped{}
		}
	}
}

// Look lets fn see the PBX between two steps. fn must not keep it. Once it is the engine's turn to call fn, ctx does not count any more: fn
// writes to what the caller reads.
func (d driver) Look(ctx context.Context, fn func(*pbx.PBX)) error {
	seen := make(chan struct{})
	err := d.send(ctx, request{look: func(p *pbx.PBX) { fn(p); close(seen) }})
	if err != nil {
		return err
	}
	select {
	case <-seen:
		return nil
	case <-d.stopped:
		select {
		case <-seen:
			return nil
		default:
			return errStopped{}
		}
	}
}

// send hands a request over, or says that it was not.
func (e *Engine) send(ctx context.Context, r request) error {
	select {
	case e.requests <- r:
		return nil
	case <-ctx.Done():
		return &refused{context.Cause(ctx)}
	case <-e.stopped:
		return &refused{errStopped{}}
	}
}
