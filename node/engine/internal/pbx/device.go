package pbx

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/amibus/amibus/translator"
)

// maxCached is how many devices' states are kept. One beyond that reports each time, changed or not, as those that are never kept do.
const maxCached = 100_000

// device is what channels, custom states and parking spaces report on, by name: TECH/NAME, Custom:NAME, park:SPACE@CONTEXT. It is there as
// long as there is a channel, a hint, or a kept state.
type device struct {
	name     string
	kept     int   // when its state was first kept, counted from 1; 0: it is not
	state    state // as kept
	live     int   // channels
	channels [stateCount]int
	hints    []*hint
}

// device returns a device, made if need be.
func (p *PBX) device(name string) *device {
	d := p.devices[name]
	if d == nil {
		d = &device{name: name}
		p.devices[name] = d
	}
	return d
}

// drop forgets a device that nothing needs.
func (p *PBX) drop(d *device) {
	if d.live == 0 && d.kept == 0 && len(d.hints) == 0 && p.devices[d.name] == d {
		delete(p.devices, d.name)
	}
}

// join makes a new channel one of its device's.
func (c *channel) join() {
	c.device = c.p.device(base(c.name))
	c.use = c.using()
	c.device.live++
	c.device.channels[c.use]++
}

// part takes the channel from its device.
func (c *channel) part() {
	c.device.live--
	c.device.channels[c.use]--
	c.p.changed(c.device)
}

// track counts what the channel does now.
func (c *channel) track() {
	if now := c.using(); now != c.use {
		c.device.channels[c.use]--
		c.device.channels[now]++
		c.use = now
	}
}

// using is what the channel makes of its device. Of a Local pair it is the first half that counts, once the second runs.
func (c *channel) using() state {
	switch t := c.tech.(type) {
	case *local:
		if c == t.one && t.launched {
			return inUse
		}
		return notInUse
	case *sim:
		if t.held {
			return onHold
		}
	}
	if c.state < len(ofChannel) {
		return ofChannel[c.state]
	}
	return unknown
}

// changed has the device looked at when what is due has run, as Asterisk's device state thread does: each time, not once for all.
func (p *PBX) changed(d *device) {
	if len(p.changes) == 0 {
		p.soon(p.tellStates)
	}
	p.changes = append(p.changes, d)
}

func (p *PBX) tellStates() {
	for _, d := range p.changes {
		p.tell(d, p.compute(d.name, d))
		p.drop(d)
	}
	clear(p.changes)
	p.changes = p.changes[:0]
}

// tell says what a device does now: first what it means for the hints, then the state itself. The state of a Local device is never kept
// and said each time; the others only if it is another one.
func (p *PBX) tell(d *device, s state) {
	if strings.HasPrefix(d.name, "Local/") || !p.keep(d, s) {
		p.tellHints(d)
		p.sayState(d.name, s)
	}
}

// keep keeps the state. same says that it is what was kept before.
func (p *PBX) keep(d *device, s state) (same bool) {
	if d.kept == 0 {
		if s == unknown {
			return true
		}
		if p.kept >= maxCached {
			p.overflow("the state of %s is not kept: there are %d already", d.name, maxCached)
			return false
		}
		p.kept++
		d.kept = p.kept
	} else if d.state == s {
		return true
	}
	d.state = s
	return false
}

func (p *PBX) sayState(device string, s state) {
	p.raise("DeviceStateChange", translator.Header("Device", device), translator.Header("State", s.String()))
}

// deviceState is the state of a device: what is kept, unless that is unknown, else what it is by its kind.
func (p *PBX) deviceState(name string) state {
	d := p.devices[name]
	if d != nil && d.state != unknown {
		return d.state
	}
	return p.compute(name, d)
}

