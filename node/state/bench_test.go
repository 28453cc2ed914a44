package state

import (
	"fmt"
	"testing"
	"time"

	"github.com/amibus/amibus/bus/merge"
)

// full is a store with so many channels of each of ten nodes.
func full(t testing.TB, channels int) *Store {
	s := New()
	for n := range 10 {
		node := &merge.Node{Site: "default", Name: fmt.Sprintf("node-%d", n)}
		for i := range channels {
			id := fmt.Sprintf("%s-1700000000.%d", node.Name, i)
			e := event(t, uint64(i+1), text(t, "Event: Newexten", "Privilege: dialplan,all", "SystemName: "+node.Name, fmt.Sprintf("Channel: PJSIP/extension-%08x", i),
				"ChannelState: 6", "ChannelStateDesc: Up", "CallerIDNum: 4930123456", "CallerIDName: Somebody Else", "ConnectedLineNum: 4940654321",
				"ConnectedLineName: Nobody", "Language: en", "AccountCode: account", "Context: from-internal", "Exten: 4940654321", "Priority: 3",
				"Uniqueid: "+id, "Linkedid: "+id, "Extension: 4940654321", "Application: Dial", fmt.Sprintf("AppData: PJSIP/trunk/%d,30,tTkK", i)))
			e.Node = node
			s.one(e)
		}
	}
	s.Expect(nil)
	return s
}

// BenchmarkCut is a cut with 10,000 channels: how long the stream waits for it, and how long all of it takes with sorting and writing.
func BenchmarkCut(b *testing.B) {
	s := full(b, 1000)
	var parts []Part
	b.Run("copy", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.View(func(v View) { parts = v.Cut(nil) })
		}
	})
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			s.View(func(v View) { parts = v.Cut(nil) })
			items := NewItems("1", time.Now())
			for i := range parts {
				parts[i].Sort()
				items.Of(parts[i].Node.Name)
				for j := range parts[i].Channels {
					if buf = items.Channel(buf, &parts[i].Channels[j]); len(buf) > 64<<10 {
						buf = buf[:0]
					}
				}
			}
		}
	})
}
