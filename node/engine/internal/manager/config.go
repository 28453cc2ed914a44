package manager

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/amibus/amibus/node/engine/internal/conffile"
)

// Actions on configuration files.
func init() {
	add(map[string]handler{
		"GetConfig": getConfig, "GetConfigJSON": getConfigJSON, "ListCategories": listCategories, "CreateConfig": createConfig,
		"UpdateConfig": updateConfig,
	})
}

// generator is who writes the files, as their head says.
const generator = "Manager"

// file reads the file that an action names; nil: the answer is given.
func (r *request) file() (*conffile.File, error) {
	name := r.get("Filename")
	if name == "" {
		return nil, r.fail("Filename not specified")
	}
	f, err := r.m.files.Load(name)
	if err != nil {
		return nil, r.fail(fileError(err))
	}
	return f, nil
}

// fileError is what Asterisk says.
func fileError(err error) string {
	switch {
	case errors.Is(err, conffile.ErrOutside):
		return "File requires escalated privileges"
	case errors.Is(err, conffile.ErrMissing):
		return "Config file not found"
	case errors.Is(err, conffile.ErrInvalid):
		return "Config file has invalid format"
	case errors.Is(err, conffile.ErrSave):
		return "Save of config failed"
	}
	if errno := syscall.Errno(0); errors.As(err, &errno) && errno.Error() != "" {
		text := errno.Error()
		return strings.ToUpper(text[:1]) + text[1:]
	}
	return "File requires escalated privileges"
}

func getConfig(r *request) error {
	f, err := r.file()
	if f == nil {
		return err
	}
	m := r.response("Success")
	sections := f.Matching(r.get("Category"), r.get("Filter"))
	for i, s := range sections {
		m.Add(fmt.Sprintf("Category-%06d", i), s.Name)
		if s.Template {
			m.Add(fmt.Sprintf("IsTemplate-%06d", i), "1")
		}
		if bases := s.Bases(); len(bases) > 0 {
			m.Add(fmt.Sprintf("Templates-%06d", i), strings.Join(bases, ","))
		}
		for n, l := range s.Lines {
			m.Add(fmt.Sprintf("Line-%06d-%06d", i, n), l.Name+"="+l.Value)
		}
	}
	if len(sections) == 0 && r.get("Category") != "" {
		m.AddLine([]byte("No categories found"))
	}
	return r.reply(m)
}

func listCategories(r *request) error {
	f, err := r.file()
	if f == nil {
		return err
	}
	m := r.response("Success")
	sections := f.Matching("", r.get("Match"))
	for i, s := range sections {
		m.Add(fmt.Sprintf("Category-%06d", i), s.Name)
	}
	if len(sections) == 0 {
		m.Add("Error", "no categories found")
	}
	return r.reply(m)
}

func getConfigJSON(r *request) error {
	f, err := r.file()
	if f == nil {
		return err
	}
	var b strings.Builder
	for i, s := range f.Matching(r.get("Category"), r.get("Filter")) {
		comma(&b, i)
		b.WriteString(quote(s.Name) + ":{")
		n := 0
		if s.Template {
			b.WriteString(`"istemplate":1`)
			n++
		}
		if bases := s.Bases(); len(bases) > 0 {
			comma(&b, n)
			b.WriteString(`"templates":"` + strings.Join(bases, ",") + `"`)
			n++
		}
		for _, l := range s.Lines {
			comma(&b, n)
			b.WriteString(quote(l.Name) + ":" + quote(l.Value))
			n++
		}
		b.WriteByte('}')
	}
	return r.respond("Success", "JSON", "{"+b.String()+"}")
}

func comma(b *strings.Builder, n int) {
	if n > 0 {
		b.WriteByte(',')
	}
}

// quote escapes what Asterisk escapes, and no more.
func quote(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }

func createConfig(r *request) error {
	name := r.get("Filename")
	if name == "" {
		return r.fail("Filename not specified")
	}
	switch err := r.m.files.Create(name); {
	case err == nil:
		return r.ok("New configuration file created successfully")
	case errors.Is(err, conffile.ErrMissing):
		return r.fail("No such file or directory") // the directory
	default:
		return r.fail(fileError(err))
	}
}

func updateConfig(r *request) error {
	from, to := r.get("SrcFilename"), r.get("DstFilename")
	if from == "" || to == "" {
		return r.fail("Filename not specified")
	}
	var refused updateError
	err := r.m.files.Update(from, to, generator, r.m.now(), func(f *conffile.File) error { return update(f, r.headers()) })
	switch {
	case errors.As(err, &refused):
		return r.fail(string(refused))
	case err != nil:
		return r.fail(fileError(err))
	}
	if err := r.reply(r.response("Success")); err != nil {
		return err
	}
	switch reload := r.get("Reload"); strings.ToLower(reload) {
	case "", "no", "false", "n", "f", "0", "off":
	case "yes", "true", "y", "t", "1", "on":
		r.reload("")
	default:
		r.reload(reload)
	}
	return nil
}

// headers are the values of an action by name in lower case, the first of each name.
func (r *request) headers() map[string]string {
	all := map[string]string{}
	for i := range r.action.Len() {
		name, value, ok := r.action.Field(i)
		key := strings.ToLower(string(name))
		if _, there := all[key]; ok && !there {
			all[key] = string(value)
		}
	}
	return all
}
