package node

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/node/config"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/ami/capture"
	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/translator"
)

// archive is an external NATS server with a JetStream stream over everything on the keyed plane.
func archive(t *testing.T) (url string, stream jetstream.Stream) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	conn, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "AMI", Subjects: []string{bus.EventPattern}, Storage: jetstream.FileStorage})
	if err != nil {
		t.Fatal(err)
	}
	return s.ClientURL(), stream
}

// TestJetStreamCapturesEverything: with an external NATS everything is published, so that a stream holds each event of each node
// once, in the node's order, typed, and as the very text that AMI clients get.
func TestJetStreamCapturesEverything(t *testing.T) {
	t.Parallel()
	url, stream := archive(t)
	recorded := map[string][]*ami.Message{}
	for name, scenario := range map[string]string{"alpha": "call-parallel", "bravo": "varset-heavy", "charlie": "transfer-blind"} {
		rec, err := capture.OpenDir("../testdata/captures/"+scenario, "alpha")
		if err != nil {
			t.Fatal(err)
		}
		recorded[name] = rec.Events()
	}
	nodes := startThree(t, func(c *config.Config) {
		c.Bus.NATS.URLs, c.Bus.NATS.RouteListen, c.Bus.Hold = []string{url}, "", 5*time.Second
	})
	sub := nodes[0].Subscribe(1 << 20)
	defer sub.Close()
	var load sync.WaitGroup
	want, total := map[string][]*ami.Message{}, 0
	for _, n := range nodes {
		events := recorded[n.self.Name]
		want[n.self.Name], total = events, total+len(events)
		load.Go(func() {
			for i, m := range events {
				n.intake.take(m)
				if i%50 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	load.Wait()
	merged := map[string][]string{} // what a listener at alpha got, by node
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for got := 0; got < total; {
		batch, err := sub.Next(ctx, nil)
		if err != nil {
			t.Fatalf("%d of %d merged events: %v", got, total, err)
		}
		got += len(batch)
		for i := range batch {
			e := &batch[i]
			merged[e.Node.Name] = append(merged[e.Node.Name], fmt.Sprintf("%d %s", e.Seq, e.Entry.AMI()))
		}
	}

	consumer, err := stream.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	stored := map[string][]string{}
	for range total {
		msg, err := consumer.Next(jetstream.FetchMaxWait(20 * time.Second))
		if err != nil {
			t.Fatal(err)
		}
		var e amibuspb.Event
		if err := proto.Unmarshal(msg.Data(), &e); err != nil {
			t.Fatal(err)
		}
		text, err := translator.AppendText(nil, msg.Data())
		if err != nil {
			t.Fatal(err)
		}
		class, site, name, id, ok := bus.ParseSubjectEvent(msg.Subject())
		if !ok || site != e.GetSite() || name != e.GetNode() || id != e.GetUniqueid() || class != ami.Class(e.GetClasses()).First() {
			t.Fatalf("subject %s of %v", msg.Subject(), &e)
		}
		stored[name] = append(stored[name], fmt.Sprintf("%d %s", e.GetSeq(), text))
	}
	if info, err := stream.Info(t.Context()); err != nil || info.State.Msgs != uint64(total) {
		t.Fatalf("the stream holds %d messages, want %d: %v", info.State.Msgs, total, err)
	}
	for name, events := range want {
		if !slices.Equal(stored[name], merged[name]) || len(stored[name]) != len(events) {
			t.Fatalf("%s: stored %d, merged %d, said %d; they differ", name, len(stored[name]), len(merged[name]), len(events))
		}
		for i, m := range events {
			seq, text, _ := bytes.Cut([]byte(stored[name][i]), []byte{' '})
			got, err := ami.ParseMessage(text)
			if err != nil || string(seq) != fmt.Sprint(i+1) || !bytes.Equal(got.Get("Event"), m.Get("Event")) {
				t.Fatalf("%s: event %s is %s, want %d, %s: %v", name, seq, got.Get("Event"), i+1, m.Get("Event"), err)
			}
		}
	}
}
