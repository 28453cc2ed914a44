// Package bustest is what every bus.Bus is held to: one suite, run by the tests of each implementation.
package bustest
