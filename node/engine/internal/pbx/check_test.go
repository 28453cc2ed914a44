package pbx

import (
	"fmt"
	"strings"
)

// checker holds the rules of ami/ordering.md that the engine promises without exception. Each Local rule number is one of that file.
type checker struct {
	channels map[string]*seen
	bridges  map[string]map[string]bool
	dials    map[string]string // destination → caller
	opening  map[string]bool   // optimizations
	parked   map[string]bool
	bad      []string
}

type seen struct {
	state, bridge, name string
	gone                bool
}

func newChecker() *checker {
	return &checker{map[string]*seen{}, map[string]map[string]bool{}, map[string]string{}, map[string]bool{}, map[string]bool{}, nil}
}

func (k *checker) fail(rule int, e *event, format string, args ...any) {
	k.bad = append(k.bad, fmt.Sprintf("rule %d: %s: %s", rule, e.name, fmt.Sprintf(format, args...)))
}

func (k *checker) event(e *event) {
	k.mentions(e)
	id := e.get("Uniqueid")
	switch e.name {
	case "Newstate":
		if c := k.channels[id]; c != nil {
			if c.state == e.get("ChannelState") {
				k.fail(7, e, "state %s stays", c.state)
			}
			c.state = e.get("ChannelState")
		}
	case "Hangup":
		k.hangup(e, id)
	case "BridgeCreate", "BridgeEnter", "BridgeLeave", "BridgeDestroy":
		k.bridge(e, e.get("BridgeUniqueid"), id)
	case "DialBegin", "DialState", "DialEnd":
		k.dial(e, e.get("DestUniqueid"))
	case "LocalOptimizationBegin", "LocalOptimizationEnd":
		if begin := e.name == "LocalOptimizationBegin"; k.opening[e.get("Id")] == begin {
			k.fail(38, e, "id %s", e.get("Id"))
		} else {
			k.opening[e.get("Id")] = begin
		}
	case "ParkedCall", "UnParkedCall", "ParkedCallTimeOut", "ParkedCallGiveUp":
		if park, id := e.name == "ParkedCall", e.get("ParkeeUniqueid"); k.parked[id] == park {
			k.fail(42, e, "%s", id)
		} else {
			k.parked[id] = park
		}
	}
}

// mentions checks every channel that the event is about.
func (k *checker) mentions(e *event) {
	if e.name == "OriginateResponse" || e.name == "AttendedTransfer" { // of stored snapshots
		return
	}
	for i, h := range e.headers {
		prefix, ok := strings.CutSuffix(h.name, "Uniqueid")
		if !ok || strings.HasSuffix(prefix, "Bridge") || strings.HasSuffix(prefix, "Swap") || h.value == "none" || e.get(prefix+"Channel") == "" {
			continue
		}
		c := k.channels[h.value]
		name := e.get(prefix + "Channel")
		switch {
		case e.name == "Newchannel" && i > 0:
			if c != nil && !c.gone {
				k.fail(2, e, "%s twice", h.value)
			}
			k.channels[h.value] = &seen{state: e.get("ChannelState"), name: name}
		case c == nil:
			k.fail(1, e, "%s before its Newchannel", name)
		case c.gone:
			k.fail(4, e, "%s after its Hangup", name)
		case c.name != name:
			k.fail(10, e, "%s was %s", name, c.name)
		}
		if e.name == "UserEvent" {
			return // what follows is data
		}
	}
}

func (k *checker) hangup(e *event, id string) {
	c := k.channels[id]
	if c == nil {
		return
	}
	c.gone = true
	if c.bridge != "" {
		k.fail(28, e, "%s is still in bridge %s", c.name, c.bridge)
	}
	if _, open := k.dials[id]; open && e.get("Cause") != "19" { // an Originate that times out says no DialEnd
		k.fail(18, e, "%s without its DialEnd", c.name)
	}
	if k.parked[id] {
		k.fail(42, e, "%s is still parked", c.name)
	}
	delete(k.dials, id)
}

func (k *checker) bridge(e *event, b, id string) {
	in, open := k.bridges[b]
	if e.name == "BridgeCreate" {
		if open {
			k.fail(25, e, "%s twice", b)
		}
		k.bridges[b] = map[string]bool{}
		return
	}
	if !open {
		k.fail(26, e, "%s is not open", b)
		return
	}
	c := k.channels[id]
	switch e.name {
	case "BridgeEnter":
		if c != nil && c.bridge != "" {
			k.fail(27, e, "%s is in %s", c.name, c.bridge)
		}
		in[id] = true
		if c != nil {
			c.bridge = b
		}
	case "BridgeLeave":
		if !in[id] {
			k.fail(27, e, "%s is not in", id)
		}
		delete(in, id)
		if c != nil {
			c.bridge = ""
		}
	case "BridgeDestroy":
		if len(in) > 0 {
			k.fail(29, e, "%d are in", len(in))
		}
		delete(k.bridges, b)
	}
	if n := fmt.Sprint(len(in)); n != e.get("BridgeNumChannels") {
		k.fail(30, e, "counts %s, there are %s", e.get("BridgeNumChannels"), n)
	}
}

func (k *checker) dial(e *event, dest string) {
	caller, open := k.dials[dest]
	switch {
	case e.name == "DialBegin" && open:
		k.fail(18, e, "%s twice", dest)
	case e.name == "DialBegin":
		k.dials[dest] = e.get("Uniqueid")
	case !open:
		k.fail(19, e, "%s without DialBegin", dest)
	case caller != e.get("Uniqueid"):
		k.fail(20, e, "caller %q, was %q", e.get("Uniqueid"), caller)
	}
	if e.name == "DialEnd" {
		delete(k.dials, dest)
	}
}

// over checks that nothing is left open at the end.
func (k *checker) over() {
	for _, c := range k.channels {
		if !c.gone {
			k.bad = append(k.bad, "rule 5: no Hangup of "+c.name)
		}
	}
}
