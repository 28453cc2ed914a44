// Package manager answers the AMI actions on the call engine, as an Asterisk with its modules would.
//
// A Manager has one table, from the action's name to its handler; each file of the package holds the actions of one subject. A handler
// reads the action, asks or looks at the PBX through a Driver, and answers: Response first, the items of a list behind it, as Asterisk
// writes them. What the PBX says of its own accord, events that everybody sees, does not go through here.
//
// An action that is not in the table is answered as Asterisk answers one whose module is not loaded. Names, synopses and classes of all
// actions are Asterisk's (package ami); rights are checked before an action gets here.
//
// The action Command has a table of its own, of command lines (console.go); they print what Asterisk's print, but for synopses and usage,
// which are our words. The actions on configuration files read and write one directory (package conffile).
package manager
