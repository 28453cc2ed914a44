// Package chaos holds nothing but tests: real amibus processes, each in a network namespace of its own beside an Asterisk of the test,
// while nodes are killed, frozen, slowed down and cut off. `make chaos` runs them (build tag chaos); they need Linux, root and the ip
// tool, and are skipped, loudly, where that is missing.
//
// # What is compared
//
// Each Asterisk numbers what it says and keeps on counting whether anybody listens or not. It notes which numbers it wrote to which
// connection of its node: what it says to nobody is not owed. At each node a plain AMI client records what it is sent. Then, event by
// event:
//
//   - what a client got from one Asterisk are the numbers that it wrote, ascending, each once and byte for byte;
//   - missing is only the end of what was written to a connection that a kill broke, and at most what was written in the last moment;
//   - clients at nodes that were not killed got the identical sequence when a node was killed, and a client at the node that came back
//     got the end of it;
//   - clients that are cut again and again, and resume at any node, have in all the whole stream, with dense seqs in their EventIDs;
//   - during a cut both sides go on, and after it everything arrives everywhere.
//
// # A starved machine
//
// A node that the machine does not run for as long as bus.hold is dropped by the others, as a frozen one is: then one order everywhere
// is not promised. A run in which a node was out of view that nothing was done to counts as starved: it is reported, everything but the
// identity is checked all the same, and it is run again.
package chaos
