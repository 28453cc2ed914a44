package ami

import (
	"bytes"
	"math/bits"
)

// Class is a set of AMI event or action classes, with Asterisk's bits (include/asterisk/manager.h; ami/behaviour.md 6.1).
type Class uint64

// The classes of Asterisk 22, in bit order.
const (
	ClassSystem       Class = 1 << 0
	ClassCall         Class = 1 << 1
	ClassLog          Class = 1 << 2
	ClassVerbose      Class = 1 << 3
	ClassCommand      Class = 1 << 4
	ClassAgent        Class = 1 << 5
	ClassUser         Class = 1 << 6
	ClassConfig       Class = 1 << 7
	ClassDTMF         Class = 1 << 8
	ClassReporting    Class = 1 << 9
	ClassCDR          Class = 1 << 10
	ClassDialplan     Class = 1 << 11
	ClassOriginate    Class = 1 << 12
	ClassAGI          Class = 1 << 13
	ClassHookResponse Class = 1 << 14
	ClassCC           Class = 1 << 15
	ClassAOC          Class = 1 << 16
	ClassTest         Class = 1 << 17
	ClassSecurity     Class = 1 << 18
	ClassMessage      Class = 1 << 30

	ClassNone Class = 0
	ClassAll  Class = 1<<31 - 1
)

var classNames = []struct {
	name string
	bit  Class
}{
	{"system", ClassSystem}, {"call", ClassCall}, {"log", ClassLog}, {"verbose", ClassVerbose}, {"command", ClassCommand},
	{"agent", ClassAgent}, {"user", ClassUser}, {"config", ClassConfig}, {"dtmf", ClassDTMF}, {"reporting", ClassReporting},
	{"cdr", ClassCDR}, {"dialplan", ClassDialplan}, {"originate", ClassOriginate}, {"agi", ClassAGI},
	{"hookresponse", ClassHookResponse}, {"cc", ClassCC}, {"aoc", ClassAOC}, {"test", ClassTest}, {"security", ClassSecurity},
	{"message", ClassMessage},
}

// ClassNamed returns the class of an exact, lower-case name; ok is false for a name Asterisk does not know.
func ClassNamed(name string) (c Class, ok bool) {
	if name == "all" {
		return ClassAll, true
	}
	c = classBit(name)
	return c, c != 0
}

// First returns the name of the lowest class in c, "none" if c is empty, "all" if c has bits but no known one.
// The keyed plane files an event under it.
func (c Class) First() string {
	if c == 0 {
		return "none"
	}
	low := Class(1) << bits.TrailingZeros64(uint64(c))
	for _, n := range classNames {
		if n.bit == low {
			return n.name
		}
	}
	return "all"
}

// AppendPrivilege appends the value of a Privilege header: the names in bit order, then always "all", or "<none>"
// (ami/behaviour.md 6.9).
func (c Class) AppendPrivilege(dst []byte) []byte {
	if c == 0 {
		return append(dst, "<none>"...)
	}
	for _, n := range classNames {
		if c&n.bit != 0 {
			dst = append(append(dst, n.name...), ',')
		}
	}
	return append(dst, "all"...)
}

// ParsePrivilege is the inverse of AppendPrivilege for known classes. ok is false if v is not exactly what AppendPrivilege
// writes for some. Nearly every event has one class, so those are looked up whole.
func ParsePrivilege(v []byte) (c Class, ok bool) {
	switch string(v) {
	case "call,all":
		return ClassCall, true
	case "dialplan,all":
		return ClassDialplan, true
	case "cdr,all":
		return ClassCDR, true
	case "user,all":
		return ClassUser, true
	case "agent,all":
		return ClassAgent, true
	case "system,all":
		return ClassSystem, true
	case "security,all":
		return ClassSecurity, true
	case "reporting,all":
		return ClassReporting, true
	case "<none>":
		return ClassNone, true
	}
	for last := Class(0); ; {
		i := bytes.IndexByte(v, ',')
		if i < 0 {
			if string(v) != "all" {
				c = 0
			}
			return c, c != 0
		}
		bit := classBit(v[:i])
		if bit <= last {
			return 0, false
		}
		c, last, v = c|bit, bit, v[i+1:]
	}
}

// classBit returns the bit of a class name, 0 if there is none.
func classBit[T string | []byte](name T) Class {
	for i := range classNames {
		if string(name) == classNames[i].name {
			return classNames[i].bit
		}
	}
	return 0
}
