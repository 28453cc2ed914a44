package node

import (
	"fmt"

	"github.com/amibus/amibus/bus/member"
	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/bus/stasis"
	"github.com/amibus/amibus/bus/stream"
	"github.com/amibus/amibus/node/admin"
	"github.com/amibus/amibus/node/amiserver"
	"github.com/amibus/amibus/node/engine"
	"github.com/amibus/amibus/node/standby"
	"github.com/amibus/amibus/node/upstream"
)

// newAdmin builds the admin pages: what of this node an operator can see.
func (n *Node) newAdmin() *admin.Server {
	a := admin.New(admin.Config{Log: n.component("admin"), Ready: n.ready})
	n.counts.metrics(a, func(fn func()) { n.stream.View(func([]merge.Position) { fn() }) })
	n.nodeMetrics(a)
	n.streamMetrics(a)
	n.busMetrics(a)
	n.journalMetrics(a)
	n.memberMetrics(a)
	n.sourceMetrics(a)
	n.ownerMetrics(a)
	n.stateMetrics(a)
	n.forwardMetrics(a)
	n.acted = newActionMeter(a)
	n.clientMetrics(a)
	return a
}

// ready tells what keeps this node from doing its job. A node without peers, or whose peers are away, is ready: it serves its own.
func (n *Node) ready() admin.Readiness {
	r := admin.Readiness{Details: map[string]any{"node": n.self.String(), "epoch": n.stream.Stats().Epoch, "nodes": n.standings()}}
	if n.draining.Load() {
		r.Idle, r.Reasons = true, append(r.Reasons, "the node is stopping")
	}
	select {
	case <-n.stream.Settled():
	default:
		r.Idle, r.Reasons = true, append(r.Reasons, "the join to the cluster is not complete yet")
		if n.members != nil {
			if rival, ok := n.members.Rival(); ok {
				r.Reasons = append(r.Reasons, "another node has the name "+n.self.String()+", at "+rival)
			}
		}
	}
	if n.upstream != nil {
		if lacking := n.upstream.Rights(); len(lacking) > 0 {
			r.Details["rights_lacking_at_the_asterisk"] = lacking
		}
	}
	switch v, node := n.source.standing(); v {
	case standby.StandBy:
		r.Details["standing_by_for"] = node
	case standby.Conflict:
		r.Reasons = append(r.Reasons, "events are not published: the Asterisk of node "+node+" has the same systemname and is another one")
	}
	switch {
	case n.own == nil || n.own.Up():
	case n.upstream != nil:
		r.Reasons = append(r.Reasons, fmt.Sprintf("the Asterisk at %s cannot be used: %s", n.cfg.Source.Asterisk.Address, n.own.Trouble()))
	default:
		r.Reasons = append(r.Reasons, n.own.Trouble())
	}
	return r
}

// standing is one node in /readyz.
type standing struct {
	Node    string  `json:"node"`
	Epoch   uint64  `json:"epoch"`
	Emitted uint64  `json:"emitted"`
	Queued  int     `json:"queued"`
	InView  bool    `json:"in_view"`
	Missing bool    `json:"events_missing"`
	Heard   float64 `json:"heard_seconds_ago"`
}

func (n *Node) standings() []standing {
	var all []standing
	for _, p := range n.stream.Positions() {
		s := standing{Node: p.Node.String(), Epoch: p.Epoch, Emitted: p.Emitted, Queued: p.Queued, InView: p.Awaited, Missing: p.Gapped}
		if p.Node != n.self {
			s.Heard = p.Heard.Seconds()
		}
		all = append(all, s)
	}
	return all
}

