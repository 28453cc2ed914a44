package member

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	claimEvery = time.Second // between two questions whose a name is
	claimPeers = 8           // how many are asked
)

// clash is two addresses of one name.
type clash struct {
	existing, other string
	first, last     time.Time
	told, alarmed   bool
}

// clash notes, with mu held, that two nodes have one name.
func (l *List) clash(name, existing, other string) {
	now := time.Now()
	c := l.clashes[name]
	if c == nil || c.existing != existing || c.other != other {
		c = &clash{existing: existing, other: other, first: now}
		l.clashes[name] = c
	}
	c.last = now
}

// judge says, with mu held, which names are used twice. At first that is nothing to worry about: a node that comes back at another
// address is there before its death is known.
func (l *List) judge(now time.Time) {
	lasting := l.cfg.Patience + 2*l.cfg.Rejoin // by then a newcomer has given up
	for name, c := range l.clashes {
		log := l.cfg.Log.With("node", name, "address", c.existing, "other_address", c.other)
		switch {
		case now.Sub(c.last) > lasting:
			delete(l.clashes, name)
		case !c.told:
			c.told = true
			log.Info("two nodes say they have the same name: is one of them about to go?")
		case c.last.Sub(c.first) > lasting && !c.alarmed:
			c.alarmed = true
			log.Error("two nodes have the same name; give one of them another node.name")
		}
	}
}

// Claim returns nil when this node's name is its own. If another node has it, at another address, Claim waits for that one to go, and
// fails after Config.Patience. Before that this node must not do anything under its name: it would disturb the other one.
func (l *List) Claim(ctx context.Context) error {
	rival, _ := l.Rival()
	for began, round := time.Now(), 0; ; round++ {
		reached := l.ask(rival)
		l.mu.Lock()
		if l.rival != "" {
			rival = l.rival
		}
		late := time.Since(began) >= l.cfg.Patience
		l.claimed = l.rival == "" && (l.granted || reached == 0 || late)
		claimed := l.claimed
		l.mu.Unlock()
		switch {
		case claimed && rival != "":
			l.cfg.Log.Info("the other node of this name has gone", "node", l.name, "was_at", rival, "waited", time.Since(began).Round(time.Millisecond))
			return nil
		case claimed:
			return nil
		case late:
			return l.taken(rival)
		case round == 0:
			if rival != "" {
				l.cfg.Log.Warn("another node has this node's name: waiting for it to go", "node", l.name, "address", l.Addr(), "other_address", rival,
					"patience", l.cfg.Patience)
			}
			continue // those asked have heard of us only now
		}
		select {
		case <-time.After(min(claimEvery, l.cfg.Rejoin)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// taken is why this node cannot go on.
func (l *List) taken(rival string) error {
	return fmt.Errorf("the name %s is taken: another node has it, at %s, and this one is at %s; stop the other one, or give this one another node.name",
		l.name, rival, l.own)
}

// ask exchanges all that is known with some of the others, and with the rival if there is one; it returns how many that were. Nobody is waited
// for who is known not to answer.
func (l *List) ask(rival string) (reached int) {
	addrs := make(map[string]bool)
	if rival != "" {
		addrs[rival] = true
	}
	l.mu.Lock()
	l.rival, l.granted = "", false
	for _, p := range l.table {
		if p.died.IsZero() && len(addrs) < claimPeers {
			addrs[p.addr] = true
		}
	}
	l.mu.Unlock()
	var asking sync.WaitGroup
	var mu sync.Mutex
	for _, addr := range slices.Sorted(maps.Keys(addrs)) {
		asking.Go(func() {
			n, err := l.ml.Join([]string{addr})
			l.tried(addr, err)
			mu.Lock()
			defer mu.Unlock()
			reached += n
		})
	}
	asking.Wait()
	return reached
}

// contested tells whether another node has this node's name, as far as is known.
func (l *List) contested() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.claimed && l.rival != ""
}

// Rival returns the address of another node that has this node's name, while Claim waits for it to go.
func (l *List) Rival() (addr string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rival, !l.claimed && l.rival != ""
}
