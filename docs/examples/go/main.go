// Command go is an example: it reads the events of an amibus cluster from NATS, without AMI, and prints what is typed in each and its
// AMI text. It shows what a consumer has to do itself: find the subjects, see gaps, and, with -merge, put the events of all nodes
// into the one order in which the nodes serve them. docs/consuming-events.md explains the guarantees.
//
//	go run ./docs/examples/go -url nats://127.0.0.1:4222 -class call,agent -merge
//	go run ./docs/examples/go -url nats://127.0.0.1:4222 -uniqueid alpha-1700000000.12
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amibus/amibus/bus"
)

// queue is how many messages may wait for us; what does not fit is lost, and seen as a gap.
const queue = 1 << 16

func main() {
	url := flag.String("url", "nats://127.0.0.1:4222", "NATS server: any node's bus.nats.client_listen, or the external NATS")
	classes := flag.String("class", "", "only events whose first class is one of these, separated by commas")
	uniqueid := flag.String("uniqueid", "", "only events of the channel or bridge with this Uniqueid")
	count := flag.Int("count", 0, "end after so many events; 0 goes on")
	merged := flag.Bool("merge", false, "print in the order of the whole cluster")
	hold := flag.Duration("hold", time.Second, "with -merge, how long to wait for a silent node; not below the cluster's bus.hold")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *url, subjects(*classes, *uniqueid), newConsumer(os.Stdout, *classes+*uniqueid == "", *merged, *hold), *count); err != nil {
		fmt.Fprintln(os.Stderr, "consumer:", err)
		os.Exit(1)
	}
}

// subjects are ami.v1.event.<class>.<site>.<node>.<uniqueid>. Behind the filters stand the marks.
func subjects(classes, uniqueid string) []string {
	id := ">"
	if uniqueid != "" {
		id = "*.*." + bus.Escape(uniqueid) // "." is %2E
	}
	var all []string
	for class := range strings.SplitSeq(classes, ",") {
		if class == "" {
			class = "*"
		}
		all = append(all, "ami.v1.event."+class+"."+id)
	}
	return append(all, bus.MarkPattern)
}

// run reads until ctx ends or count events were shown.
func run(ctx context.Context, url string, subjects []string, c *consumer, count int) error {
	slow := func(_ *nats.Conn, _ *nats.Subscription, err error) { fmt.Fprintln(os.Stderr, "consumer:", err) }
	conn, err := nats.Connect(url, nats.Name("amibus example"), nats.MaxReconnects(-1), nats.ErrorHandler(slow))
	if err != nil {
		return fmt.Errorf("connect to %s: %w", url, err)
	}
	defer conn.Close()
	// One channel for all: what one node publishes then arrives in its order, a mark behind the events it speaks of.
	messages := make(chan *nats.Msg, queue)
	for _, s := range subjects {
		if _, err := conn.ChanSubscribe(s, messages); err != nil {
			return fmt.Errorf("subscribe to %s: %w", s, err)
		}
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	fmt.Fprintln(os.Stderr, "consumer: listening to", strings.Join(subjects, " "))
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for count == 0 || c.shown < count {
		select {
		case <-ctx.Done():
			return nil
		case m := <-messages:
			if err := c.take(m); err != nil {
				fmt.Fprintf(os.Stderr, "consumer: message on %s ignored: %v\n", m.Subject, err)
			}
		case <-tick.C:
			c.tick()
		}
	}
	return nil
}
