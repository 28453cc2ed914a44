package node

import (
	"github.com/amibus/amibus/bus/journal"
	"github.com/amibus/amibus/node/reconcile"
	"github.com/amibus/amibus/node/state"
	"github.com/amibus/amibus/node/upstream"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/wire"
)

// believe takes over what another node knows.
func (in *intake) believe(p *state.Part) {
	in.mu.Lock()
	defer in.mu.Unlock()
	believe(in.belief, p)
}

// relive takes over what the journal has of this node's last epoch.
func (in *intake) relive(epoch, last uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	stream := journal.Stream{Site: in.n.self.Site, Node: in.n.self.Name, Epoch: epoch}
	in.n.journal.Range(stream, 1, last, func(_ uint64, e wire.Entry) bool {
		in.belief.Take(e.AMI())
		return true
	})
}

func believe(v *reconcile.View, p *state.Part) {
	p.Sort()
	bridges := map[string]string{}
	for i := range p.Bridges {
		bridges[p.Bridges[i].ID] = p.Bridges[i].Text
		v.Take([]byte("Event: BridgeCreate\r\n" + p.Bridges[i].Text + "\r\n"))
	}
	for i := range p.Channels {
		c := &p.Channels[i]
		v.Take([]byte("Event: Newchannel\r\n" + c.Text + "\r\n"))
		if text := bridges[c.Bridge]; text != "" {
			v.Take([]byte("Event: BridgeEnter\r\n" + text + c.Text + "\r\n"))
		}
	}
}

// reconcile publishes what makes true what is believed; what is held is to follow it.
func (in *intake) reconcile(restarted bool, now *upstream.Census, held []*ami.Message) (made int) {
	if restarted {
		made = in.makeUp(reconcile.End)
		in.mu.Lock()
		in.belief = reconcile.NewView()
		in.mu.Unlock()
	}
	return made + in.makeUp(func(v *reconcile.View) [][]byte {
		return reconcile.Plan(v, in.answers(now.Channels), in.answers(now.Bridges), in.served(held))
	})
}

func (in *intake) makeUp(plan func(*reconcile.View) [][]byte) int {
	in.mu.Lock()
	texts := plan(in.belief)
	in.mu.Unlock()
	for _, text := range texts {
		m, err := ami.ParseMessage(text)
		if err != nil {
			in.n.refused.Add(1)
			in.n.log.Error("a synthetic event cannot be read", "err", err)
			continue
		}
		in.take(m)
	}
	return len(texts)
}

// answers are items of lists in the form of the cluster.
func (in *intake) answers(items []*ami.Message) [][]byte {
	origin := in.n.origin.Load()
	texts := make([][]byte, len(items))
	for i, m := range items {
		texts[i] = origin.AppendAnswer(nil, m)
	}
	return texts
}

// served are events as they will be published.
func (in *intake) served(events []*ami.Message) (texts [][]byte) {
	origin := in.n.origin.Load()
	for _, m := range events {
		b, err := origin.AppendEntry(nil, m)
		if err != nil {
			continue // it will be refused
		}
		if e, err := wire.ParseEntry(b); err == nil {
			texts = append(texts, e.AMI())
		}
	}
	return texts
}
