package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dump writes sections as Asterisk would list them: [name] or [name](!), then name=value.
func dump(all []*stanza) string {
	var b strings.Builder
	for _, s := range all {
		fmt.Fprintf(&b, "[%s]", s.name)
		if s.template {
			b.WriteString("(!)")
		}
		for _, o := range s.settings {
			fmt.Fprintf(&b, " %s=%s", o.name, o.value)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestDialect: what Asterisk's reader (main/config.c) makes of a file. Lines of want are joined by /.
func TestDialect(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ conf, want string }{
		"plain":                     {"[a]\nb=c\n d = e f \ng=>h\ni => j\nk==l\n", "[a] b=c d=e f g=h i=j k==l"},
		"empty value":               {"[a]\nb=\nc =>\n", "[a] b= c="},
		"no line break at the end":  {"[a]\nb=c", "[a] b=c"},
		"CRLF and BOM":              {"\ufeff[a]\r\nb=c\r\n", "[a] b=c"},
		"comments":                  {"; x\n[a] ; y\nb=c;d\ne=f\\;g ; h\n;i=j\n", "[a] b=c e=f;g"},
		"block comments":            {"[a]\n;-- b=c\nd=e ;-- f --;\n--; g=h\ni=;-- j --;k\n", "[a] g=h i=k"},
		"a ruler is no block":       {"[a]\n;--- x\nb=c\n", "[a] b=c"},
		"no continuation":           {"[a]\nb=c\\\nd=e\n", `[a] b=c\ d=e`},
		"escaped name":              {"[a]\n\\[b=c\n\\#d=e\n\\==f\n", "[a] [b=c #d=e ==f"},
		"template":                  {"[t](!)\na=1\n[u](t)\nb=2\n", "[t](!) a=1/[u] a=1 b=2"},
		"templates in order":        {"[s](!)\na=1\n[t](!,s)\na=2\n[u](!,t,s)\na=3\n", "[s](!) a=1/[t](!) a=1 a=2/[u](!) a=1 a=2 a=1 a=3"},
		"blanks in the list":        {"[s](!)\na=1\n[u]( s , ! )\n", "[s](!) a=1/[u](!) a=1"},
		"inherits from no template": {"[s]\na=1\n[u](s)\n", "[s] a=1/[u] a=1"},
		"names without case":        {"[Base](!)\na=1\n[u](BASE)\n[U](+)\nb=2\n", "[Base](!) a=1/[u] a=1 b=2"},
		"inherited before added to": {"[s](!)\na=1\n[u](s)\n[s](+)\nb=2\n", "[s](!) a=1 b=2/[u] a=1"},
		"add and inherit":           {"[s](!)\na=1\n[u]\nb=2\n[u](s,+)\nc=3\n[u](+,s)\n", "[s](!) a=1/[u] b=2 a=1 c=3 a=1"},
		"add to a template":         {"[s](!)\na=1\n[s](+TEMPLATES=restrict)\nb=2\n", "[s](!) a=1 b=2"},
		"add turns into template":   {"[u]\na=1\n[u](!,+)\n", "[u](!) a=1"},
		"append":                    {"[a]\nb=c\nb+=,d\nb += e \n", "[a] b=c,d e"},
		"append to the last":        {"[a]\nb=c\nb=d\nb+=e\n", "[a] b=c b=de"},
		"append to what inherits":   {"[t](!)\nb=c\n[a](t)\nb+=d\n", "[t](!) b=c/[a] b=cd"},
		"append to nothing":         {"[a]\nb += c\n", "[a] b=c"},
		"append knows case":         {"[a]\nB=c\nb+=d\n", "[a] B=c b=d"},
		"append takes no arrow":     {"[a]\nb=c\nb+=>d\n", "[a] b=c>d"},
		"include":                   {"[a]\n#include more.conf\nb=c\n", "[a] x=1 b=c/[more] y=2"},
		"include, quoted":           {"[a]\n#include \"more.conf\"\n#tryinclude <none.conf>\n", "[a] x=1/[more] y=2"},
		"include by pattern":        {"[a]\n#include\tsub/*.conf\n", "[a]/[one] p=1/[two] p=2"},
		"include nothing":           {"[a]\n#tryinclude sub/*.none\nb=c\n", "[a] b=c"},
		"below an include":          {"[a]\n#include more.conf\n#include more2.conf\nb=c\n", "[a] x=1 b=c/[more] y=2 z=3"},
		"relative to the file":      {"[a]\n#include sub/nest.inc\n", "[a] n=1/[one] p=1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			main := managerFiles(t, map[string]string{
				"manager.conf": c.conf, "more.conf": "x=1\n[more]\ny=2\n", "more2.conf": "z=3\n",
			})
			sub := filepath.Join(filepath.Dir(main), "sub")
			if err := os.Mkdir(sub, 0o700); err != nil {
				t.Fatal(err)
			}
			for name, text := range map[string]string{"1.conf": "[one]\np=1\n", "2.conf": "[two]\np=2\n", "nest.inc": "n=1\n#include 1.conf\n"} {
				if err := os.WriteFile(filepath.Join(sub, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			all, problems := stanzas(main)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if got, want := dump(all), strings.ReplaceAll(c.want, "/", "\n")+"\n"; got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

// TestDialectBounds: what would grow without end is an error, and one only.
func TestDialectBounds(t *testing.T) {
	t.Parallel()
	double := strings.Builder{}
	double.WriteString("[t0](!)\na=1\n")
	for i := range 40 {
		fmt.Fprintf(&double, "[t%d](!,t%d,t%d)\n", i+1, i, i)
	}
	_, problems := stanzas(managerFiles(t, map[string]string{"manager.conf": double.String()}))
	if len(problems) == 0 || !strings.Contains(problems[0].Text, "[t14] inherits more than 10000 lines") {
		t.Errorf("%v", problems)
	}
	each := map[string]string{"manager.conf": "[a]\n#include *.inc\n"}
	for i := range 8 {
		each[fmt.Sprint(i, ".inc")] = "#tryinclude *.inc\n"
	}
	_, problems = stanzas(managerFiles(t, each))
	if len(problems) == 0 || !strings.Contains(problems.Error(), "more than 1000 files are included") || len(problems) > 10_000 {
		t.Errorf("%d problems", len(problems))
	}
}
