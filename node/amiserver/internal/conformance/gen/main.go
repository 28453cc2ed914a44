// Command gen writes docs/ami-conformance.md. Run by go generate in node/amiserver/internal/conformance.
package main

import (
	"fmt"
	"os"

	"github.com/amibus/amibus/node/amiserver/internal/conformance"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen ROOT")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	r, err := conformance.Read(root)
	if err != nil {
		return err
	}
	for _, p := range r.Problems() {
		fmt.Fprintln(os.Stderr, p)
	}
	return os.WriteFile(root+"/"+conformance.Path, r.Document(), 0o644)
}
