package ami_test

import (
	"bytes"
	"testing"

	"github.com/amibus/amibus/proto/ami"
)

var event = []byte("Event: Newstate\r\nPrivilege: call,all\r\nSystemName: alpha\r\nChannel: Local/1@test-00000001;1\r\n" +
	"ChannelState: 6\r\nUniqueid: alpha-1795398646.420\r\n\r\n")

// TestNoAllocations: what runs for every event or action allocates nothing once the buffers have grown.
func TestNoAllocations(t *testing.T) {
	in := bytes.Repeat(event, 100)
	var parsed, edited ami.Message
	privilege, scratch := []byte("call,reporting,all"), make([]byte, 0, 64)
	decode := func(mode ami.Mode) func() {
		r := bytes.NewReader(in)
		d := ami.NewDecoder(r, mode)
		return func() {
			r.Reset(in)
			for range 100 {
				if _, err := d.Decode(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, c := range []struct {
		name string
		run  func()
	}{
		{"Decode, server", decode(ami.Server)},
		{"Decode, client", decode(ami.Client)},
		{"Parse", func() {
			if err := parsed.Parse(event); err != nil {
				t.Fatal(err)
			}
		}},
		{"Get", func() { parsed.Get("uniqueid") }},
		{"Replace", func() { parsed.Replace(&edited, 2, event[:15]) }},
		{"Add", func() { edited.Reset(); edited.Add("Response", "Success").AddLine(event[:15]) }},
		{"ParsePrivilege", func() { ami.ParsePrivilege(privilege) }},
		{"AppendPrivilege", func() { ami.ClassCall.AppendPrivilege(scratch) }},
		{"LookupAction", func() { ami.LookupAction("coreshowchannels") }},
	} {
		if n := testing.AllocsPerRun(20, c.run); n != 0 {
			t.Errorf("%s: %g allocations", c.name, n)
		}
	}
}
