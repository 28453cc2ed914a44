// Package catchup lets a node that starts know the channels and bridges that began before: it asks the other nodes for their state
// (node/state) of each node whose past it lacks, and gives its own to those who ask.
//
// A peer is asked for what reaches at least to where the own view begins; it may reach further, the Store sees to that. Who has it not, or
// not whole, leaves it out, and the next one is asked, again and again until patience ends: then the node goes on with what it has seen,
// and says so in the log. Nodes that come into view later, with a past, are asked for in the same way.
//
// What is sent is copied node by node, so nobody's stream waits for more than that, and goes out in chunks with the back-pressure of the
// bus; at most maxServed askers at a time get any.
package catchup