// compute finds out what a device does. d is nil if nothing reports on it.
func (p *PBX) compute(name string, d *device) state {
	tech, resource, ok := strings.Cut(name, "/")
	if !ok {
		return p.provided(name)
	}
	switch {
	case strings.EqualFold(tech, "Local"):
		return p.localState(resource, d)
	case strings.EqualFold(tech, "Sim"):
		return p.simState(resource, d)
	}
	return invalid
}

// provided is the state of a device that is no channel's.
func (p *PBX) provided(name string) state {
	kind, name, _ := strings.Cut(name, ":")
	switch strings.ToLower(kind) {
	case "custom":
		return parseState(p.db[customFamily+"/"+name])
	case "park":
		return p.parkState(name)
	}
	return invalid
}

func (p *PBX) localState(target string, d *device) state {
	exten, context, found := strings.Cut(target, "@")
	context, _, _ = strings.Cut(context, "/")
	switch {
	case !found:
		return invalid
	case d != nil && d.channels[inUse] > 0:
		return inUse
	case d != nil && d.live > 0 || p.Exists(context, exten, 1, ""):
		return notInUse
	}
	return invalid
}

func (p *PBX) simState(name string, d *device) state {
	if d != nil && d.live > 0 {
		all := newAggregate()
		for s, n := range d.channels {
			if n > 0 {
				all.add(state(s))
			}
		}
		return all.state
	}
	name, _, _ = strings.Cut(name, "/")
	switch {
	case name == "":
		return invalid
	case p.cfg.Endpoints[name].Unavailable:
		return unavailable
	}
	return notInUse
}

// parkState is that of a parking space: SPACE@CONTEXT.
func (p *PBX) parkState(name string) state {
	exten, context, _ := strings.Cut(name, "@")
	if l := p.lotOf(exten); l != nil && context == parkedCalls {
		if n, err := strconv.Atoi(exten); err == nil && l.calls[n] != nil {
			return inUse
		}
	}
	return notInUse
}

// occupied says that a parking space was taken or given back.
func (l *lot) occupied(space int) {
	d := l.p.device("park:" + strconv.Itoa(space) + "@" + parkedCalls)
	l.p.tell(d, l.p.compute(d.name, d))
	l.p.drop(d)
}

// customFamily is where the database has the states of custom devices.
const customFamily = "CustomDevstate"

// setCustom sets the state of Custom:name. ok is false if there is no such state to set.
func (p *PBX) setCustom(name, value string) (ok bool) {
	s := parseState(value)
	if s == unknown {
		return false
	}
	p.dbPut(customFamily, name, value)
	d := p.device("Custom:" + name)
	p.tell(d, s)
	p.drop(d)
	return true
}

// DeviceState and SetDeviceState are the function DEVICE_STATE.
func (c *channel) DeviceState(device string) string { return c.p.deviceState(device).String() }

func (c *channel) SetDeviceState(custom, state string) bool { return c.p.setCustom(custom, state) }

// knowEndpoints keeps the states of the endpoints there are, before there is a call.
func (p *PBX) knowEndpoints() {
	for _, name := range slices.Sorted(maps.Keys(p.cfg.Endpoints)) {
		d := p.device("Sim/" + name)
		p.keep(d, p.compute(d.name, d))
	}
}

// DeviceStates lists the states that are kept, in the order in which Asterisk's cache has them.
func (p *PBX) DeviceStates() []translator.Raised {
	var kept []*device
	for _, d := range p.devices {
		if d.kept > 0 {
			kept = append(kept, d)
		}
	}
	slices.SortFunc(kept, func(a, b *device) int {
		return cmp.Or(cmp.Compare(cacheBucket(a.name), cacheBucket(b.name)), cmp.Compare(a.kept, b.kept))
	})
	list := make([]translator.Raised, len(kept))
	for i, d := range kept {
		list[i] = translator.Raised{Name: "DeviceStateChange", Parts: []translator.Part{
			translator.Header("Device", d.name), translator.Header("State", d.state.String())}}
	}
	return list
}
