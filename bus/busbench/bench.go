package busbench

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"
)

// Options of a Run.
type Options struct {
	Quick bool   // under 20 s altogether: fewer and shorter repetitions
	Only  string // the measurement to run; "" is all
	// Node is the command line of a node, to which the path of a configuration is appended. Without it idle nodes are not measured.
	Node []string
}

// measurement makes the rows of one name.
type measurement struct {
	name string
	run  func(*run) error
}

// all in the order they are run: idle first, while this process is as it was.
var all = []measurement{
	{"idle", (*run).idle},
	{"path", (*run).path},
	{"merged", (*run).merged},
	{"merge", (*run).merge},
	{"latency", (*run).latency},
	{"kill", (*run).kill},
	{"journal", (*run).journal},
	{"replay", (*run).replay},
	{"keyed", (*run).keyed},
}

// Names returns what Options.Only may be.
func Names() []string {
	var names []string
	for _, m := range all {
		names = append(names, m.name)
	}
	return names
}

// Run measures, and hands out each row as soon as it is there.
func Run(ctx context.Context, o Options, row func(*Row)) error {
	for _, m := range all {
		if o.Only != "" && o.Only != m.name {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		r := &run{Options: o, ctx: ctx, name: m.name, row: row}
		if err := m.run(r); err != nil {
			return fmt.Errorf("bench %s: %w", m.name, err)
		}
		runtime.GC() // what one leaves behind is not the next one's cost
	}
	return nil
}

// run is one measurement under way.
type run struct {
	Options
	ctx  context.Context
	name string
	row  func(*Row)
}

func (r *run) put(what, unit string, figure, floor float64, goal Goal, note string) {
	r.row(&Row{Name: r.name, What: what, Unit: unit, Figure: figure, Floor: floor, Goal: goal, Note: note})
}

// short is full, or quick in a quick run.
func short[T any](r *run, full, quick T) T {
	if r.Quick {
		return quick
	}
	return full
}

func (r *run) sleep(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
}

// await polls until ok or a deadline that only a machine in trouble misses.
func (r *run) await(what string, ok func() bool) error {
	for deadline := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not within 30 s; is the machine very busy?", what)
		}
		if err := r.sleep(2 * time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

var none = math.NaN()

func median(v []float64) float64 {
	if len(v) == 0 {
		return none
	}
	v = slices.Sorted(slices.Values(v))
	return (v[len(v)/2] + v[(len(v)-1)/2]) / 2
}

// quantile of unsorted durations, in microseconds.
func quantile(v []int64, q float64) float64 {
	if len(v) == 0 {
		return none
	}
	slices.Sort(v)
	return float64(v[min(int(float64(len(v))*q), len(v)-1)]) / 1e3
}
