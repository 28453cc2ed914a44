//go:build invariants

package merge

const invariants = true
