//go:build chaos && linux

package chaos

import (
	"hash/maphash"
	"net"
	"sync"
	"testing"
	"time"
)

var seed = maphash.MakeSeed()

const (
	asteriskAddr  = "127.0.0.1:5039"
	writePatience = 30 * time.Second // a frozen node must not lose its link
)

// asterisk is a small manager interface that numbers what it says. It counts on while nobody listens.
type asterisk struct {
	index  int
	system string // its systemname, which is not the name of its node
	ln     net.Listener
	rate   int
	done   chan struct{}
	wg     sync.WaitGroup

	mu       sync.Mutex
	talking  bool
	said     uint32
	texts    []uint64 // of number n at n-1
	links    []*wire
	sessions map[*manager]bool

	variables map[string]string // global ones, which live as long as an Asterisk
}

// wire is a link, with the time of each write.
type wire struct {
	link
	writes []write
}

type write struct {
	at   time.Time
	last uint32
}

func newAsterisk(t *testing.T, index int, name string, rate int) *asterisk {
	t.Helper()
	a := &asterisk{index: index, system: "pbx-" + name, rate: rate, done: make(chan struct{}), sessions: map[*manager]bool{}, variables: map[string]string{}}
	if err := inside(name, func() (err error) {
		a.ln, err = net.Listen("tcp", asteriskAddr)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	a.wg.Go(a.accept)
	a.wg.Go(a.speak)
	t.Cleanup(func() {
		close(a.done)
		a.ln.Close()
		a.mu.Lock()
		for s := range a.sessions {
			s.conn.Close()
		}
		a.mu.Unlock()
		a.wg.Wait()
	})
	return a
}

func (a *asterisk) accept() {
	for {
		conn, err := a.ln.Accept()
		if err != nil {
			return
		}
		a.wg.Go(func() { a.serve(conn) })
	}
}

// talk lets it say rate events a second, or nothing.
func (a *asterisk) talk(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.talking = on
}

// one lets it say one event.
func (a *asterisk) one() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.say(nil, 1)
}

// speak says what is due. What nobody hears counts as said.
func (a *asterisk) speak() {
	const step = 2 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	last, owed := time.Now(), 0.0
	var text []byte
	for {
		select {
		case <-a.done:
			return
		case now := <-tick.C:
			a.mu.Lock()
			if a.talking {
				owed += now.Sub(last).Seconds() * float64(a.rate)
				n := int(owed)
				owed -= float64(n)
				text = a.say(text[:0], n)
			}
			last = now
			a.mu.Unlock()
		}
	}
}

// say needs mu.
func (a *asterisk) say(text []byte, n int) []byte {
	for range n {
		from := len(text)
		a.said++
		text = a.appendEvent(text, a.said)
		a.texts = append(a.texts, maphash.Bytes(seed, text[from:]))
	}
	for s := range a.sessions {
		if s.wire == nil || n == 0 {
			continue
		}
		s.wire.last = a.said // before the write, of which a part may arrive
		s.wire.writes = append(s.wire.writes, write{time.Now(), a.said})
		s.send(text)
	}
	return text
}

// killed notes that the node's end of the newest link is killed now: the end of what was written to it may be missing.
func (a *asterisk) killed() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(a.links); n > 0 {
		a.links[n-1].killed = true
	}
}

// wrote returns what was written so far; a link to which nothing was written owes nothing.
func (a *asterisk) wrote() source {
	a.mu.Lock()
	defer a.mu.Unlock()
	texts := a.texts
	s := source{text: func(n uint32) uint64 {
		if n == 0 || int(n) > len(texts) {
			return 0
		}
		return texts[n-1]
	}}
	for _, l := range a.links {
		if l.last >= l.first {
			s.links = append(s.links, l.link)
		}
	}
	return s
}

// written is when a number was written to a link.
func (a *asterisk) written(n uint32) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.links {
		for _, w := range l.writes {
			if l.first <= n && n <= w.last {
				return w.at
			}
		}
	}
	return time.Time{}
}
