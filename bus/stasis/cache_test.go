package stasis

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

type snapshot struct{ id, name, state string }

func newTestCache() *Cache[Update[snapshot], snapshot] {
	return NewCache(CacheConfig[Update[snapshot], snapshot]{
		ID:      func(s *snapshot) string { return s.id },
		Name:    func(s *snapshot) string { return s.name },
		Equal:   func(a, b *snapshot) bool { return *a == *b },
		Message: func(u Update[snapshot]) Update[snapshot] { return u },
	})
}

func texts(updates []Update[snapshot]) (got []string) {
	for _, u := range updates {
		text := "- " + u.New.state
		if u.Old != nil {
			text = u.Old.state + " " + u.New.state
		}
		if u.Last {
			text += "."
		}
		got = append(got, text)
	}
	return got
}

// asterisk/asterisk:main/stasis_channels.c ast_channel_publish_snapshot, ast_channel_publish_final_snapshot.
func TestCachePublishesPairs(t *testing.T) {
	t.Parallel()
	c, topic := newTestCache(), NewTopic[Update[snapshot]]("channel:all/1")
	s := topic.Subscribe(20)
	present := 0
	topic.Handle(func(us []Update[snapshot]) { // the cache has changed before the update goes out
		for _, u := range us {
			if got := c.Get("1"); got != nil && got == u.New && c.GetByName("a") == u.New {
				present++
			} else if !u.Last || c.GetByName("a") != nil {
				t.Errorf("while %+v goes out the cache has %+v", u, got)
			}
		}
	})
	c.Publish(topic, &snapshot{"1", "a", "down"})
	c.Publish(topic, &snapshot{"1", "a", "down"})
	c.Publish(topic, &snapshot{"1", "a", "up"})
	c.Last(topic, &snapshot{"1", "a", "up"})
	c.Last(topic, &snapshot{"2", "b", "late"})
	if got, want := texts(drain(t, s)), []string{"- down", "down up", "up up.", "- late."}; !slices.Equal(got, want) || present != 2 {
		t.Fatalf("got %q, %d present, want %q", got, present, want)
	}
	if st := c.Stats(); st != (CacheStats{Published: 4, Skipped: 1}) {
		t.Fatalf("stats %+v", st)
	}
}

func TestCacheByName(t *testing.T) {
	t.Parallel()
	c, topic := newTestCache(), NewTopic[Update[snapshot]]("all")
	steps := []struct {
		name string
		do   snapshot
		last bool
		want string // the states that the names a and b give
	}{
		{name: "first", do: snapshot{"1", "a", "1"}, want: "1 -"},
		{name: "a second of that name", do: snapshot{"2", "a", "2"}, want: "2 -"},
		{name: "the first changes, and does not become the last to have got the name", do: snapshot{"1", "a", "1up"}, want: "2 -"},
		{name: "the second is renamed", do: snapshot{"2", "b", "2"}, want: "1up 2"},
		{name: "the first too", do: snapshot{"1", "b", "1up"}, want: "- 1up"},
		{name: "the first ends", do: snapshot{"1", "b", "1up"}, last: true, want: "- 2"},
		{name: "no name", do: snapshot{"3", "", "3"}, want: "- 2"},
		{name: "no name, again", do: snapshot{"3", "", "3up"}, want: "- 2"},
		{name: "a name comes late", do: snapshot{"3", "a", "3"}, want: "3 2"},
		{name: "the last snapshot has another name", do: snapshot{"3", "zombie", "3"}, last: true, want: "- 2"},
		{name: "all gone", do: snapshot{"2", "b", "2"}, last: true, want: "- -"},
	}
	for _, step := range steps {
		if step.last {
			c.Last(topic, &step.do)
		} else {
			c.Publish(topic, &step.do)
		}
		states := []any{"-", "-"}
		for i, name := range []string{"a", "b"} {
			if s := c.GetByName(name); s != nil {
				states[i] = s.state
			}
		}
		if got := fmt.Sprintf("%s %s", states...); got != step.want {
			t.Fatalf("%s: %s, want %s", step.name, got, step.want)
		}
	}
	if len(c.byID) != 0 || len(c.byName) != 0 || len(c.All()) != 0 {
		t.Fatalf("left: %v, %v", c.byID, c.byName)
	}
}

func TestStageHoldsBackAndPublishesOnce(t *testing.T) {
	t.Parallel()
	c, topic := newTestCache(), NewTopic[Update[snapshot]]("all")
	s := topic.Subscribe(20)
	outer := c.Stage("1") // before the first snapshot, as while a channel is made
	c.Publish(topic, &snapshot{"1", "a", "down"})
	inner := c.Stage("1")
	c.Publish(topic, &snapshot{"1", "a", "ring"})
	c.Publish(topic, &snapshot{"2", "b", "other"})
	inner()
	inner()
	if c.Get("1") != nil {
		t.Fatal("a staged snapshot is in the cache")
	}
	c.Publish(topic, &snapshot{"1", "a", "ringing"})
	outer()
	c.Stage("1")() // nothing happened
	over := c.Stage("1")
	c.Publish(topic, &snapshot{"1", "a", "up"})
	c.Last(topic, &snapshot{"1", "a", "gone"})
	c.Publish(topic, &snapshot{"1", "a", "again"}) // the id again: not staged
	next := c.Stage("1")
	over()
	c.Publish(topic, &snapshot{"1", "a", "and again"})
	if c.Get("1").state != "again" {
		t.Fatal("a stage of before has ended another")
	}
	next()
	want := []string{"- other", "- ringing", "ringing gone.", "- again", "again and again"}
	if got := texts(drain(t, s)); !slices.Equal(got, want) || len(c.staged) != 0 {
		t.Fatalf("got %q, want %q; %d staged", got, want, len(c.staged))
	}
}

// Whoever publishes, each update begins where the one before it ended.
func TestCacheUpdatesChain(t *testing.T) {
	t.Parallel()
	c, topic := newTestCache(), NewTopic[Update[snapshot]]("all")
	s := topic.Subscribe(1 << 20)
	var wg sync.WaitGroup
	for p := range 4 {
		wg.Go(func() {
			for i := range 500 {
				c.Publish(topic, &snapshot{"1", "a", fmt.Sprint(p, i)})
				c.Get("1")
				c.GetByName("a")
			}
		})
	}
	wg.Wait()
	var last *snapshot
	got := drain(t, s)
	for i, u := range got {
		if u.Old != last {
			t.Fatalf("update %d: old is %v, want %v", i, u.Old, last)
		}
		last = u.New
	}
	if len(got) != 2000 || c.Get("1") != last {
		t.Fatalf("%d updates, the cache has %v, want %v", len(got), c.Get("1"), last)
	}
}
