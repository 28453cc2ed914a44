//go:build !unix

package busbench

import "time"

var begun = time.Now()

// cpu is not known here: as if one core were always in use.
func cpu() time.Duration { return time.Since(begun) }
