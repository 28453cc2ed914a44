package merge

import (
	"time"

	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

// Time is the moment of a Step.
type Time struct {
	Mono int64 // monotonic clock, nanoseconds from any origin
	Wall int64 // wall clock, Unix nanoseconds; may jump
}

// Input is one thing that happened. One of Start, Peers, Own, FrameIn, JoinIn, JoinAnswerIn, SeenIn, ReplayEnd, Leave, Tick.
type Input interface{ input() }

// Start begins the join. Peers are the other nodes known to be alive.
type Start struct{ Peers []Node }

// Peers tells which other nodes are alive now.
type Peers struct{ Peers []Node }

// Own brings events of this node, in order. The machine keeps and stamps the entries.
type Own struct{ Entries []wire.Entry }

// FrameIn is a frame received: live, or as part of an answer to a Replay. The machine keeps the entries, not the frame.
type FrameIn struct {
	Frame  *wire.Frame
	Replay bool
}

// JoinIn is another node's Join.
type JoinIn struct{ Join *amibuspb.Join }

// JoinAnswerIn is an answer to our Join, or the news that we are fenced.
type JoinAnswerIn struct{ Answer *amibuspb.JoinAnswer }

// SeenIn is another node's Seen.
type SeenIn struct{ Seen *amibuspb.Seen }

// ReplayEnd says that the answer to an Ask is complete, or, if Failed, that there was none or it broke off.
type ReplayEnd struct {
	Ask    Ask
	Failed bool
}

// Leave ends this node's stream: a last frame with a mark of infinity goes out, and nothing is stamped any more.
type Leave struct{}

// Tick is the passing of time.
type Tick struct{}

func (Start) input()        {}
func (Peers) input()        {}
func (Own) input()          {}
func (FrameIn) input()      {}
func (JoinIn) input()       {}
func (JoinAnswerIn) input() {}
func (SeenIn) input()       {}
func (ReplayEnd) input()    {}
func (Leave) input()        {}
func (Tick) input()         {}

// Output is one thing to do. One of Emit, Keep, Early, Send, SendJoin, SendJoinAnswer, SendSeen, Ask, Change.
type Output interface{ output() }

// Emit gives the next events of the merged stream, and the gaps in it. The slice is valid until the next Step.
type Emit struct{ Events []Event }

// Keep gives events in the order of their arrival, to be journaled and for those who do not want to wait for an order: own ones as
// they are stamped, those of others as soon as nothing before them is missing, or is declared missing. The slice is valid until the
// next Step.
type Keep struct{ Events []Event }

// Early gives own events to be journaled that will be in a Keep only later: the end of the previous incarnation comes first. The slice
// is valid until the next Step.
type Early struct{ Events []Event }

// Send is a frame of this node for all others. Frame and entries slice are fresh.
type Send struct{ Frame *wire.Frame }

// SendJoin is a message for all others.
type SendJoin struct{ Join *amibuspb.Join }

// SendJoinAnswer is a message for one node.
type SendJoinAnswer struct {
	To     Node
	Answer *amibuspb.JoinAnswer
}

// SendSeen is a message for all others.
type SendSeen struct{ Seen *amibuspb.Seen }

// Ask wants events From…To of (Origin, Epoch) from the node Target; answer with FrameIn{Replay: true} … and then ReplayEnd.
type Ask struct {
	Target, Origin Node
	Epoch          uint64
	From, To       uint64
}

// Change says that a node's standing has changed.
type Change struct {
	Node  Node
	Epoch uint64
	What  ChangeKind
	Why   string
}

// ChangeKind is what a Change is about.
type ChangeKind uint8

// The changes.
const (
	Joined   ChangeKind = iota // a new incarnation is awaited from now on
	Dropped                    // the node left the wait set: it is not waited for any more
	Returned                   // the node is in the wait set again
	Left                       // the node left gracefully
	Settled                    // this node's own join is complete
	Fenced                     // Node is this node: its epoch is out of date, it joins again with the Epoch given
	Stale                      // a frame of an older incarnation was refused
	Skewed                     // Node is this node: its clock is off the others' and is being led back
	Refused                    // Node is this node: own events before its join were refused, there was no room
)

var changeNames = [...]string{"joined", "dropped", "returned", "left", "settled", "fenced", "stale", "skewed", "refused"}

// String returns the change in lower case, "joined".
func (k ChangeKind) String() string { return changeNames[k] }

func (Emit) output()           {}
func (Keep) output()           {}
func (Early) output()          {}
func (Send) output()           {}
func (SendJoin) output()       {}
func (SendJoinAnswer) output() {}
func (SendSeen) output()       {}
func (Ask) output()            {}
func (Change) output()         {}

// Config of a Machine. Zero durations and counts get the defaults named.
type Config struct {
	Self  Node
	Epoch uint64 // of this incarnation; must be above any this node had before
	// Hold is the longest an event waits for other nodes, from its arrival. 300 ms; at least five ticks.
	Hold time.Duration
	// Tick is the least time between two frames. 0: one millisecond for each node of the cluster.
	Tick time.Duration
	// MaxForward is how far ahead of the own clock a remote clock is believed. 2 s.
	MaxForward time.Duration
	// JoinWait bounds the wait for answers to a Join; those who answered drop the joiner if they do not hear from it within Hold
	// of the question. JoinRepeat is the time between repetitions. Two thirds of Hold, 50 ms.
	JoinWait, JoinRepeat time.Duration
	// Readmit is how long a dropped node must have been prompt to be waited for again; doubles with each drop up to a minute. 1 s.
	Readmit time.Duration
	// MaxQueued bounds the events that wait for release; beyond it, whoever blocks is dropped. 1,000,000.
	MaxQueued int
	// MaxAhead bounds the events kept behind a gap, for each origin; what does not fit is fetched again. 65,536.
	MaxAhead int
	// Previous incarnation and its last seq, if its journal has survived: an Ask to this node itself is answered from there.
	PreviousEpoch, PreviousSeq uint64
}

func (c *Config) defaults() {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&c.Hold, 300*time.Millisecond)
	set(&c.MaxForward, 2*time.Second)
	set(&c.JoinWait, c.Hold*2/3)
	set(&c.JoinRepeat, 50*time.Millisecond)
	set(&c.Readmit, time.Second)
	if c.MaxQueued == 0 {
		c.MaxQueued = 1_000_000
	}
	if c.MaxAhead == 0 {
		c.MaxAhead = 1 << 16
	}
}
