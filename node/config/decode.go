package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// keys is the whole of the file: every key there is, and what it sets.
func keys(c *Config) section {
	return section{
		"node": section{
			"name":     text{&c.Node.Name},
			"site":     text{&c.Node.Site},
			"data_dir": path{&c.Node.DataDir},
		},
		"source": section{
			"kind": text{&c.Source.Kind},
			"asterisk": section{
				"address":     text{&c.Source.Asterisk.Address},
				"username":    text{&c.Source.Asterisk.Username},
				"secret_file": path{&c.Source.Asterisk.SecretFile},
				"secret_env":  text{&c.Source.Asterisk.SecretEnv},
				"secret":      refused("a secret does not belong in this file; put it into a file of its own and name that in secret_file, or use secret_env"),
			},
			"engine": engineKeys(&c.Source.Engine),
		},
		"ami": section{
			"manager_conf": path{&c.AMI.ManagerConf},
			"acl_conf":     path{&c.AMI.ACLConf},
			"http_conf":    path{&c.AMI.HTTPConf},
		},
		"identity": section{
			"qualify": text{&c.Identity.Qualify},
		},
		"bus": section{
			"hold":       duration{&c.Bus.Hold},
			"lost_after": duration{&c.Bus.LostAfter},
			"tick":       durationOrAuto{&c.Bus.Tick},
			"journal":    text{&c.Bus.Journal},
			"insecure":   truth{&c.Bus.Insecure},
			"nats": section{
				"route_listen":     text{&c.Bus.NATS.RouteListen},
				"client_listen":    text{&c.Bus.NATS.ClientListen},
				"urls":             list{&c.Bus.NATS.URLs},
				"publish":          text{&c.Bus.NATS.Publish},
				"users_file":       path{&c.Bus.NATS.UsersFile},
				"nkey_file":        path{&c.Bus.NATS.NKeyFile},
				"credentials_file": path{&c.Bus.NATS.Credentials},
				"tls": section{
					"ca_file":   path{&c.Bus.NATS.TLS.CAFile},
					"cert_file": path{&c.Bus.NATS.TLS.CertFile},
					"key_file":  path{&c.Bus.NATS.TLS.KeyFile},
				},
			},
			"member": section{
				"listen":    text{&c.Bus.Member.Listen},
				"join":      list{&c.Bus.Member.Join},
				"advertise": text{&c.Bus.Member.Advertise},
				"key_file":  path{&c.Bus.Member.KeyFile},
			},
		},
		"admin": section{
			"listen":   text{&c.Admin.Listen},
			"insecure": truth{&c.Admin.Insecure},
		},
	}
}

// decode sets what the YAML text of the file says, and leaves everything else as it is.
func decode(c *Config, file string, yamlText []byte) Problems {
	c.origin = origin{file: file, lines: map[string]int{}}
	d := &decoder{origin: c.origin}
	docs := yaml.NewDecoder(bytes.NewReader(yamlText))
	var doc, more yaml.Node
	switch err := docs.Decode(&doc); {
	case errors.Is(err, io.EOF): // an empty file sets nothing
		return nil
	case err != nil:
		return Problems{syntaxProblem(file, err)}
	}
	switch err := docs.Decode(&more); {
	case err == nil:
		d.bad(more.Line, "", "a second YAML document begins here; one file configures one node")
	case !errors.Is(err, io.EOF):
		return Problems{syntaxProblem(file, err)}
	}
	if root := doc.Content[0]; root.Tag != "!!null" { // only comments: sets nothing either
		keys(c).set(d, "", root)
	}
	return d.problems
}

var (
	yamlLine = regexp.MustCompile(`^line (\d+): `)
	// parserError matches the errors for which the library counts lines from 0; for those of its scanner it counts from 1.
	parserError = regexp.MustCompile(`^(did not find expected (',' or|'-' indicator|<|key|node content)|found (duplicate|incompatible|undefined))`)
)

