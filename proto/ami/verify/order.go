package verify

import (
	"bytes"
	"hash/maphash"
	"strconv"
	"time"
)

// order is where a node's stream is.
type order struct {
	epoch, seq uint64 // of the last EventID
	at         int64  // the event that had it
	stamp      int64  // of the last event of the main stream with a Timestamp, in µs
	stampAt    int64
	name       string
	hash       uint64 // of that event
}

var hashSeed = maphash.MakeSeed()

// order checks rule 52: the events of a node are in their order, and none comes twice.
func (c *Checker) order(e *event) {
	last := &e.node.last
	if epoch, seq, ok := parseEventID(e.values[hEventID]); ok && (last.at > 0 || e.spec.name != "UserEvent") {
		switch {
		case last.at == 0 || epoch > last.epoch:
		case epoch == last.epoch && seq == last.seq:
			c.report(52, e, []Ref{{last.at, "the event before it"}}, "an event comes twice")
		case epoch < last.epoch || seq < last.seq:
			c.report(52, e, []Ref{{last.at, "the event before it"}}, "an event comes behind a later one of its node: epoch %d seq %d behind %d %d", epoch, seq,
				last.epoch, last.seq)
			return
		}
		last.epoch, last.seq, last.at = epoch, seq, e.ref.At
	}
	if e.spec.aside || e.values[hTimestamp] == nil {
		return
	}
	stamp, ok := parseStamp(e.values[hTimestamp])
	if !ok {
		return
	}
	hash := maphash.Bytes(hashSeed, e.msg.Bytes())
	earlier := Ref{last.stampAt, last.name}
	switch {
	case last.stamp > stamp:
		c.report(52, e, []Ref{earlier}, "Timestamp is %v before that of an earlier event: the events are out of order, or the clock was set back",
			time.Duration(last.stamp-stamp)*time.Microsecond)
	case last.stamp == stamp && last.hash == hash && e.values[hEventID] == nil:
		c.report(52, e, []Ref{earlier}, "an event comes twice, Timestamp and all")
	}
	last.stamp, last.stampAt, last.name, last.hash = stamp, e.ref.At, e.spec.name, hash
}

// parseEventID reads site/node/epoch/seq.
func parseEventID(v []byte) (epoch, seq uint64, ok bool) {
	if v == nil {
		return 0, 0, false
	}
	at := bytes.LastIndexByte(v, '/')
	if at < 0 {
		return 0, 0, false
	}
	seq, err := strconv.ParseUint(string(v[at+1:]), 10, 64)
	if err != nil {
		return 0, 0, false
	}
	epoch, err = strconv.ParseUint(string(v[bytes.LastIndexByte(v[:at], '/')+1:at]), 10, 64)
	return epoch, seq, err == nil
}

// parseStamp reads seconds.microseconds.
func parseStamp(v []byte) (micros int64, ok bool) {
	if len(v) < 8 || len(v) > 18 || v[len(v)-7] != '.' {
		return 0, false
	}
	for i, d := range v {
		if i == len(v)-7 {
			continue
		}
		if d < '0' || d > '9' {
			return 0, false
		}
		micros = micros*10 + int64(d-'0')
	}
	return micros, true
}
