package state

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/proto/ami"
)

// Items writes what is known as items of lists, as Asterisk writes them, with SystemName as the last header.
type Items struct {
	id     string // the line of the ActionID; empty without one
	system string // that of SystemName and the end of the message
	now    int64
}

// NewItems returns a writer of items for the asker with that ActionID, which may be empty.
func NewItems(id string, now time.Time) *Items {
	w := &Items{now: now.UnixNano()}
	if id != "" {
		w.id = strings.TrimSuffix(string(ami.New("ActionID", id).Bytes()), "\r\n")
	}
	return w
}

// Of says whose items come next, by what its events have in SystemName.
func (w *Items) Of(system string) { w.system = string(ami.New("SystemName", system).Bytes()) }

// Channel appends an item of CoreShowChannels. The duration counts from the first event of the channel that anybody heard.
func (w *Items) Channel(dst []byte, c *Channel) []byte {
	d := w.since(c)
	dst = append(append(append(dst, "Event: CoreShowChannel\r\n"...), w.id...), c.Text...)
	dst = header(header(dst, "Application", c.App), "ApplicationData", c.Data)
	dst = fmt.Appendf(dst, "Duration: %02d:%02d:%02d\r\n", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
	return append(header(dst, "BridgeId", c.Bridge), w.system...)
}

// Status appends an item of Status, without what no event says: dialled number, connected line in effect, formats, groups, time-out, variables.
func (w *Items) Status(dst []byte, c *Channel) []byte {
	app, data := c.App, c.Data
	if app == "" {
		app, data = "(null)", "(null)"
	}
	kind, _, _ := strings.Cut(c.Name(), "/")
	dst = append(append(dst, "Event: Status\r\nPrivilege: Call\r\n"...), c.Text...)
	dst = header(header(header(header(dst, "Type", kind), "BridgeID", c.Bridge), "Application", app), "Data", data)
	dst = header(dst, "Seconds", strconv.Itoa(int(w.since(c)/time.Second)))
	return append(append(dst, w.id...), w.system...)
}

// Bridge appends an item of BridgeList.
func (w *Items) Bridge(dst []byte, b *Bridge) []byte {
	return append(append(append(append(dst, "Event: BridgeListItem\r\n"...), w.id...), b.Text...), w.system...)
}

// Member appends an item of BridgeInfo.
func (w *Items) Member(dst []byte, c *Channel) []byte {
	return append(append(append(append(dst, "Event: BridgeInfoChannel\r\n"...), w.id...), c.Text...), w.system...)
}

// Connected appends an item of CoreShowChannelMap.
func (w *Items) Connected(dst []byte, c, with *Channel) []byte {
	dst = header(append(append(dst, "Event: CoreShowChannelMap\r\n"...), w.id...), "Channel", c.Name())
	return append(header(dst, "ConnectedChannel", with.Name()), w.system...)
}

func (w *Items) since(c *Channel) time.Duration { return time.Duration(max(w.now-c.Since, 0)) }

func header(dst []byte, name, value string) []byte {
	return append(append(append(append(dst, name...), ": "...), value...), "\r\n"...)
}
