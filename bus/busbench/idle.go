package busbench

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/amibus/amibus/bus"
)

// idleMark is how often an idle node sends a mark: bus.hold / 4.
const idleMark = 75 * time.Millisecond

// idle: what a node costs that has nothing to do: one of three processes of amibus run. The floor is three bare servers in this process that
// pass as many messages.
func (r *run) idle() error {
	length := short(r, 10*time.Second, 3*time.Second)
	mem, share := Goal{Limit: 40}, Goal{Limit: 1}
	if len(r.Node) == 0 || !hasProc() {
		const why = "not measured: needs /proc of Linux and the amibus command"
		r.put("idle node of three, memory", "MB", none, none, mem, why)
		r.put("idle node of three, share of a core", "%", none, none, share, why)
		return nil
	}
	floor, err := r.idleFloor(length / 2)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "amibus-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) // what is left is in the system's temporary directory
	var nodes []*exec.Cmd
	defer func() {
		for _, n := range nodes {
			_ = n.Process.Kill() // it may be gone
			_ = n.Wait()
		}
	}()
	var join []string
	for _, name := range names {
		n, member, err := r.spawn(filepath.Join(dir, name), name, join)
		if n != nil {
			nodes = append(nodes, n)
		}
		if err != nil {
			return err
		}
		join = append(join, strconv.Quote(member))
	}
	if err := r.sleep(short(r, 5*time.Second, 2*time.Second)); err != nil { // joins and routes are made, garbage is collected
		return err
	}
	rss, used, err := r.watch(nodes, length)
	if err != nil {
		return err
	}
	r.put("idle node of three, memory", "MB", rss, none, mem, "resident, of which about 20 MB are the program itself")
	r.put("idle node of three, share of a core", "%", used, floor, share, fmt.Sprintf("over %v; floor: bare servers that pass as many marks", length))
	return nil
}

// watch returns the middle one's memory in MB and CPU in percent of a core.
func (r *run) watch(nodes []*exec.Cmd, length time.Duration) (rss, used float64, err error) {
	var before, sizes, shares []float64
	for _, n := range nodes {
		ticks, _, err := stat(n.Process.Pid)
		if err != nil {
			return 0, 0, err
		}
		before = append(before, ticks)
	}
	start := time.Now()
	if err := r.sleep(length); err != nil {
		return 0, 0, err
	}
	for i, n := range nodes {
		ticks, pages, err := stat(n.Process.Pid)
		if err != nil {
			return 0, 0, fmt.Errorf("%s has ended: %w", names[i], err)
		}
		shares = append(shares, (ticks-before[i])/time.Since(start).Seconds()) // 100 ticks a second: percent
		sizes = append(sizes, pages*float64(os.Getpagesize())/1e6)
	}
	return median(sizes), median(shares), nil
}

// spawn starts a node without a source and returns the address others join.
func (r *run) spawn(dir, name string, join []string) (*exec.Cmd, string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, "", err
	}
	files := map[string]string{
		"manager.conf": "[general]\nenabled = yes\nbindaddr = 127.0.0.1\nport = 0\n[admin]\nsecret = secret\nread = all\nwrite = all\nwritetimeout = 5000\n",
		"amibus.yaml": fmt.Sprintf("node: {name: %s, data_dir: data}\nsource: {kind: none}\nami: {manager_conf: manager.conf}\nbus:\n"+
			"  nats: {route_listen: \"127.0.0.1:0\"}\n  member: {listen: \"127.0.0.1:0\", join: [%s]}\nadmin: {listen: \"127.0.0.1:0\"}\n",
			name, strings.Join(join, ", ")),
	}
	for file, body := range files {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(body), 0o600); err != nil {
			return nil, "", err
		}
	}
	args := append(append([]string(nil), r.Node[1:]...), filepath.Join(dir, "amibus.yaml"))
	var said strings.Builder
	cmd := exec.CommandContext(r.ctx, r.Node[0], args...)
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	var addr struct{ Member string }
	err := r.await(name, func() bool {
		b, err := os.ReadFile(filepath.Join(dir, "data", "addresses.json"))
		return err == nil && json.Unmarshal(b, &addr) == nil && addr.Member != ""
	})
	return cmd, addr.Member, err
}

func hasProc() bool {
	_, _, err := stat(os.Getpid())
	return err == nil
}

// stat reads the CPU time in ticks of 10 ms and the resident pages of a process.
func stat(pid int) (ticks, pages float64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:])) // from the third on: the second may hold anything
	if len(fields) < 22 {
		return 0, 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields)+2)
	}
	for _, f := range []struct {
		at  int
		add *float64
	}{{11, &ticks}, {12, &ticks}, {21, &pages}} {
		n, err := strconv.ParseFloat(fields[f.at], 64)
		if err != nil {
			return 0, 0, err
		}
		*f.add += n
	}
	return ticks, pages, nil
}

// idleFloor is the share of a core that each of three bare servers uses while each sends a mark's worth of bytes as often as an idle node does.
func (r *run) idleFloor(length time.Duration) (percent float64, err error) {
	c, err := r.cluster(settings{nodes: 3, bare: true})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := c.bare(bus.FramePattern, 1); err != nil {
		return 0, err
	}
	mark := frames("alpha", entries("alpha", batch))[0][:60]
	start, began := time.Now(), cpu()
	r.pace(c.nodes, idleMark, length, func(n *node, _ int) {
		_ = n.bus.Publish(bus.SubjectFrame(site, n.self.Name), mark) // a bus that fails shows in the other rows
	})
	return (cpu() - began).Seconds() / time.Since(start).Seconds() / 3 * 100, r.ctx.Err()
}
