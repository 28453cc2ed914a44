package stasis

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestChangesAreAnnouncedAndTheFinalOneIsLast(t *testing.T) {
	t.Parallel()
	topic, up := NewTopic[string]("topic"), NewTopic[string]("up")
	topic.Announce(announcement)
	topic.Forward(up)
	above := up.Subscribe(20)
	a := topic.Select(2, func(m string) bool { return m != "end topic-1" }) // its own end comes nevertheless
	b := topic.Subscribe(20)
	a.Unsubscribe() // its queue is full
	a.Unsubscribe()
	topic.Publish("not for a")
	if got := drain(t, a); !slices.Equal(got, []string{"new topic-1", "new topic-2", "end topic-1"}) {
		t.Fatalf("a got %q", got)
	}
	if _, err := a.Take(nil); !errors.Is(err, ErrClosed) {
		t.Fatalf("a: %v, want ErrClosed", err)
	}
	topic.Subscribe(1)
	b.Close()
	b.Close()
	if got, want := drain(t, above), []string{"new topic-1", "new topic-2", "end topic-1", "not for a", "new topic-3", "end topic-2",
		"cut topic-3"}; !slices.Equal(got, want) {
		t.Fatalf("above got %q, want %q", got, want)
	}
}

// consumers wait in the two ways there are.
var consumers = map[string]func(*Subscription[int], []int) ([]int, error){
	"Next": func(s *Subscription[int], spare []int) ([]int, error) { return s.Next(context.Background(), spare) },
	"Wake": func(s *Subscription[int], spare []int) ([]int, error) { <-s.Wake(); return s.Take(spare) },
}

func TestJoinWaitsForTheConsumer(t *testing.T) {
	t.Parallel()
	for name, wait := range consumers {
		synctest.Test(t, func(t *testing.T) {
			topic := NewTopic[int]("topic")
			s := topic.Subscribe(10)
			handled := 0
			go func() {
				for batch, err := wait(s, nil); err == nil; batch, err = wait(s, batch) {
					for range batch {
						time.Sleep(time.Second)
						handled++
					}
				}
			}()
			topic.Publish(1, 2)
			synctest.Wait()
			topic.Publish(3)
			short, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			if err := s.Join(short); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("%s: %v, want a deadline", name, err)
			}
			if err := s.Join(context.Background()); err != nil || handled != 3 {
				t.Fatalf("%s: joined with %v after %d messages, want 3", name, err, handled)
			}
			if st := s.Stats(); !errors.Is(st.Err, ErrClosed) || st.Handled != 3 || st.Queued != 3 || st.Peak != 2 {
				t.Fatalf("%s: stats %+v", name, st)
			}
		})
	}
}

func TestPublishSyncWaitsForOne(t *testing.T) {
	t.Parallel()
	for name, wait := range consumers {
		synctest.Test(t, func(t *testing.T) {
			topic := NewTopic[int]("topic")
			s, idle := topic.Select(3, func(m int) bool { return m > 0 }), topic.Subscribe(20)
			handled := 0
			go func() {
				for batch, err := wait(s, nil); err == nil; batch, err = wait(s, batch) {
					for range batch {
						time.Sleep(time.Second)
						handled++
					}
				}
			}()
			defer time.Sleep(time.Minute) // it has been cut, and returns
			if err := s.PublishSync(context.Background(), 1, 2); err != nil || handled != 2 {
				t.Fatalf("%s: %v, %d handled, want 2", name, err, handled)
			}
			if err := s.PublishSync(context.Background(), -1); err != nil || handled != 2 { // not accepted: nothing to wait for
				t.Fatalf("%s: %v, %d handled, want 2", name, err, handled)
			}
			topic.Publish(2)
			synctest.Wait() // it has been taken
			if err := s.PublishSync(context.Background(), -1); err != nil || handled != 3 {
				t.Fatalf("%s: %v, %d handled, want 3", name, err, handled)
			}
			topic.Publish(3)
			synctest.Wait()
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancel()
			if err := s.PublishSync(ctx, 4); !errors.Is(err, context.DeadlineExceeded) || len(s.waiters) != 0 {
				t.Fatalf("%s: %v, want a deadline; %d wait", name, err, len(s.waiters))
			}
			time.AfterFunc(time.Millisecond, func() { topic.Publish(5, 6); topic.Publish(7) }) // cuts it
			if err := s.PublishSync(context.Background(), 8); !errors.Is(err, ErrOverflow) {
				t.Fatalf("%s: %v, want ErrOverflow", name, err)
			}
			if err := s.PublishSync(context.Background(), 9); !errors.Is(err, ErrOverflow) {
				t.Fatalf("%s: %v, want ErrOverflow", name, err)
			}
			if got := drain(t, idle); !slices.Equal(got, []int{1, 2, -1, 2, -1, 3, 4, 8, 5, 6, 7, 9}) {
				t.Fatalf("%s: the other got %v", name, got)
			}
		})
	}
}

func TestSubscriptionsTellTheirFigures(t *testing.T) {
	t.Parallel()
	topic := NewTopic[int]("topic")
	topic.Select(3, func(m int) bool { return m%2 == 0 })
	topic.Publish(1, 2, 3, 4)
	want := SubscriptionStats{ID: "topic-1", Queued: 2, Filtered: 2, Len: 2, Peak: 2, QueueLen: 3}
	if got := topic.Subscriptions(); len(got) != 1 || got[0] != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}