func (n *Node) nodeMetrics(a *admin.Server) {
	a.GaugeFunc("amibus_build_info", "1; the label says which version runs.", map[string]string{"version": Version}, func() float64 { return 1 })
	a.GaugeFunc("amibus_ready", "1 while /readyz says so.", nil, func() float64 { return oneIf(len(n.ready().Reasons) == 0) })
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (n *Node) busMetrics(a *admin.Server) {
	counter := func(name, help string, fn func() uint64) {
		a.CounterFunc(name, help, nil, func() float64 { return float64(fn()) })
	}
	counter("amibus_bus_frames_received_total", "Frames of other nodes.", func() uint64 { return n.stream.Stats().FramesIn })
	counter("amibus_bus_frames_sent_total", "Frames sent to other nodes.", func() uint64 { return n.stream.Stats().FramesOut })
	a.CollectFunc("amibus_bus_bad_messages_total", "Messages on the bus that were refused, by reason.", admin.Counter, []string{"reason"},
		func(emit func(float64, ...string)) {
			for r, count := range n.stream.Stats().Bad {
				emit(float64(count), stream.Reason(r).String())
			}
		})
	counter("amibus_bus_outbox_dropped_total", "Messages the bus did not take.", func() uint64 { return n.stream.Stats().OutboxDropped })
	counter("amibus_bus_keyed_sent_total", "Events published one by one on the keyed plane.", func() uint64 { return n.stream.Stats().KeyedSent })
	counter("amibus_bus_keyed_dropped_total", "Events the keyed plane did not take: gaps for who listens there.", func() uint64 { return n.stream.Stats().KeyedLost })
	counter("amibus_bus_received_bytes_total", "Bytes from the bus.", func() uint64 { return n.bus.Stats().BytesIn })
	counter("amibus_bus_sent_bytes_total", "Bytes to the bus.", func() uint64 { return n.bus.Stats().BytesOut })
	counter("amibus_bus_dropped_total", "Messages from the bus lost because this node was too slow; fetched again.", func() uint64 { return n.bus.Stats().Dropped })
}

func (n *Node) memberMetrics(a *admin.Server) {
	if n.cfg.Bus.Member.Listen == "" {
		return
	}
	a.GaugeFunc("amibus_member_others", "Other nodes that are alive.", nil, func() float64 { return float64(n.members.Stats().Alive) })
	a.GaugeFunc("amibus_member_missing", "Other nodes that were there and are not.", nil, func() float64 { return float64(n.members.Stats().Missing) })
	counter := func(name, help string, fn func(s member.Stats) uint64) {
		a.CounterFunc("amibus_member_"+name, help, nil, func() float64 { return float64(fn(n.members.Stats())) })
	}
	counter("unreachable_total", "Attempts to join an address that failed.", func(s member.Stats) uint64 { return s.Unreachable })
	counter("conflicts_total", "Nodes of a name that another node has.", func(s member.Stats) uint64 { return s.Conflicts })
	counter("undecryptable_total", "Messages between members refused because they are encrypted with an unknown key, or only one side encrypts.",
		func(s member.Stats) uint64 { return s.Undecryptable })
	counter("incompatible_total", "Nodes whose version cannot be understood.", func(s member.Stats) uint64 { return s.Incompatible })
}

func (n *Node) sourceMetrics(a *admin.Server) {
	if n.own == nil {
		return
	}
	a.GaugeFunc("amibus_source_up", "1 while the own Asterisk, or the engine, can be used.", nil, func() float64 {
		return oneIf(n.own.Up())
	})
	standing := func(name, help string, want standby.Verdict) {
		a.GaugeFunc("amibus_source_"+name, help, nil, func() float64 {
			v, _ := n.source.standing()
			return oneIf(v == want)
		})
	}
	standing("standby", "1 while another node publishes the events of the own Asterisk.", standby.StandBy)
	standing("conflict", "1 while nothing is published because another Asterisk has the same systemname.", standby.Conflict)
	a.CounterFunc("amibus_source_events_held_total", "Events of the own Asterisk left to the node that publishes them.", nil,
		func() float64 { return float64(n.source.held.Load()) })
	a.CounterFunc("amibus_source_events_conflicting_total", "Events dropped because another Asterisk has the same systemname.", nil,
		func() float64 { return float64(n.source.conflicting.Load()) })
	a.CounterFunc("amibus_source_events_refused_total", "Events that could not be carried.", nil, func() float64 { return float64(n.refused.Load()) })
	a.CounterFunc("amibus_source_events_synthetic_total", "Events made up because what was believed of the own Asterisk was not so.", nil,
		func() float64 { return float64(n.source.made.Load()) })
	a.CounterFunc("amibus_source_checks_failed_total", "Times the own Asterisk did not tell which calls it has.", nil,
		func() float64 { return float64(n.source.failed.Load()) })
	if n.engine != nil {
		n.engineMetrics(a)
		return
	}
	n.upstreamMetrics(a)
}

func (n *Node) engineMetrics(a *admin.Server) {
	gauge := func(name, help string, fn func(s engine.Stats) int) {
		a.GaugeFunc("amibus_engine_"+name, help, nil, func() float64 { return float64(fn(n.engine.Stats())) })
	}
	gauge("channels", "Channels there are.", func(s engine.Stats) int { return s.Channels })
	gauge("bridges", "Bridges there are.", func(s engine.Stats) int { return s.Bridges })
	counter := func(name, help string, fn func(s engine.Stats) uint64) {
		a.CounterFunc("amibus_engine_"+name, help, nil, func() float64 { return float64(fn(n.engine.Stats())) })
	}
	counter("channels_total", "Channels there ever were.", func(s engine.Stats) uint64 { return s.Calls })
	counter("channels_refused_total", "Channels refused because there were too many.", func(s engine.Stats) uint64 { return s.Refused })
	counter("frames_dropped_total", "Frames dropped on channels that nobody read.", func(s engine.Stats) uint64 { return s.DroppedFrames })
	counter("load_calls_total", "Calls of the load generator.", func(s engine.Stats) uint64 { return s.Load.Calls })
	counter("load_left_out_total", "Calls of the load generator, and what was to be done with them, left out because there was too much at once.",
		func(s engine.Stats) uint64 { return s.Load.LeftOut })
	counter("unkept_total", "Database keys, states and hints not kept because there were too many.", func(s engine.Stats) uint64 { return s.Unkept })
}

func (n *Node) upstreamMetrics(a *admin.Server) {
	counter := func(name, help string, fn func(s upstream.Stats) uint64) {
		a.CounterFunc("amibus_source_"+name, help, nil, func() float64 { return float64(fn(n.upstream.Stats())) })
	}
	counter("links_total", "Times the link to the Asterisk came up.", func(s upstream.Stats) uint64 { return s.Links })
	counter("unreachable_total", "Connections to the Asterisk that failed.", func(s upstream.Stats) uint64 { return s.Unreachable })
	counter("garbage_total", "Connections whose other end does not speak AMI.", func(s upstream.Stats) uint64 { return s.Garbage })
	counter("login_refused_total", "Logins the Asterisk refused.", func(s upstream.Stats) uint64 { return s.Refused })
	counter("links_lost_total", "Connections that broke after the login.", func(s upstream.Stats) uint64 { return s.Lost })
	counter("events_total", "Events of the own Asterisk.", func(s upstream.Stats) uint64 { return s.Events })
	counter("events_consumed_total", "Events about this node's own connections, not published.", func(s upstream.Stats) uint64 { return s.Consumed })
	counter("actions_total", "Actions sent to the Asterisk.", func(s upstream.Stats) uint64 { return s.Actions })
	counter("actions_unknown_total", "Actions whose outcome is unknown.", func(s upstream.Stats) uint64 { return s.Unknown })
	counter("actions_busy_total", "Actions refused because too many were waiting.", func(s upstream.Stats) uint64 { return s.Busy })
	counter("strays_total", "Messages of the Asterisk where none belongs, ignored.", func(s upstream.Stats) uint64 { return s.Strays })
	gauge := func(name, help string, fn func(s upstream.Stats) int) {
		a.GaugeFunc("amibus_source_"+name, help, nil, func() float64 { return float64(fn(n.upstream.Stats())) })
	}
	gauge("action_connections", "Connections for actions.", func(s upstream.Stats) int { return s.Open })
	gauge("action_connections_idle", "Connections for actions without work.", func(s upstream.Stats) int { return s.Idle })
	gauge("actions_waiting", "Actions that wait for a connection.", func(s upstream.Stats) int { return s.Waiting })
	counter("desync_total", "Connections closed because they answered something else than asked.", func(s upstream.Stats) uint64 { return s.Desync })
}

func (n *Node) clientMetrics(a *admin.Server) {
	gauge := func(name, help string, fn func(s amiserver.Stats) int) {
		a.GaugeFunc("amibus_ami_"+name, help, nil, func() float64 { return float64(fn(n.ami.Stats())) })
	}
	gauge("sessions", "AMI connections.", func(s amiserver.Stats) int { return s.Sessions })
	gauge("sessions_logged_in", "AMI connections that are logged in.", func(s amiserver.Stats) int { return s.LoggedIn })
	gauge("web_sessions", "Sessions of AMI over HTTP, which are counted above, too.", func(s amiserver.Stats) int { return s.Web })
	counter := func(name, help string, fn func(s amiserver.Stats) uint64) {
		a.CounterFunc("amibus_ami_"+name, help, nil, func() float64 { return float64(fn(n.ami.Stats())) })
	}
	counter("logins_total", "Logins that succeeded.", func(s amiserver.Stats) uint64 { return s.Logins })
	counter("login_failures_total", "Logins that failed.", func(s amiserver.Stats) uint64 { return s.Failures })
	counter("refused_total", "Connections over a limit.", func(s amiserver.Stats) uint64 { return s.Refused })
	counter("tls_failures_total", "TLS handshakes that failed, and TLS clients on a plain port.", func(s amiserver.Stats) uint64 { return s.Handshakes })
	counter("web_sessions_evicted_total", "Sessions over HTTP ended before their login because there were too many.", func(s amiserver.Stats) uint64 { return s.Evicted })
	counter("web_nonces_forgotten_total", "Nonces of digest authentication forgotten for want of room.", func(s amiserver.Stats) uint64 { return s.Forgotten })
	counter("web_answers_too_large_total", "Answers that do not fit into a page over HTTP.", func(s amiserver.Stats) uint64 { return s.TooLarge })
	counter("unreported_total", "Refused requests without a security event, because clients that are not logged in caused too many.",
		func(s amiserver.Stats) uint64 { return s.Unreported })
	counter("actions_total", "Actions of clients.", func(s amiserver.Stats) uint64 { return s.Actions })
	counter("events_total", "Events written to clients.", func(s amiserver.Stats) uint64 { return s.Events })
	counter("resumes_total", "Times a client resumed the stream where it had left it.", func(s amiserver.Stats) uint64 { return s.Resumes })
	counter("replayed_events_total", "Events replayed for clients that resumed.", func(s amiserver.Stats) uint64 { return s.Replayed })
	counter("resume_gaps_total", "Gaps declared to clients that resumed: nobody held the events any more.", func(s amiserver.Stats) uint64 { return s.ResumeGaps })
	counter("snapshots_total", "Snapshots of the state of the cluster that clients asked for at their login.", func(s amiserver.Stats) uint64 { return s.Snapshots })
	counter("sent_bytes_total", "Bytes written to clients.", func(s amiserver.Stats) uint64 { return s.Bytes })
	queued := func(name, help string, fn func(sum, one int) int) {
		a.GaugeFunc("amibus_ami_"+name, help, nil, func() float64 {
			total := 0
			for _, t := range []*stasis.Topic[merge.Event]{n.cluster, n.arrived} {
				for _, s := range t.Subscriptions() {
					total = fn(total, s.Len)
				}
			}
			return float64(total)
		})
	}
	queued("queued_events", "Events that wait for the clients.", func(sum, one int) int { return sum + one })
	queued("queue_fullest_events", "Events in the fullest queue of a client; one that overflows is cut.", func(sum, one int) int { return max(sum, one) })
	a.CollectFunc("amibus_ami_clients_cut_total", "Clients cut, by reason.", admin.Counter, []string{"reason"}, func(emit func(float64, ...string)) {
		s := n.ami.Stats()
		emit(float64(s.Slow), "write_timeout")
		emit(float64(s.Overflows), "queue_overflow")
		emit(float64(s.Broken), "broken_answer")
	})
}
