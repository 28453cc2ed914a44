// Package node is one amibus node: it wires the parts together and holds nothing else.
//
// A source's events pass through the manager topic into the stream, which stamps them, and come back, merged with those of all
// other nodes, on the cluster topic, from which every AMI session reads. Actions go from a session to the router, which runs
// them on this node's source or asks the node they name.
//
// New opens every listener, so that a busy port is told before anything else happens; Run returns when all goroutines are gone.
package node
