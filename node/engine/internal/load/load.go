package load

import (
	"container/heap"
	_ "embed"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/amibus/amibus/node/engine/internal/pbx"
)

const (
	maxDeeds = 100_000
	// maxLate is how late a call may be made: after a pause of the process those that are later are left out.
	maxLate = 2 * time.Second

	context = "amibus-load"
	phones  = 40  // Sim/load-100, Sim/load-101 …
	first   = 100 // their numbers
	helpful = 4   // so many of them always answer
)

// Dialplan is what the calls of a Generator run.
//
//go:embed load.conf
var Dialplan string

// Config of a Generator.
type Config struct {
	CallsPerSecond float64
	Transfers      bool    // the mix that moves calls about, else that of an office
	Speed          float64 // how much faster than people all is done: what they take their time for takes so much less; 0: 1
	Seed           uint64
	Warn           func(text string) // a line for the log; may be nil
}

// Calls is what a Generator may ask of the PBX.
type Calls interface {
	// Peer is the uniqueid of the one that a channel talks to in a bridge of two; ok is false if it does not.
	Peer(uniqueid string) (peer string, ok bool)
}

// Generator makes calls.
type Generator struct {
	cfg    Config
	rand   *rand.Rand
	mix    []share
	sum    int
	now    time.Time
	next   time.Time // call
	deeds  deeds
	order  uint64
	before call // the call before
	out    []pbx.Input
	stats  Stats
}

// Stats of a Generator.
type Stats struct {
	Calls   uint64
	Planned uint64 // deeds
	LeftOut uint64 // deeds beyond maxDeeds, and calls that would have been made during a pause of the process
}

// New returns a Generator, and the endpoints that it calls.
func New(cfg Config) (*Generator, map[string]pbx.Endpoint) {
	g := &Generator{cfg: cfg, rand: rand.New(rand.NewPCG(cfg.Seed, 0x6f6666696365)), mix: office}
	if g.cfg.Speed == 0 {
		g.cfg.Speed = 1
	}
	if cfg.Transfers {
		g.mix = transfers
	}
	for _, s := range g.mix {
		g.sum += s.weight
	}
	return g, g.people()
}

// Stats returns the figures of now.
func (g *Generator) Stats() Stats { return g.stats }

// Step returns what is to happen now. The inputs are valid until the next Step.
func (g *Generator) Step(now time.Time, calls Calls) []pbx.Input {
	g.now = now
	clear(g.out)
	g.out = g.out[:0]
	if g.next.IsZero() {
		g.next = now.Add(g.pause())
	}
	for len(g.deeds) > 0 && !g.deeds[0].at.After(now) {
		d := heap.Pop(&g.deeds).(deed)
		d.do(calls)
	}
	for ; !g.next.After(now); g.next = g.next.Add(g.pause()) {
		if now.Sub(g.next) > maxLate {
			g.leaveOut(fmt.Sprintf("the process did not run for a while, or is too slow: calls that are %v late are not made", maxLate))
			continue
		}
		g.stats.Calls++
		g.dial()
	}
	return g.out
}

// Next is when there is something to do again.
func (g *Generator) Next() time.Time {
	if len(g.deeds) > 0 && g.deeds[0].at.Before(g.next) {
		return g.deeds[0].at
	}
	return g.next
}

// pause is the time to the next call.
func (g *Generator) pause() time.Duration {
	return time.Duration(g.rand.ExpFloat64() / g.cfg.CallsPerSecond * float64(time.Second))
}

func (g *Generator) say(in pbx.Input) { g.out = append(g.out, in) }

// dial makes a call, of the kind that the mix has in store.
func (g *Generator) dial() {
	n := g.rand.IntN(g.sum)
	for _, s := range g.mix {
		if n -= s.weight; n < 0 {
			s.make(g)
			return
		}
	}
}

// call is one that an endpoint made: its channel.
type call struct{ id, endpoint string }

// begin lets an endpoint call, and plans what is done with the call; then is nil if nothing is.
func (g *Generator) begin(from, exten, num, name string, then func(call)) {
	in := pbx.Incoming{Endpoint: from, Context: context, Exten: exten, CallerNum: num, CallerName: name}
	if then != nil {
		in.Begun = func(id string) { then(call{id, from}) }
	}
	g.say(in)
}

// leaveOut counts what is not done, and says why of the first.
func (g *Generator) leaveOut(why string) {
	if g.stats.LeftOut++; g.stats.LeftOut == 1 && g.cfg.Warn != nil {
		g.cfg.Warn("load: " + why)
	}
}

// chance is so many times out of a hundred.
func (g *Generator) chance(percent int) bool { return g.rand.IntN(100) < percent }

// some is a time between so many seconds.
func (g *Generator) some(from, to float64) time.Duration {
	return g.time(time.Duration((from + g.rand.Float64()*(to-from)) * float64(time.Second)))
}

// time is how long something takes that takes people so long.
func (g *Generator) time(d time.Duration) time.Duration {
	return time.Duration(float64(d) / g.cfg.Speed)
}

func (g *Generator) phone() int { return first + g.rand.IntN(phones) }

// other is a phone that is not this one.
func (g *Generator) other(than int) int { return first + (than-first+1+g.rand.IntN(phones-1))%phones }

func endpoint(phone int) string { return fmt.Sprintf("load-%d", phone) }

// number is one of the world outside.
func (g *Generator) number() string { return fmt.Sprintf("030%07d", g.rand.IntN(10_000_000)) }

// deed is one that is planned.
type deed struct {
	at    time.Time
	order uint64
	do    func(Calls)
}

type deeds []deed

func (d deeds) Len() int { return len(d) }
func (d deeds) Less(i, j int) bool {
	return d[i].at.Before(d[j].at) || d[i].at.Equal(d[j].at) && d[i].order < d[j].order
}
func (d deeds) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *deeds) Push(x any)   { *d = append(*d, x.(deed)) }
func (d *deeds) Pop() any {
	last := len(*d) - 1
	x := (*d)[last]
	(*d)[last] = deed{}
	*d = (*d)[:last]
	return x
}

// after plans a deed some seconds from now.
func (g *Generator) after(from, to float64, do func(Calls)) {
	if len(g.deeds) >= maxDeeds {
		g.leaveOut(fmt.Sprintf("nothing more is planned to be done with calls: there are %d plans already", maxDeeds))
		return
	}
	g.order++
	g.stats.Planned++
	heap.Push(&g.deeds, deed{g.now.Add(g.some(from, to)), g.order, do})
}
