package stasis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
)

func tens(m int) int { return m / 10 }

func TestRouterFindsTheRouteByKind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		topic := NewTopic[int]("topic")
		r := NewRouter(topic, 20, tens)
		var got []string
		note := func(name string) func(int) {
			return func(m int) { got = append(got, fmt.Sprint(name, m)) }
		}
		topic.Publish(10) // without routes nothing enters
		r.Route(1, note("one "))
		r.Route(2, note("two "))
		topic.Publish(11, 21, 31)
		done := make(chan error)
		go func() { done <- r.Run(context.Background()) }()
		synctest.Wait()
		r.Route(2, nil)
		r.Default(note("else "), func(m int) bool { return m < 50 })
		topic.Publish(12, 22, 51)
		synctest.Wait()
		r.Default(note("any "), nil)
		if err := r.Subscription().PublishSync(context.Background(), 52); err != nil {
			t.Fatal(err)
		}
		if err := r.Subscription().Join(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatalf("Run: %v", err)
		}
		if want := []string{"one 11", "two 21", "one 12", "else 22", "any 52"}; !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
		if st := r.Subscription().Stats(); st.Queued != 5 || st.Filtered != 3 {
			t.Fatalf("stats %+v", st)
		}
	})
}

func TestRouterEndsItsSubscription(t *testing.T) {
	t.Parallel()
	topic := NewTopic[int]("topic")
	cancelled := NewRouter(topic, 1, tens)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := cancelled.Run(ctx); !errors.Is(err, context.Canceled) || topic.Stats().Subscribers != 0 {
		t.Fatalf("Run: %v, %+v", err, topic.Stats())
	}
	slow := NewRouter(topic, 1, tens)
	slow.Route(0, func(int) {})
	topic.Publish(1)
	topic.Publish(2)
	if err := slow.Run(context.Background()); !errors.Is(err, ErrOverflow) {
		t.Fatalf("Run: %v, want ErrOverflow", err)
	}
}
