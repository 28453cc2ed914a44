//go:build unix

package amiserver

import (
	"syscall"
	"testing"
)

// fileLimit is how many files the process may open.
func fileLimit(t testing.TB) int {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return int(min(limit.Cur, 1<<20))
}
