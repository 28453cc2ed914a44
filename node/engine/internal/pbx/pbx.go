package pbx

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/amibus/amibus/translator"
)

const (
	maxFrames   = 256              // queued on a channel
	maxHops     = 64               // from channel to channel, of one frame
	maxSteps    = 1000             // priorities of one channel at one instant
	pauseFor    = time.Millisecond // the rest of one that ran them
	maxTasks    = 100_000          // in one Step: the rest runs in the next
	maxChannels = 100_000
)

// Config is what a PBX is made of.
type Config struct {
	SystemName  string
	Dialplan    Dialplan
	Globals     []translator.Variable
	ChannelVars []string // shown in every snapshot
	Language    string   // of new channels; en
	Seed        uint64
	Endpoints   map[string]Endpoint // Sim/NAME
	Lots        []Lot               // default: one named default, 701 to 720, 45 s
	Warn        func(text string)   // a line for the log; may be nil
	Location    func(name string) *time.Location
}

// PBX is the state machine.
type PBX struct {
	cfg          Config
	rand         *rand.Rand
	now          time.Time
	said         time.Time // when the last event was
	ready        []func()  // what is due, in order
	hops         int       // of the frame that is being handled
	relayed      uint64    // its id
	frames       uint64    // ids
	timers       timers
	out          []Output
	started      bool
	channels     map[string]*channel // by uniqueid
	names        map[string]*channel
	byName, byID index
	bridges      map[string]*bridge
	bridgeSeq    uint64
	globals      variables
	db           map[string]string // AstDB, family/key
	devices      map[string]*device
	changes      []*device // to be looked at
	hints        map[place]*hint
	lots         map[string]*lot
	ids          int // the N of EPOCH.N
	threads      int // that there ever were
	locals       int
	sims         int
	optimize     int // ids of optimizations
	kept         int // devices whose state is kept
	stats        Stats
	scratch      []translator.Raised
}

// Stats of a PBX.
type Stats struct {
	Channels, Bridges int
	Calls             uint64 // channels there ever were
	DroppedFrames     uint64 // on channels that nobody read
	Refused           uint64 // channels beyond the limit
	Unkept            uint64 // database entries, device states and hints beyond the limits
}

// New returns a PBX without calls.
func New(cfg Config) *PBX {
	if cfg.Language == "" {
		cfg.Language = "en"
	}
	if cfg.Warn == nil {
		cfg.Warn = func(string) {}
	}
	p := &PBX{
		cfg: cfg, rand: rand.New(rand.NewPCG(cfg.Seed, cfg.Seed^0x9e3779b97f4a7c15)),
		channels: map[string]*channel{}, names: map[string]*channel{}, byName: index{}, byID: index{}, bridges: map[string]*bridge{}, lots: map[string]*lot{},
		db: map[string]string{}, devices: map[string]*device{}, hints: map[place]*hint{},
	}
	for _, v := range cfg.Globals {
		p.globals.set(v.Name, v.Value, v.Value == "")
	}
	p.makeLots()
	p.knowEndpoints()
	p.readHints(false)
	return p
}

// Step brings the PBX to now, handles the inputs, and returns what is to be said. next is when it wants to be called again at the latest;
// zero: when something happens. The outputs are valid until the next Step.
func (p *PBX) Step(now time.Time, inputs ...Input) (out []Output, next time.Time) {
	clear(p.out)
	p.out = p.out[:0]
	budget := maxTasks
	p.catchUp(now, &budget)
	for _, in := range inputs {
		p.handle(in)
	}
	p.drain(&budget)
	if len(p.ready) > 0 {
		return p.out, p.now
	}
	return p.out, p.timers.next()
}

// catchUp lets everything happen that was due before now, each at its own time.
func (p *PBX) catchUp(now time.Time, budget *int) {
	if !p.started {
		p.started, p.now = true, now
	}
	for p.drain(budget); *budget > 0; p.drain(budget) {
		t := p.timers.pop(now)
		if t == nil {
			break
		}
		if t.at.After(p.now) {
			p.now = t.at
		}
		*budget--
		t.run()
	}
	if now.After(p.now) && len(p.ready) == 0 {
		p.now = now
	}
}

// drain runs what is due, first come, first served.
func (p *PBX) drain(budget *int) {
	at := 0
	for ; at < len(p.ready) && *budget > 0; at++ {
		*budget--
		run := p.ready[at]
		p.ready[at] = nil
		run()
	}
	rest := copy(p.ready, p.ready[at:])
	clear(p.ready[rest:])
	p.ready = p.ready[:rest]
}

// soon runs a task when those that are due have run.
func (p *PBX) soon(run func()) { p.ready = append(p.ready, run) }

// Stats returns the figures of now.
func (p *PBX) Stats() Stats {
	s := p.stats
	s.Channels, s.Bridges = len(p.channels), len(p.bridges)
	return s
}

// overflow counts what a limit does not let in, and says so of the first.
func (p *PBX) overflow(format string, args ...any) {
	if p.stats.Unkept++; p.stats.Unkept == 1 {
		p.warn(format, args...)
	}
}

func (p *PBX) warn(format string, args ...any) { p.cfg.Warn(fmt.Sprintf(format, args...)) }

// uuid makes a version 4 UUID of the PBX's own randomness.
func (p *PBX) uuid() string {
	a, b := p.rand.Uint64(), p.rand.Uint64()
	a = a&^0xf000 | 0x4000
	b = b&^(3<<62) | 1<<63
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&0xffffffffffff)
}
