//go:build unix

package busbench

import (
	"syscall"
	"time"
)

// cpu is the processor time this process has used, user and system.
func cpu() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