// syntaxProblem takes the line out of the YAML library's error, which has it in its text only, and none for the first line.
func syntaxProblem(file string, err error) Problem {
	p := Problem{File: file, Line: 1, Text: strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := yamlLine.FindStringSubmatch(p.Text); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		p.Text = p.Text[len(m[0]):]
		if parserError.MatchString(p.Text) {
			p.Line++
		}
	}
	if strings.HasPrefix(p.Text, "unknown anchor") { // the library does not say where
		p.Line = 0
	}
	p.Text = "this is not YAML: " + p.Text
	return p
}

// decoder collects what is wrong and where each key stands.
type decoder struct {
	origin   origin
	problems Problems
}

func (d *decoder) bad(line int, key, format string, args ...any) {
	d.problems = append(d.problems, Problem{File: d.origin.file, Line: line, Key: key, Text: fmt.Sprintf(format, args...)})
}

// scalar is the node's text; a list or mapping is a problem.
func (d *decoder) scalar(key string, n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		d.bad(n.Line, key, "is a %s, must be a single value", kindName(n))
		return "", false
	}
	return n.Value, true
}

// resolve follows an alias (*name) to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "section"
	case yaml.SequenceNode:
		return "list"
	}
	return "single value"
}

// setter takes the value of one key over.
type setter interface {
	set(d *decoder, key string, n *yaml.Node)
}

// section is a mapping of known keys.
type section map[string]setter

func (s section) set(d *decoder, key string, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		d.bad(n.Line, key, "is a %s, must be a section with the keys %s", kindName(n), s.names())
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		full := strings.TrimPrefix(key+"."+name.Value, ".")
		target, known := s[name.Value]
		switch {
		case name.Kind != yaml.ScalarNode || !known:
			d.bad(name.Line, full, "is not a key of this file; here the keys are %s", s.names())
		case d.origin.given(full):
			d.bad(name.Line, full, "is given twice, first in line %d; remove one", d.origin.lines[full])
		default:
			d.origin.lines[full] = name.Line
			if value = resolve(value); value.Tag != "!!null" { // "key:" with nothing behind it keeps the default
				target.set(d, full, value)
			}
		}
	}
}

// names lists the keys that may be used.
func (s section) names() string {
	names := slices.Collect(maps.Keys(s))
	names = slices.DeleteFunc(names, func(name string) bool { _, no := s[name].(refused); return no })
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// text is taken as it stands, so a node may be called 123 or on.
type text struct{ to *string }

func (t text) set(d *decoder, key string, n *yaml.Node) {
	if s, ok := d.scalar(key, n); ok {
		*t.to = s
	}
}

// path is relative to the file's directory, not to where amibus was started.
type path struct{ to *string }

func (p path) set(d *decoder, key string, n *yaml.Node) {
	s, ok := d.scalar(key, n)
	if ok && s != "" && !filepath.IsAbs(s) {
		s = filepath.Join(filepath.Dir(d.origin.file), s)
	}
	if ok {
		*p.to = s
	}
}

type duration struct{ to *time.Duration }

func (t duration) set(d *decoder, key string, n *yaml.Node) {
	s, ok := d.scalar(key, n)
	if !ok {
		return
	}
	parsed, err := time.ParseDuration(s)
	if err != nil || parsed <= 0 {
		d.bad(n.Line, key, "is %q, must be a duration such as 300ms or 1s", s)
		return
	}
	*t.to = parsed
}

// durationOrAuto holds 0 for auto.
type durationOrAuto struct{ to *time.Duration }

func (t durationOrAuto) set(d *decoder, key string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Value == Auto {
		*t.to = 0
		return
	}
	duration(t).set(d, key, n)
}

// list is a list of texts; each entry's line is known as key[index].
type list struct{ to *[]string }

func (l list) set(d *decoder, key string, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		d.bad(n.Line, key, "is a %s, must be a list: [a, b]", kindName(n))
		return
	}
	entries := make([]string, 0, len(n.Content))
	for i, item := range n.Content {
		entry := fmt.Sprintf("%s[%d]", key, i)
		d.origin.lines[entry] = item.Line
		s, _ := d.scalar(entry, resolve(item)) // a bad one keeps its place, and with it the index of those behind it
		entries = append(entries, s)
	}
	*l.to = entries
}

// refused is a key that one might expect, and the reason why it does not exist.
type refused string

func (r refused) set(d *decoder, key string, n *yaml.Node) { d.bad(n.Line, key, "%s", string(r)) }
