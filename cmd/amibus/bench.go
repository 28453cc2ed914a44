package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/amibus/amibus/bus/busbench"
)

func benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure amibus on this machine",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(benchBusCommand())
	return cmd
}

func benchBusCommand() *cobra.Command {
	var o busbench.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "bus",
		Short: "Measure the bus beside NATS with nothing on top",
		Long: `Measures the bus: real nodes over embedded NATS on loopback, in this process, and beside each figure the floor: the same bytes over NATS
with nothing on top, in the same run. Prints what is to be reached, and "over" where it is not. Takes less than two minutes. Other
work on the machine spoils it; ratios suffer least. The exit code says that it ran, not that all goals are reached.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Only != "" && !slices.Contains(busbench.Names(), o.Only) {
				return usageError{fmt.Errorf("--only is %q, must be one of %s", o.Only, strings.Join(busbench.Names(), ", "))}
			}
			self, err := os.Executable()
			if err != nil {
				return err
			}
			o.Node = []string{self, "run", "--config"}
			if asJSON {
				return benchJSON(cmd, o)
			}
			return benchTable(cmd, o)
		},
	}
	cmd.Flags().BoolVar(&o.Quick, "quick", false, "less than 20 s: fewer and shorter repetitions")
	cmd.Flags().StringVar(&o.Only, "only", "", "one measurement: "+strings.Join(busbench.Names(), ", "))
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func benchTable(cmd *cobra.Command, o busbench.Options) error {
	t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "row\tmeasured\tfigure\tfloor\tratio\tto reach\t")
	err := busbench.Run(cmd.Context(), o, func(r *busbench.Row) {
		fmt.Fprintln(cmd.ErrOrStderr(), "measured:", r.What)
		verdict := "over"
		switch {
		case !r.Measured():
			verdict = "not measured"
		case r.Reached(1):
			verdict = "ok"
		case r.Goal.AtLeast:
			verdict = "under"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.What, quantity(r.Figure, r.Unit), quantity(r.Floor, r.Unit), ratio(r.Ratio()),
			toReach(r), verdict)
	})
	return errors.Join(err, t.Flush())
}

func benchJSON(cmd *cobra.Command, o busbench.Options) error {
	all := []*busbench.Row{}
	if err := busbench.Run(cmd.Context(), o, func(r *busbench.Row) { all = append(all, r) }); err != nil {
		return err
	}
	return writeJSON(cmd.OutOrStdout(), map[string]any{"version": buildVersion(), "go": runtime.Version(), "cpus": runtime.NumCPU(), "quick": o.Quick, "rows": all})
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func toReach(r *busbench.Row) string {
	sign := "≤"
	if r.Goal.AtLeast {
		sign = "≥"
	}
	if r.Goal.Ratio {
		return sign + " " + ratio(r.Goal.Limit)
	}
	return sign + " " + quantity(r.Goal.Limit, r.Unit)
}

func ratio(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	return fmt.Sprintf("%.2g ×", v)
}

// quantity prints three digits, with k and M where it is a rate.
func quantity(v float64, unit string) string {
	switch {
	case math.IsNaN(v):
		return "-"
	case unit == "/s" && v >= 1e6:
		return fmt.Sprintf("%.2f M%s", v/1e6, unit)
	case unit == "/s" && v >= 1e3:
		return fmt.Sprintf("%.0f k%s", v/1e3, unit)
	case v >= 100:
		return fmt.Sprintf("%.0f %s", v, unit)
	}
	return fmt.Sprintf("%.3g %s", v, unit)
}
