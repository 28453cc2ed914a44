// Package filter holds the event filters of a session: what `eventfilter` of manager.conf and the Filter action say
// (ami/behaviour.md 8).
//
// Parse reads the key and the value of a configured filter; Legacy and Advanced read what the Filter action brings. An error is
// ErrFormat or ErrCompile, as Asterisk tells them apart. A Set is what a session has: an event passes if an include matches it, or
// there is none, and no exclude does. Filters and sets never change and may be used by any number of goroutines.
//
// # What it costs
//
// A set is compiled to look-ups when it is first used: names in a map, literals by how they begin, headers in one scan of the lines
// for all that are asked for. A regular expression whose texts can be spelled out, such as `Event: (Hangup|Newchannel)`, is
// compared as text; of the others, most are asked only where a text that they need is found. Sets with the same filters are one,
// which remembers its last results by the id of the event: sessions that share it evaluate an event about once. A set is
// forgotten with its last user.
//
// A set holds MaxFilters filters, and regular expressions of a bounded size together; then it is Full.
//
// # Regular expressions
//
// They are those of the GNU C library in the locale C.UTF-8, which Asterisk sets: extended, a dot and a negated bracket take line
// ends, ^ and $ are the ends of the text, and a byte that is no UTF-8 is no character. They run as Go's, so in linear time. What
// differs:
//
//   - There are no back-references, no intervals above 1,000, and no expression that unrolls to more than 2,000 steps: ErrCompile.
//   - A range in brackets never ends in a byte that is no UTF-8: ErrCompile.
//   - \< and \> need a word character behind and before them, else ErrCompile.
//   - \b, \B, \< and \> take only ASCII letters, digits and _ for word characters.
//   - Classes such as [:alpha:] follow Unicode's categories: some marks and digits of other scripts fall otherwise.
//   - An anchor amid an expression means what it says: the C library takes a line end for the beginning in `[^x]^`.
package filter
