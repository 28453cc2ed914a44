// Package actions is the table of all actions of Asterisk: which right an action needs, where in a cluster it runs, and how the answers
// of several nodes become one. Everything here is pure: nothing waits, sends or keeps the time. docs/actions.md shows the table.
//
// # Where an action runs
//
// Route decides by what a node knows at that moment (View). "SystemName: X" names the node; in a UserEvent it is data. Else a parameter
// that names a channel, a bridge, a conference or an agent leads to the node that has it. Else the scope of the action decides: this
// node's own source, or all nodes. An action that is not in the table goes to the own source.
//
// An action never goes to a node that might not be the one that is meant. A name that two nodes have is ambiguous; so is a name while a
// node is out of view, which may have it as well; an id that no other node gives away is not. What the user may not reach is as good as
// not there.
//
// # Answers of several nodes
//
// A List makes one list of the lists of all nodes, piece by piece as they come: one start, the items with SystemName as their last
// header, one last event with summed counts, NodesMissing and NodesFailed. A Broadcast makes one answer of the answers of all nodes. Both
// hold no more than a part of one message, or one group of items, for each node.
//
// No value that a client or a node chose can become a header of its own: what is added goes through ami.Message, which has no line ends
// in values.
package actions
