package pbx

import "strings"

// state is what a device does, by Asterisk's numbers.
type state uint8

const (
	unknown state = iota
	notInUse
	inUse
	isBusy
	invalid
	unavailable
	ringing
	ringInUse
	onHold
	stateCount
)

var stateNames = [stateCount]string{"UNKNOWN", "NOT_INUSE", "INUSE", "BUSY", "INVALID", "UNAVAILABLE", "RINGING", "RINGINUSE", "ONHOLD"}

func (s state) String() string { return stateNames[s] }

// parseState reads a name in any case; what is no state is unknown.
func parseState(name string) state {
	for i, known := range stateNames {
		if strings.EqualFold(known, name) {
			return state(i)
		}
	}
	return unknown
}

// ofChannel is what each state of a channel says of its device.
var ofChannel = [...]state{notInUse, inUse, inUse, inUse, inUse, ringing, inUse, isBusy, inUse, ringing}

// aggregate is the state of several: of a device's channels, or of a hint's devices.
type aggregate struct {
	state       state
	rings, used bool
}

var weights = [stateCount]int{unknown: 1, notInUse: 3, inUse: 6, isBusy: 7, invalid: 0, unavailable: 2, ringing: 5, ringInUse: 8, onHold: 4}

func newAggregate() aggregate { return aggregate{state: invalid} }

func (a *aggregate) add(s state) {
	a.rings = a.rings || s == ringing
	a.used = a.used || s == inUse || s == onHold || s == isBusy
	switch {
	case a.rings && a.used:
		a.state = ringInUse
	case weights[s] > weights[a.state]:
		a.state = s
	}
}

// The states of an extension are bits.
const (
	extenNone        = -1 // it has no hint
	extenIdle        = 0
	extenInUse       = 1
	extenBusy        = 2
	extenUnavailable = 4
	extenRinging     = 8
	extenOnHold      = 16
)

// exten is what a state of its devices says of an extension.
func (s state) exten() int {
	return [stateCount]int{inUse: extenInUse, isBusy: extenBusy, invalid: extenUnavailable, unavailable: extenUnavailable,
		ringing: extenRinging, ringInUse: extenInUse | extenRinging, onHold: extenOnHold}[s]
}

// extenText is the name of an extension's state.
func extenText(status int) string {
	switch status {
	case extenIdle:
		return "Idle"
	case extenInUse:
		return "InUse"
	case extenBusy:
		return "Busy"
	case extenUnavailable:
		return "Unavailable"
	case extenRinging:
		return "Ringing"
	case extenInUse | extenRinging:
		return "InUse&Ringing"
	case extenOnHold:
		return "Hold"
	}
	return "Unknown"
}
