package busbench

import (
	"encoding/json"
	"math"
)

// Row is one figure.
type Row struct {
	Name   string  // of the measurement
	What   string  // what is measured
	Unit   string  // of Figure and Floor
	Figure float64 // NaN: not measured here
	Floor  float64 // NaN: there is none
	Goal   Goal
	Note   string // what one should know to read it
}

// Goal is what is to be reached, by the figure or by its ratio to the floor.
type Goal struct {
	Limit   float64
	AtLeast bool // else at most
	Ratio   bool
}

// Ratio is how many times the floor the figure is; NaN without one.
func (r *Row) Ratio() float64 { return r.Figure / r.Floor }

// Measured tells whether there is a figure.
func (r *Row) Measured() bool { return !math.IsNaN(r.Figure) }

// Reached tells whether the goal is reached, made slack times easier.
func (r *Row) Reached(slack float64) bool {
	got := r.Figure
	if r.Goal.Ratio {
		got = r.Ratio()
	}
	if r.Goal.AtLeast {
		return got >= r.Goal.Limit/slack
	}
	return got <= r.Goal.Limit*slack
}

// MarshalJSON leaves out what was not measured.
func (r *Row) MarshalJSON() ([]byte, error) {
	m := map[string]any{"row": r.Name, "what": r.What, "unit": r.Unit, "to_reach": r.Goal.Limit, "to_reach_is": "at most"}
	if r.Goal.AtLeast {
		m["to_reach_is"] = "at least"
	}
	m["of_ratio"] = r.Goal.Ratio
	if r.Measured() {
		m["figure"], m["ok"] = r.Figure, r.Reached(1)
	}
	if ratio := r.Ratio(); !math.IsNaN(ratio) {
		m["floor"], m["ratio"] = r.Floor, ratio
	}
	if r.Note != "" {
		m["note"] = r.Note
	}
	return json.Marshal(m)
}
