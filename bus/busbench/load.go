package busbench

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/proto/ami"
	"github.com/amibus/amibus/proto/wire"
)

const batch = 16

// text is an event as Asterisk writes it, 430 bytes. The last header takes a number of 19 digits.
const text = "Event: Newstate\r\nPrivilege: call,all\r\nSystemName: %s\r\nChannel: PJSIP/trunk-%08x\r\nChannelState: 6\r\nChannelStateDesc: Up\r\n" +
	"CallerIDNum: 4930123456\r\nCallerIDName: Front Desk\r\nConnectedLineNum: 4930654321\r\nConnectedLineName: Support Queue\r\n" +
	"Language: en\r\nAccountCode: customer-17\r\nContext: from-internal\r\nExten: 4930654321\r\nPriority: 7\r\n" +
	"Uniqueid: %[1]s-1700000000.%[2]d\r\nLinkedid: %[1]s-1700000000.%[3]d\r\nX-Stamp: %019[4]d\r\n\r\n"

// entry makes an event of node's channel number n.
func entry(node string, n int, stamp int64) wire.Entry {
	id, linked := fmt.Appendf(nil, "%s-1700000000.%d", node, n), fmt.Appendf(nil, "%s-1700000000.%d", node, n&^1)
	b := wire.AppendEntry(nil, uint64(ami.ClassCall), []byte("Newstate"), id, linked, fmt.Appendf(nil, text, node, n, n&^1, stamp))
	e, err := wire.ParseEntry(b)
	if err != nil {
		panic(err) // our own encoder's
	}
	return e
}

// stampOf reads the number an entry was made with.
func stampOf(e *wire.Entry) int64 {
	b := e.AMI()
	n, _ := strconv.ParseInt(string(b[len(b)-23:len(b)-4]), 10, 64)
	return n
}

// entries makes n of them, on a channel for each ten.
func entries(node string, n int) []wire.Entry {
	all := make([]wire.Entry, n)
	for i := range all {
		all[i] = entry(node, i/10, 0)
	}
	return all
}

// frames packs entries as the bus does, 16 to a frame.
func frames(node string, all []wire.Entry) [][]byte {
	var out [][]byte
	for i := 0; i+batch <= len(all); i += batch {
		f := wire.Frame{Site: site, Node: node, Epoch: 1, First: uint64(i + 1), Mark: 1, Sent: 1, Entries: all[i : i+batch]}
		out = append(out, wire.AppendFrame(nil, &f))
	}
	return out
}

// used is what a load has cost.
type used struct{ cpu, wall time.Duration }

// each is the CPU for one of n, in microseconds.
func (u used) each(n int) float64 { return float64(u.cpu.Nanoseconds()) / 1e3 / float64(n) }

var errStalled = errors.New("nothing has arrived for 20 s")

// flood lets every node in speakers say all parts, one call to say for each, and waits until done(sent) events have come everywhere. No more than
// window are under way.
func (c *cluster) flood(speakers, parts, perPart, window int, arrived func() int64, say func(speaker, part int) error) (used, error) {
	runtime.GC()
	base, start, began := arrived(), time.Now(), cpu()
	var errs error
	sent := int64(0)
	wait := func(most int64) error {
		stalled := time.NewTimer(20 * time.Second)
		defer stalled.Stop()
		for sent-(arrived()-base) > most {
			select {
			case <-c.woken:
			case <-stalled.C:
				return errStalled
			}
		}
		return nil
	}
	for part := 0; part < parts && errs == nil; part++ {
		for i := 0; i < speakers && errs == nil; i++ {
			errs = say(i, part)
			sent += int64(perPart)
		}
		if errs == nil {
			errs = wait(int64(window))
		}
	}
	if errs == nil {
		errs = wait(0)
	}
	return used{cpu() - began, time.Since(start)}, errs
}

// bare listens at every node to what the others say, and counts events, perMsg for each message.
func (c *cluster) bare(pattern string, perMsg int64) error {
	for _, n := range c.nodes {
		_, err := n.bus.Subscribe(pattern, func(bus.Msg) {
			n.emitted.Add(perMsg)
			n.wake()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pace calls say for every node once a period, each in a goroutine of its own, as time.Sleep allows, and catches up.
func (r *run) pace(nodes []*node, period, length time.Duration, say func(n *node, i int)) {
	var wg sync.WaitGroup
	for _, n := range nodes {
		wg.Go(func() {
			start := time.Now()
			for i := 0; r.ctx.Err() == nil; i++ {
				due := time.Duration(i) * period
				if due > length {
					return
				}
				time.Sleep(due - time.Since(start))
				say(n, i)
			}
		})
	}
	wg.Wait()
}
