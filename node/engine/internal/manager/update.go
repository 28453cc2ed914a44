package manager

import (
	"fmt"
	"strings"

	"github.com/amibus/amibus/node/engine/internal/conffile"
)

// updateError is why an UpdateConfig changes nothing, as Asterisk words it.
type updateError string

func (e updateError) Error() string { return string(e) }

const (
	badAction      = updateError("Unknown action command")
	badCategory    = updateError("Given category does not exist")
	noCategory     = updateError("Category not specified")
	badArgument    = updateError("Problem with category, value, or line (if required)")
	badNewCategory = updateError("Create category did not complete successfully")
	badUpdate      = updateError("Update did not complete successfully")
	badTemplate    = updateError("Template category not found")
	badMemory      = updateError("Memory allocation failure, this should not happen")
)

const maxUpdates = 100_000 // as in Asterisk

// change is one step of an UpdateConfig.
type change struct {
	f                             *conffile.File
	cat, name, value, match, line string
	object                        bool // the value is written with "=>"
	twice, template, lenient      bool
	inherit, catfilter            string
}

// update does what Action-000000, Cat-000000 … say, one after the other, up to the first number that is not there.
func update(f *conffile.File, headers map[string]string) error {
	for i := range maxUpdates {
		get := func(name string) string { return headers[fmt.Sprintf("%s-%06d", name, i)] }
		action := get("action")
		if action == "" {
			return nil
		}
		c := change{f: f, cat: get("cat"), name: get("var"), value: get("value"), match: get("match"), line: get("line")}
		if c.cat == "" {
			return noCategory
		}
		c.value, c.object = strings.CutPrefix(c.value, ">")
		c.options(get("options"))
		do := changes[strings.ToLower(action)]
		if do == nil {
			return badAction
		}
		if err := do(&c); err != "" {
			return err
		}
	}
	return nil
}

// options reads allowdups, template, ignoreerror, inherit="a,b" and catfilter="x=y".
func (c *change) options(list string) {
	for _, option := range conffile.Split(list, ',') {
		name, value, _ := strings.Cut(option, "=")
		switch name = strings.ToLower(strings.TrimSpace(name)); {
		case name == "allowdups":
			c.twice = true
		case name == "template":
			c.template = true
		case name == "ignoreerror":
			c.lenient = true
		case strings.HasPrefix(name, "inherit"):
			c.inherit = unquoted(value)
		case strings.HasPrefix(name, "catfilter"):
			c.catfilter = unquoted(value)
		}
	}
}

func unquoted(s string) string { return strings.Trim(strings.TrimSpace(s), `"'`) }

var changes map[string]func(*change) updateError

func init() {
	changes = map[string]func(*change) updateError{
		"newcat": (*change).newCat, "renamecat": (*change).renameCat, "delcat": (*change).delCat, "emptycat": (*change).emptyCat,
		"update": (*change).update, "delete": (*change).remove, "append": (*change).add, "insert": (*change).insert,
	}
}

func (c *change) newCat() updateError {
	if !c.twice && c.f.Get(c.cat, "TEMPLATES=include") != nil {
		if c.lenient {
			return ""
		}
		return badNewCategory
	}
	var bases []*conffile.Section
	for _, name := range conffile.Split(c.inherit, ',') {
		base := c.f.Get(name, "TEMPLATES=restrict")
		if base == nil {
			return badTemplate
		}
		bases = append(bases, base)
	}
	if !c.f.Add(c.cat, c.template, bases, c.match) {
		return badNewCategory
	}
	return ""
}

// sections are those that the change is about.
func (c *change) sections() []*conffile.Section { return c.f.Matching(c.cat, c.catfilter) }

// each does something with every section that the change is about. need: what must not be empty.
func (c *change) each(do func(*conffile.Section) bool, need ...string) (done bool, err updateError) {
	for _, argument := range need {
		if argument == "" {
			return false, badArgument
		}
	}
	sections := c.sections()
	if len(sections) == 0 {
		return false, badCategory
	}
	for _, s := range sections {
		done = do(s) || done
	}
	return done, ""
}

func (c *change) renameCat() updateError {
	_, err := c.each(func(s *conffile.Section) bool { s.Rename(c.value); return true }, c.value)
	return err
}

func (c *change) delCat() updateError {
	sections := c.sections()
	if len(sections) == 0 && !c.lenient {
		return badCategory
	}
	c.f.Delete(sections)
	return ""
}

func (c *change) emptyCat() updateError {
	_, err := c.each(func(s *conffile.Section) bool { s.Lines = nil; return true })
	return err
}

func (c *change) update() updateError {
	done, err := c.each(func(s *conffile.Section) bool { return c.f.Update(s, c.name, c.value, c.match, c.object) }, c.name)
	if err == "" && !done {
		return badUpdate
	}
	return err
}

func (c *change) remove() updateError {
	done, err := c.each(func(s *conffile.Section) bool { return s.Remove(c.name, c.match, c.line) }, c.name+c.line)
	if err == "" && !done && !c.lenient {
		return badUpdate
	}
	return err
}

func (c *change) add() updateError {
	fits := true
	object := c.object || strings.EqualFold(c.match, "object")
	_, err := c.each(func(s *conffile.Section) bool { fits = c.f.Append(s, c.name, c.value, object) && fits; return true }, c.name)
	if err == "" && !fits {
		return badMemory
	}
	return err
}

func (c *change) insert() updateError {
	fits := true
	_, err := c.each(func(s *conffile.Section) bool { fits = c.f.Insert(s, c.name, c.value, c.line) && fits; return true }, c.name, c.line)
	if err == "" && !fits {
		return badMemory
	}
	return err
}
