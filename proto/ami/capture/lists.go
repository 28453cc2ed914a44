package capture

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/amibus/amibus/proto/ami"
)

// calls are the channels and bridges there are, by what has been played: CoreShowChannels and BridgeList tell of them if they were not
// recorded. Server.order guards it.
type calls struct {
	channels, bridges []*call // the oldest first
}

// call is a channel or a bridge.
type call struct {
	id, group   string
	application string
	data        string
	bridge      string
}

// groups are the headers that make up the group of a channel and of a bridge (ami/snapshots.json).
var (
	channelGroup = []string{"Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName",
		"Language", "AccountCode", "Context", "Exten", "Priority", "Uniqueid", "Linkedid", "ChanVariable"}
	bridgeGroup = []string{"BridgeUniqueid", "BridgeType", "BridgeTechnology", "BridgeCreator", "BridgeName", "BridgeNumChannels",
		"BridgeVideoSourceMode", "BridgeVideoSource"}
)

var listed = []string{"Newchannel", "Newstate", "Newexten", "NewCallerid", "NewConnectedLine", "NewAccountCode", "Hangup", "BridgeCreate", "BridgeEnter",
	"BridgeLeave", "BridgeDestroy"}

// take takes an event that has been played.
func (k *calls) take(raw []byte) {
	first, _, _ := bytes.Cut(raw, []byte("\r\n"))
	name := string(bytes.TrimPrefix(first, []byte("Event: ")))
	if !slices.Contains(listed, name) {
		return
	}
	m, err := ami.ParseMessage(raw)
	if err != nil {
		return
	}
	id, bridge := string(m.Get("Uniqueid")), string(m.Get("BridgeUniqueid"))
	switch name {
	case "Newchannel":
		k.channels = append(k.channels, &call{id: id})
	case "BridgeCreate":
		k.bridges = append(k.bridges, &call{id: bridge})
	case "Hangup":
		k.channels = without(k.channels, id)
	case "BridgeDestroy":
		k.bridges = without(k.bridges, bridge)
	}
	if b := find(k.bridges, bridge); b != nil {
		b.group = groupOf(m, bridgeGroup)
	}
	c := find(k.channels, id)
	if c == nil {
		return
	}
	c.group = groupOf(m, channelGroup)
	switch name {
	case "Newexten":
		c.application, c.data = string(m.Get("Application")), string(m.Get("AppData"))
	case "BridgeEnter":
		c.bridge = bridge
	case "BridgeLeave":
		c.bridge = ""
	}
}

func find(all []*call, id string) *call {
	if i := slices.IndexFunc(all, func(c *call) bool { return c.id == id }); i >= 0 {
		return all[i]
	}
	return nil
}

func without(all []*call, id string) []*call {
	return slices.DeleteFunc(all, func(c *call) bool { return c.id == id })
}

// groupOf returns the lines of a group.
func groupOf(m *ami.Message, names []string) string {
	var b strings.Builder
	for i := range m.Len() {
		name, _, _ := m.Field(i)
		if slices.Contains(names, string(name)) {
			b.Write(m.Line(i))
			b.WriteString("\r\n")
		}
	}
	return b.String()
}

func coreShowChannels(c *session, m *ami.Message) {
	c.list(m, "Channels will follow", func(k *calls, head string) (items []string) {
		for _, ch := range k.channels {
			items = append(items, "Event: CoreShowChannel\r\n"+head+ch.group+"Application: "+ch.application+"\r\nApplicationData: "+ch.data+
				"\r\nDuration: 00:00:00\r\nBridgeId: "+ch.bridge+"\r\n\r\n")
		}
		return items
	})
}

func bridgeList(c *session, m *ami.Message) {
	c.list(m, "Bridge listing will follow", func(k *calls, head string) (items []string) {
		for _, b := range k.bridges {
			items = append(items, "Event: BridgeListItem\r\n"+head+b.group+"\r\n")
		}
		return items
	})
}

// list answers with a list, as of one moment between two events.
func (c *session) list(m *ami.Message, title string, make func(k *calls, head string) []string) {
	head := ""
	if id := m.Get("ActionID"); len(id) > 0 {
		head = "ActionID: " + string(id) + "\r\n"
	}
	c.srv.order.Lock()
	items := make(&c.srv.calls, head)
	c.srv.order.Unlock()
	answer := reply(m, "Success", "EventList", "start", "Message", title)
	for _, item := range items {
		answer = append(answer, item...)
	}
	c.write(append(answer, "Event: "+m.Action()+"Complete\r\n"+head+"EventList: Complete\r\nListItems: "+strconv.Itoa(len(items))+"\r\n\r\n"...))
}
