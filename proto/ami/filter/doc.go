// Package filter holds the event filters of a session: what `eventfilter` of manager.conf and the Filter action say
// (ami/behaviour.md 8).
//
// A Filter is one compiled filter; its errors are ErrFormat or ErrCompile, as Asterisk tells them apart. A Set is what a session
// has: an event passes if an include matches it, or there is none, and no exclude does. Both never change, and may be used by any
// number of goroutines.
//
// Parse reads the key and the value of a configured filter, Legacy and Advanced what the Filter action brings.
package filter
