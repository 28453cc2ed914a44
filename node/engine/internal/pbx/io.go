package pbx

import (
	"time"

	"github.com/amibus/amibus/translator"
)

// Output is one thing to be said: an event, or the answer to an input.
type Output struct {
	At    time.Time
	Event translator.Raised // if it has a name
	// A channel event made of a snapshot comes with the pair it was made of.
	Old, New *translator.Channel
	Reply    *Reply
}

// Reply answers the input of an ID.
type Reply struct {
	ID    uint64
	Error string // as Asterisk words it; empty: success
	Text  string
	Items []translator.Raised // of a list
}

// Input is one thing that happened: one of the types below.
type Input interface{ input() }

// Originate makes a call. Channel is TECH/RESOURCE; what answers runs Application, or Context, Exten, Priority.
type Originate struct {
	ID                        uint64 // answered at once if Async, else when the call is
	ActionID                  string
	Channel                   string
	Context, Exten            string
	Priority                  int
	Application, Data         string
	Timeout                   time.Duration // 30 s; negative: none
	CallerNum, CallerName     string
	Account                   string
	ChannelID, OtherChannelID string
	Variables                 []translator.Variable // in order
	Async                     bool
	EarlyMedia                bool   // progress is as good as an answer
	PreDial                   string // what PreDialGoSub says
}

// Hangup ends a channel, by name or uniqueid.
type Hangup struct {
	ID      uint64
	Channel string
	Cause   int
}

// HangupMatching ends all channels whose name matches. The answer's items are what the action lists.
type HangupMatching struct {
	ID    uint64
	Match func(name string) bool
	Cause int
}

// UserEvent raises one that is about no channel.
type UserEvent struct {
	ID   uint64
	Name string
	Body []translator.Part
}

// HangupFar is the far end of an endpoint's channel hanging up.
type HangupFar struct {
	Channel string
	Cause   int // 16
}

// Redirect sends one channel, or two at the same time, to a place in the dialplan.
type Redirect struct {
	ID                              uint64
	Channel, Context, Exten         string
	Priority                        int
	Extra, ExtraContext, ExtraExten string
	ExtraPriority                   int
}

// Bridge joins two channels in a new bridge.
type Bridge struct {
	ID                 uint64
	Channel1, Channel2 string
}

// BridgeDestroy ends a bridge.
type BridgeDestroy struct {
	ID     uint64
	Bridge string
}

// BridgeKick takes a channel out of a bridge.
type BridgeKick struct {
	ID              uint64
	Bridge, Channel string
}

// BlindTransfer sends whom the channel talks to to a place in the dialplan.
type BlindTransfer struct {
	ID                      uint64
	Channel, Context, Exten string
}

// Atxfer starts an attended transfer: the channel's peer hears music while the channel talks to Exten.
type Atxfer struct {
	ID                      uint64
	Channel, Context, Exten string
}

// AttendedTransfer is an endpoint's button: the two channels are its calls, whom it talks to in the one goes on with whom it talks to in
// the other.
type AttendedTransfer struct {
	ID              uint64
	Channel, Second string
}

// AbsoluteTimeout ends a channel after a time; 0 takes that back.
type AbsoluteTimeout struct {
	ID      uint64
	Channel string
	After   time.Duration
}

// LocalOptimizeAway lets a Local channel that was made with /n be optimized away after all.
type LocalOptimizeAway struct {
	ID      uint64
	Channel string
}

// CancelAtxfer takes the channel back to whom it talked to before its Atxfer.
type CancelAtxfer struct {
	ID      uint64
	Channel string
}

// Park parks a channel, announced to (and after the timeout handed to) another.
type Park struct {
	ID              uint64
	Channel, Return string
	Timeout         time.Duration // the lot's
	Lot, Space      string        // default; any
}

// PlayDTMF sends a digit out on a channel, or, if Receive, makes it one that came in.
type PlayDTMF struct {
	ID       uint64
	Channel  string
	Digit    byte
	Duration time.Duration // 100 ms
	Receive  bool
}

// SetVar sets a variable or function of a channel, or, without a channel, a global one.
type SetVar struct {
	ID                   uint64
	Channel, Name, Value string
}

// Incoming is a call that arrives from an endpoint.
type Incoming struct {
	Endpoint, Context, Exten, CallerNum, CallerName string
	Variables                                       []translator.Variable
	Begun                                           func(uniqueid string) // called when it has; may be nil
}

// Hold is what an endpoint's hold button does.
type Hold struct {
	ID      uint64
	Channel string
	On      bool
}

func (Originate) input()         {}
func (Hangup) input()            {}
func (HangupFar) input()         {}
func (HangupMatching) input()    {}
func (UserEvent) input()         {}
func (Redirect) input()          {}
func (Bridge) input()            {}
func (BridgeDestroy) input()     {}
func (BridgeKick) input()        {}
func (BlindTransfer) input()     {}
func (Atxfer) input()            {}
func (AbsoluteTimeout) input()   {}
func (LocalOptimizeAway) input() {}
func (AttendedTransfer) input()  {}
func (CancelAtxfer) input()      {}
func (Park) input()              {}
func (PlayDTMF) input()          {}
func (SetVar) input()            {}
func (Incoming) input()          {}
func (Hold) input()              {}
