// Package dialplan is the language of extensions.conf: it reads the file, finds what a call runs next, and evaluates what a line says.
// It runs nothing, and has no time and no randomness of its own: what it needs of the channel and the node comes through Env.
//
// # Loading
//
// Load, Parse and Build make a Dialplan, which never changes and may be used by any number of goroutines: a reload makes a new one. A
// line that is wrong is left out and told as a Problem with file and line, as Asterisk logs it; so are applications and functions that
// do not exist, and settings that are not followed (switch, autohints, overrideswitch). A file that cannot be read, or whose sections
// cannot be told apart, is a fatal Problem, and there is no dialplan. The engine sets Globals itself, and clears the old ones if
// ClearGlobals.
//
// # Lookup
//
// Find looks in the context, in the order in which Asterisk tries its extensions (numbers, then patterns, the more specific character
// first; of one number those for a caller id first), then in its includes, each context once, 128 at most. An extension that fits but
// lacks the priority does not end the search. CanMatch and MatchMore are for digits that come one by one. Hint and HintText are for
// extension states; Walk is what `dialplan show` and ShowDialPlan list.
//
// # Substitution
//
// Substitute replaces ${NAME}, ${NAME:offset:length}, ${FUNCTION(args)} and $[expression], nested, with Asterisk's limits: 15 levels,
// 4,095 bytes of a value, 8,191 of a line; beyond 10,000 steps the rest is empty. It never fails: what is wrong is empty (an expression:
// 0), and Env.Warn gets what Asterisk would log. Expressions are ast_expr2's: numbers of 64 bits of mantissa, quotes are part of a
// text. Set and Get are the dialplan's Set and the actions Setvar and Getvar; SplitArgs, Condition, Branches, ParseLocation and
// ParseTiming read the arguments of applications.
//
// Regular expressions are Go's: POSIX, no back references.
package dialplan
