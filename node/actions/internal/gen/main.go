// Command gen writes docs/actions.md from the table of node/actions. Run by go generate in node/actions.
package main

import (
	"fmt"
	"os"

	"github.com/amibus/amibus/node/actions"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen docs/actions.md")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], document(actions.All()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}
