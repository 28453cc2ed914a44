package merge

// Past is an incarnation of a node that is over here. End is its last seq, emitted or declared missing; it still grows if others turn
// out to have more of it.
type Past struct{ Epoch, End uint64 }

// Past returns the incarnations of a node that were closed here, the last few, ascending.
func (m *Machine) Past(n Node) []Past {
	o := m.origins[n]
	if o == nil {
		return nil
	}
	var all []Past
	for _, p := range o.closed {
		all = append(all, Past{p.epoch, p.end})
	}
	return all
}
