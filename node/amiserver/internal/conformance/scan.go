package conformance

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What a directive may say.
const (
	same    = "same"
	differs = "differs"
	na      = "na"
	client  = "client"
)

const prefix = "//ami:"

// directive is one item in a directive of a test.
type directive struct{ kind, number, reason, test, file string }

func (d directive) where() string { return d.file + ": " + d.test }

// CaptureDifference is an entry of a table whose name ends in Differences, map[string]string, in a test that compares us with recordings:
// what a client of ours gets otherwise than the recorded one did, and why.
type CaptureDifference struct{ What, Reason string }

var itemNumber = regexp.MustCompile(`^[0-9]+\.[0-9]+$`)

var testName = regexp.MustCompile(`^(Test|Fuzz|Benchmark)([^a-z]|$)`)

// scan reads the directives of all tests below root.
func (r *Report) scan(root string) error {
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := e.Name(); e.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "bin") {
			return filepath.SkipDir
		}
		if e.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		r.scanFile(fset, file, filepath.ToSlash(rel))
		return nil
	})
	slices.SortStableFunc(r.found, func(a, b directive) int {
		return cmp.Or(strings.Compare(a.file, b.file), strings.Compare(a.test, b.test))
	})
	return err
}

func (r *Report) scanFile(fset *token.FileSet, file *ast.File, name string) {
	docs := map[*ast.CommentGroup]string{}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && testName.MatchString(d.Name.Name) && d.Doc != nil {
				docs[d.Doc] = d.Name.Name
			}
		case *ast.GenDecl:
			r.readCaptures(d, name)
		}
	}
	for _, group := range file.Comments {
		for _, c := range group.List {
			text, ok := strings.CutPrefix(c.Text, prefix)
			if !ok {
				continue
			}
			where := fmt.Sprintf("%s:%d", name, fset.Position(c.Pos()).Line)
			if test := docs[group]; test == "" {
				r.wrong = append(r.wrong, where+": the directive is not in the doc comment of a test")
			} else if why := r.add(text, test, name); why != "" {
				r.wrong = append(r.wrong, where+": "+why)
			}
		}
	}
}

// add takes what follows //ami: apart.
func (r *Report) add(text, test, file string) (wrong string) {
	kind, rest, _ := strings.Cut(text, " ")
	numbers, reason := strings.Fields(rest), ""
	switch kind {
	case same, client:
	case differs, na:
		n := 0
		for n < len(numbers) && itemNumber.MatchString(numbers[n]) {
			n++
		}
		numbers, reason = numbers[:n], strings.Join(numbers[n:], " ")
		if reason == "" {
			return "a reason is missing behind the item"
		}
	default:
		return fmt.Sprintf("%q is none of same, differs, na, client", kind)
	}
	if len(numbers) == 0 {
		return "an item is missing"
	}
	for _, number := range numbers {
		r.found = append(r.found, directive{kind, number, reason, test, file})
	}
	return ""
}

// readCaptures reads the tables of differences from recordings.
func (r *Report) readCaptures(decl *ast.GenDecl, file string) {
	for _, spec := range decl.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok || len(v.Names) != 1 || !strings.HasSuffix(v.Names[0].Name, "Differences") || len(v.Values) != 1 {
			continue
		}
		table, ok := v.Values[0].(*ast.CompositeLit)
		if !ok {
			continue
		}
		for _, e := range table.Elts {
			pair, ok := e.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			what, reason := literal(pair.Key), literal(pair.Value)
			if what == "" || reason == "" {
				r.wrong = append(r.wrong, fmt.Sprintf("%s: an entry of %s is not two string literals", file, v.Names[0].Name))
				continue
			}
			r.Captures = append(r.Captures, CaptureDifference{what, reason})
		}
	}
}

func literal(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		if text, err := strconv.Unquote(lit.Value); err == nil {
			return text
		}
	}
	return ""
}
