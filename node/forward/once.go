package forward

import (
	"bytes"
	"context"
	"hash/maphash"
	"sync"
	"time"

	"github.com/amibus/amibus/bus"
)

// Bounds of what is remembered of actions that were run for other nodes.
const (
	keepFor   = time.Minute  // after its end
	keepMost  = 16384        // actions that have ended
	keepBytes = 16 << 20     // of all answers
	keepEach  = bus.MaxChunk // of an answer
)

// requestKey identifies what a client of another node has asked for.
type requestKey struct {
	site, node              string
	epoch, session, counter uint64
}

// once remembers the actions that were run for other nodes, so that one that comes again is not run again.
type once struct {
	now  func() time.Time
	seed maphash.Seed

	mu     sync.Mutex
	known  map[requestKey]*kept
	ended  []*kept   // in the order in which they did
	bytes  int       // of the answers of ended
	forgot time.Time // when one was last forgotten before its time
}

// kept is an action and its answer.
type kept struct {
	key   requestKey
	sum   uint64        // of what was asked
	done  chan struct{} // closed when text and whole are final
	text  []byte
	most  bool // the answer is too long to be kept
	whole bool
	at    time.Time // of the end
}

func newOnce(now func() time.Time) *once {
	return &once{now: now, seed: maphash.MakeSeed(), known: map[requestKey]*kept{}}
}

// standing is what is known of an action that comes.
type standing uint8

const (
	first   standing = iota // it has not come before
	unknown                 // it has not come before, or was forgotten
	again                   // it has
	another                 // the key stands for another action
)

// begin looks up an action. If it has not come before, it is known from now on, and end must be called.
func (o *once) begin(key requestKey, action []byte) (*kept, standing) {
	sum := maphash.Bytes(o.seed, action)
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	for len(o.ended) > 0 && now.Sub(o.ended[0].at) >= keepFor {
		o.forget()
	}
	if k := o.known[key]; k != nil {
		if k.sum != sum {
			return nil, another
		}
		return k, again
	}
	k := &kept{key: key, sum: sum, done: make(chan struct{})}
	o.known[key] = k
	if !o.forgot.IsZero() && now.Sub(o.forgot) < keepFor {
		return k, unknown
	}
	return k, first
}

// end makes what has come of the answer final.
func (o *once) end(k *kept, whole bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	k.at, k.whole = o.now(), whole && !k.most
	if !k.whole {
		k.text = nil
	}
	k.text = bytes.Clone(k.text)
	close(k.done)
	o.ended = append(o.ended, k)
	o.bytes += len(k.text)
	for len(o.ended) > keepMost || o.bytes > keepBytes {
		o.forgot = k.at
		o.forget()
	}
}

// forget forgets the one that ended first.
func (o *once) forget() {
	k := o.ended[0]
	o.ended[0] = nil
	o.ended = o.ended[1:]
	o.bytes -= len(k.text)
	delete(o.known, k.key)
}

// recorder returns a send that keeps what it sends, and goes on keeping when nobody is there any more: the asker may ask again.
func (k *kept) recorder(send func([]byte) error) func([]byte) error {
	gone := false
	return func(b []byte) error {
		if k.most = k.most || len(k.text)+len(b) > keepEach; !k.most {
			k.text = append(k.text, b...)
		}
		var err error
		if !gone {
			err = send(b)
			gone = err != nil
		}
		if gone && k.most {
			return bus.ErrLost
		}
		return nil
	}
}

// answer sends what was answered the first time, as soon as that is there.
func (k *kept) answer(ctx context.Context, id []byte, name string, send func([]byte) error) error {
	select {
	case <-k.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if !k.whole {
		return send(failure(id, "Node "+name+" has run this action before, and has no whole answer").Add("Outcome", "unknown").Bytes())
	}
	return send(k.text)
}
