// Package lifecycle starts named goroutines and waits for them. The first one to fail stops the others; Wait returns when all
// goroutines are gone, never before.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Group is a set of goroutines that live and end together.
type Group struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup
}

// With returns a Group and the context its goroutines should watch: it ends when ctx ends or a goroutine fails.
func With(ctx context.Context) (*Group, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	return &Group{ctx: ctx, cancel: cancel}, ctx
}

// Go runs fn. An error other than the context's own cancels the group, and Wait returns it under that name.
func (g *Group) Go(name string, fn func() error) {
	g.wg.Go(func() {
		if err := fn(); err != nil && !errors.Is(err, context.Canceled) {
			g.cancel(fmt.Errorf("%s: %w", name, err))
		}
	})
}

// Stop ends the group without an error.
func (g *Group) Stop() { g.cancel(nil) }

// Wait waits for all goroutines and returns the first failure, or nil.
func (g *Group) Wait() error {
	g.wg.Wait()
	err := context.Cause(g.ctx)
	g.cancel(nil)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}
