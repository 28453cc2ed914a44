package pbx

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/translator"
)

// The states of a channel.
const (
	stateDown    = 0
	stateRing    = 4
	stateRinging = 5
	stateUp      = 6
	stateBusy    = 7
)

// party is a number and a name: who calls, or who is connected.
type party struct{ num, name string }

// flags tell a thread to stop what it does.
type flags uint8

const (
	flagHangup   flags = 1 << iota // the channel is to end
	flagRedirect                   // its thread stops what it does, and goes on at goTo
)

// channel is one leg of a call.
type channel struct {
	p                        *PBX
	tech                     tech
	name, uniqueid, linkedid string
	seq                      uint64 // in the order in which they came
	created, answered        time.Time
	state, cause             int
	pending                  int // the cause that comes with a queued hangup
	caller, connected        party
	id                       identity
	details                  details
	after                    func() bool // goes on when its bridge is over; false: it does not
	language, account        string
	place                    place
	app, data                string
	vars                     variables
	last                     *translator.Channel // as published
	frames                   []frame
	reader                   func(frame) // who waits for frames, nil: nobody
	waking                   bool        // a delivery is due
	flags                    flags
	goTo                     place    // where flagRedirect sends it
	thread                   *thread  // the dialplan it runs, if any
	running                  *thread  // whose application runs: thread, or a subroutine besides
	handlers                 []string // subroutines to run when it ends, first to last
	member                   *member  // its place in a bridge, if any
	comeback                 string   // whom to ring for a parked call that nobody came for, and how long: what Dial gets
	ending                   bool     // its handlers run: nothing else may begin
	gone                     bool
	expired                  bool   // AbsoluteTimeout is over
	limit                    *timer // AbsoluteTimeout
	waiting                  *timer // of what it does now
	held, music              bool
	digits                   uint64             // those that have begun
	dialEnd                  string             // the last DialStatus that it told in a bridge
	heard                    [frameKinds]uint64 // the last frame of each kind, by its id
	device                   *device
	use                      state // of its device, as far as it counts
}

// place is one in the dialplan.
type place struct {
	context, exten string
	priority       int
}

// newChannel makes a channel and says Newchannel. An empty id is made. ok is false if there are too many, or the id is taken.
func (p *PBX) newChannel(t tech, name, id, linkedid string, state int, at place) (c *channel, ok bool) {
	if len(p.channels) >= maxChannels {
		p.stats.Refused++
		p.warn("channel %s refused: there are %d channels already", name, maxChannels)
		return nil, false
	}
	if id == "" {
		id = p.newID()
	}
	if p.channels[id] != nil {
		return nil, false
	}
	c = &channel{
		p: p, tech: t, name: name, uniqueid: id, linkedid: linkedid, seq: p.stats.Calls, created: p.now, state: state,
		language: p.cfg.Language, place: at, details: details{amaFlags: noFlags},
	}
	if linkedid == "" {
		c.linkedid = id
	}
	p.channels[id], p.names[name] = c, c
	p.byID.add(id, c)
	p.byName.add(name, c)
	c.join()
	p.stats.Calls++
	c.publish()
	return c, true
}

// newID makes a uniqueid as Asterisk does: EPOCH.N, behind the systemname if there is one.
func (p *PBX) newID() string {
	id := strconv.FormatInt(p.now.Unix(), 10) + "." + strconv.Itoa(p.ids)
	p.ids++
	if p.cfg.SystemName != "" {
		id = p.cfg.SystemName + "-" + id
	}
	return id
}

// older says whether a linkedid is of an earlier call than another.
func older(a, b string) bool {
	x, n, ok := idTime(a)
	y, m, known := idTime(b)
	if !ok || !known {
		return a < b
	}
	return x < y || x == y && n < m
}

// idTime reads [systemname-]EPOCH.N.
func idTime(id string) (epoch, n int, ok bool) {
	id = id[strings.LastIndexByte(id, '-')+1:]
	seconds, count, found := strings.Cut(id, ".")
	if !found {
		return 0, 0, false
	}
	epoch, err := strconv.Atoi(seconds)
	n, err2 := strconv.Atoi(count)
	return epoch, n, err == nil && err2 == nil
}

// hangup ends a channel, once its handlers have run. Nobody may use it afterwards.
func (c *channel) hangup() {
	if c.gone || c.ending {
		return
	}
	c.ending, c.reader = true, nil
	c.runHandlers(c.bury)
}

// bury tells the far end, and says the last event.
func (c *channel) bury() {
	c.stopMusic()
	c.reader, c.gone = nil, true
	c.p.stop(c.limit)
	c.p.stop(c.waiting)
	c.tech.hangup(c)
	delete(c.p.channels, c.uniqueid)
	c.p.byID.remove(c.uniqueid, c)
	c.p.byName.remove(c.name, c)
	if c.p.names[c.name] == c {
		delete(c.p.names, c.name)
	}
	c.app, c.data = "", ""
	c.publish()
	c.part()
}

// setState says Newstate if the state is another.
func (c *channel) setState(state int) {
	if c.state != state {
		if c.state = state; state == stateUp && c.answered.IsZero() {
			c.answered = c.p.now
		}
		c.track()
		c.publish()
		c.p.changed(c.device)
	}
}

// answer answers the channel if it is not up.
func (c *channel) answer() {
	if c.state != stateUp {
		c.tech.answer(c)
		c.setState(stateUp)
	}
}

// all returns the channels in the order in which they came.
func (p *PBX) all() []*channel {
	return slices.SortedFunc(maps.Values(p.channels), func(a, b *channel) int { return cmp.Compare(a.seq, b.seq) })
}

func (c *channel) String() string { return fmt.Sprintf("%s (%s)", c.name, c.uniqueid) }
