package reconcile

import (
	"slices"
	"strconv"
	"strings"

	"github.com/amibus/amibus/translator"
)

// truth is how it was right before the first held event.
type truth struct {
	channels map[string]*actual
	bridges  map[string]string // the group of each that there was
	counts   map[string]int    // how many channels each had
	visible  map[string]int    // how many of them show; made when it is needed
	ends     map[string]bool   // of dials, by the destination, and of what has an id: a held event ends them, so nothing else must
}

// actual is a channel that there was.
type actual struct {
	id, text, name string
	state          string // empty: not known, but that it changed to next
	next           string
	bridge         string
	app            string // empty if it is in no list
}

// teller finds out the truth.
type teller struct {
	truth
	event   event
	absent  map[string]bool // ids that begin in a held event
	moved   map[string]bool // channels whose bridge a held event told
	told    map[string]bool // channels and bridges of which a held event told how they were
	renamed map[string]bool
}

func tell(channels, bridges, held [][]byte) *truth {
	t := &teller{truth: truth{channels: map[string]*actual{}, bridges: map[string]string{}, counts: map[string]int{}, ends: map[string]bool{}}, absent: map[string]bool{}, moved: map[string]bool{},
		told: map[string]bool{}, renamed: map[string]bool{}}
	for _, text := range channels {
		t.channel(text)
	}
	for _, text := range bridges {
		t.event.read(text)
		for i := range t.event.groups {
			if g := &t.event.groups[i]; g.Bridge {
				t.bridge(g, 0)
			}
		}
	}
	for _, text := range held {
		t.hold(text)
	}
	for id := range t.absent {
		delete(t.channels, id)
		delete(t.bridges, id)
	}
	return &t.truth
}

// channel takes an item of CoreShowChannels.
func (t *teller) channel(text []byte) {
	t.event.read(text)
	if g := t.event.channel(""); g != nil {
		a := newActual(g)
		a.bridge, a.app = t.event.value("BridgeId"), t.event.value("Application")
		t.channels[a.id] = a
	}
}

func newActual(g *translator.GroupText) *actual {
	a := &actual{id: string(g.ID), text: string(g.Bare(nil))}
	a.name, a.state = valueOf(a.text, "Channel"), valueOf(a.text, "ChannelState")
	return a
}

// hold takes a held event: the first one about something tells how that was before.
func (t *teller) hold(text []byte) {
	e := &t.event
	e.read(text)
	if !aside(e.name) {
		for i := range e.groups {
			t.mention(&e.groups[i])
		}
	}
	switch string(e.name) {
	case "Newstate": // snapshots in other events may have been as new already
		if g := e.channel(""); g != nil {
			if a := t.channels[string(g.ID)]; a != nil && a.next == "" {
				if a.next = line(g, "ChannelState"); a.state == a.next {
					a.state = ""
				}
			}
		}
	case "Rename":
		if id := e.value("Uniqueid"); !t.renamed[id] && !t.absent[id] {
			t.renamed[id] = true
			if a := t.channels[id]; a != nil {
				a.name = e.value("Channel")
			}
		}
	case "DialEnd":
		if g := e.channel("Dest"); g != nil {
			t.ends["dial "+string(g.ID)] = true
		}
	case "BridgeEnter", "BridgeLeave":
		t.move(e)
	case "LocalOptimizationEnd":
		t.ends["move "+e.value("Id")] = true
	case "QueueCallerLeave":
		if g := e.channel(""); g != nil {
			t.ends["queue "+string(g.ID)+" "+e.value("Queue")] = true
		}
	case "UnParkedCall", "ParkedCallTimeOut", "ParkedCallGiveUp", "ParkedCallSwap":
		if g := e.channel("Parkee"); g != nil {
			t.ends["parked "+string(g.ID)] = true
		}
		if e.is("ParkedCallSwap") {
			t.ends["place "+e.value("Parkinglot")+"\n"+e.value("ParkingSpace")] = true
		}
	case "ConfbridgeLeave":
		if g := e.channel(""); g != nil {
			t.ends["room "+e.value("Conference")+" "+string(g.ID)] = true
		}
	case "ConfbridgeEnd":
		t.ends["rooms "+e.value("Conference")] = true
	}
}

func (t *teller) mention(g *translator.GroupText) {
	id := string(g.ID)
	if id == "" || t.told[id] {
		return
	}
	t.told[id] = true
	switch {
	case t.event.is("Newchannel") && !g.Bridge, t.event.is("BridgeCreate") && g.Bridge:
		t.absent[id] = true
	case g.Bridge && t.event.is("BridgeEnter"):
		t.bridge(g, -1)
	case g.Bridge && t.event.is("BridgeLeave"):
		t.bridge(g, 1)
	case g.Bridge:
		t.bridge(g, 0)
	default:
		a := newActual(g)
		if old := t.channels[id]; old != nil {
			a.bridge, a.app = old.bridge, old.app
		}
		t.channels[id] = a
	}
}

// bridge takes a group of a bridge. It had so many channels more before.
func (t *teller) bridge(g *translator.GroupText, more int) {
	id, text := string(g.ID), string(g.Bare(nil))
	n, _ := strconv.Atoi(valueOf(text, "BridgeNumChannels"))
	t.bridges[id], t.counts[id] = text, n+more
}

// hidden is how many channels a bridge had that do not show.
func (t *truth) hidden(id string) int {
	if t.visible == nil {
		t.visible = map[string]int{}
		for _, a := range t.channels {
			t.visible[a.bridge]++
		}
	}
	return max(t.counts[id]-t.visible[id], 0)
}

// move: who enters was in no bridge before, who leaves was in that one.
func (t *teller) move(e *event) {
	g := e.channel("")
	if g == nil || t.moved[string(g.ID)] || t.absent[string(g.ID)] {
		return
	}
	t.moved[string(g.ID)] = true
	if a := t.channels[string(g.ID)]; a != nil {
		a.bridge = ""
		if e.is("BridgeLeave") {
			a.bridge = e.bridge()
		}
	}
}

// sorted returns the channels in the order in which they came into being.
func (t *truth) sorted() []*actual {
	all := make([]*actual, 0, len(t.channels))
	for _, a := range t.channels {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *actual) int { return compareID(a.id, b.id) })
	return all
}

// compareID orders uniqueids by time and number; ids of another form come behind, by their letters.
func compareID(a, b string) int {
	at, an, aok := parseID(a)
	bt, bn, bok := parseID(b)
	switch {
	case aok && bok && at != bt:
		return int(max(-1, min(1, at-bt)))
	case aok && bok && an != bn:
		return int(max(-1, min(1, an-bn)))
	case aok != bok && aok:
		return -1
	case aok != bok:
		return 1
	}
	return strings.Compare(a, b)
}

func parseID(id string) (at, number int64, ok bool) {
	id = id[strings.LastIndexByte(id, '-')+1:]
	second, n, found := strings.Cut(id, ".")
	n, _, _ = strings.Cut(n, ";")
	at, err := strconv.ParseInt(second, 10, 64)
	number, err2 := strconv.ParseInt(n, 10, 64)
	return at, number, found && err == nil && err2 == nil
}
