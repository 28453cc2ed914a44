package filter

// Interned is the number of sets that are known.
func Interned() int {
	interned.Lock()
	defer interned.Unlock()
	return len(interned.sets)
}
