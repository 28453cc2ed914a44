package verify_test

import (
	"testing"

	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
	"github.com/amibus/amibus/proto/ami/verify"
)

func TestCaptures(t *testing.T) {
	all, err := capture.OpenAll("../../../testdata/captures")
	if err != nil {
		t.Fatal(err)
	}
	for _, cap := range all {
		for _, rest := range []bool{false, true} {
			c := verify.New(verify.Config{Report: func(v verify.Violation) { t.Errorf("%s/%s rest %v: %v", cap.Scenario, cap.Instance, rest, v) }})
			c.Connected()
			var msgs []*ami.Message
			for i, m := range cap.Messages {
				if m.Kind == capture.Banner {
					continue
				}
				_ = i
				if m.Action != nil {
					c.Sent(m.Action)
				}
				msgs = append(append(msgs, m.Text), m.Rest...)
				c.Next(m.Text)
				for _, r := range m.Rest {
					c.Next(r)
				}
			}
			c.End(rest)
		}
	}
}
