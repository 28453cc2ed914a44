package upstream

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// backoff is the growing pause between tries.
type backoff struct {
	min, max time.Duration
	rand     func() float64
	next     time.Duration
}

func (b *backoff) reset() { b.next = 0 }

// take returns the pause to make now: between half of the step and all of it, so that nodes do not knock in step.
func (b *backoff) take() time.Duration {
	d := max(b.next, b.min)
	b.next = min(2*d, b.max)
	return d/2 + time.Duration(b.rand()*float64(d/2))
}

// wait pauses until the next try, or until ctx ends.
func (b *backoff) wait(ctx context.Context) {
	t := time.NewTimer(b.take())
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// trouble logs an error when it is another one than before, and the recovery with the number of tries it took.
type trouble struct {
	log   *slog.Logger
	last  string
	count int
}

func (t *trouble) report(err error) {
	t.count++
	key := err.Error()
	var f *fault
	if errors.As(err, &f) {
		key = f.text
	}
	if key != t.last {
		t.last = key
		t.log.Warn(err.Error())
	}
}

// recovered forgets what was, and returns how many tries had failed.
func (t *trouble) recovered() int {
	n := t.count
	t.last, t.count = "", 0
	return n
}
