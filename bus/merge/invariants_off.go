//go:build !invariants

package merge

// invariants says whether every emission is checked: dear, so only with the build tag of that name.
const invariants = false
