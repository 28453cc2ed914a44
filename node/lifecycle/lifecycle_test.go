package lifecycle

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestFirstFailureStopsTheOthers(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	g, ctx := With(t.Context())
	ended := false
	g.Go("waiter", func() error {
		<-ctx.Done()
		ended = true
		return ctx.Err()
	})
	g.Go("failing", func() error { return broken })
	err := g.Wait()
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "failing: ") {
		t.Fatalf("Wait gave %v, want the failure with its name", err)
	}
	if !ended {
		t.Fatal("Wait returned before the other goroutine had ended")
	}
}

func TestEndOfTheContextIsNoFailure(t *testing.T) {
	t.Parallel()
	parent, cancel := context.WithCancel(t.Context())
	g, ctx := With(parent)
	g.Go("waiter", func() error { <-ctx.Done(); return ctx.Err() })
	cancel()
	if err := g.Wait(); err != nil {
		t.Fatalf("Wait gave %v", err)
	}
	g, ctx = With(t.Context())
	g.Go("waiter", func() error { <-ctx.Done(); return nil })
	g.Stop()
	if err := g.Wait(); err != nil {
		t.Fatalf("Wait after Stop gave %v", err)
	}
}
