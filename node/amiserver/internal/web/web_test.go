package web_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/amibus/amibus/node/amiserver/internal/web"
	"github.com/amibus/amibus/proto/ami"
)

// TestActionOfVariables: each variable is one header, in order, at most 128, and no variable is two.
//
//ami:differs 11.3 a variable has at most 1022 bytes with its name, as on TCP, which it is passed on by; %4z is no escape
//ami:differs 11.4 a CR or LF in a value becomes a blank, since it would end the header where the action is passed on
func TestActionOfVariables(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"":                               "",
		"action=ping":                    "action: ping\r\n\r\n",
		"action=a+b%20c&x=1&y&=z&":       "action: a b c\r\nx: 1\r\ny: \r\n: z\r\n: \r\n\r\n",
		"a=%41%zz%4":                     "a: A%zz%4\r\n\r\n",
		"a=1=2;b":                        "a: 1=2;b\r\n\r\n",
		"a=x%0D%0AAction:+Originate":     "a: x  Action: Originate\r\n\r\n",
		"a%0aAction=x":                   "a Action: x\r\n\r\n",
		"a=x%00hidden&b=\x00y&c=z":       "a: x\r\nb: \r\nc: z\r\n\r\n",
		"Text=Gr%C3%BC%C3%9Fe+x%26y%3Cz": "Text: Grüße x&y<z\r\n\r\n",
	} {
		m, err := web.Action(web.Parse(query))
		if err != nil || string(m.Bytes()) != want {
			t.Errorf("%q: %q, %v, want %q", query, m.Bytes(), err, want)
		}
	}
	m, err := web.Action(web.Parse(strings.Repeat("a=b&", 200)))
	if err != nil || m.Len() != 128 {
		t.Errorf("%d headers, %v", m.Len(), err)
	}
	if _, err := web.Action(web.Parse("a=" + strings.Repeat("x", 1020))); !errors.Is(err, ami.ErrLineTooLong) {
		t.Errorf("a header of 1023 bytes: %v", err)
	}
	if _, err := web.Action(web.Parse("a=" + strings.Repeat("x", 1019))); err != nil {
		t.Errorf("a header of 1022 bytes: %v", err)
	}
}

// TestXML: names, numbers, opaque text and what a client may put into the page.
//
//ami:same 11.11
//ami:differs 11.10 ajaxdest is escaped, ajaxobjtype has letters, digits, - and _ only, bytes that are no XML are replaced, and no attribute is there twice
func TestXML(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                     "",
		"A: 1\r\nB-c:  x <&>\"' \r\n\r\n":      "<response type='object' id='unknown'><generic a='1' b_c='x &lt;&amp;&gt;&quot;&apos;' /></response>\n",
		"K: 1\r\nK: 2\r\nK: 3\r\n\r\n":         "<response type='object' id='unknown'><generic k='1' k-2='2' k-3='3' /></response>\n",
		"K: 1\r\nk: 2\r\n\r\n":                 "<response type='object' id='unknown'><generic k='1' k-2='2' /></response>\n",
		"1st: a\r\n: b\r\nx y: c\r\n":          "<response type='object' id='unknown'><generic _1st='a' _='b' x_y='c' /></response>\n",
		"A: 1\r\ntext <\r\nB: 2\r\n\r\nC: 3":   "<response type='object' id='unknown'><generic a='1' opaque_data='text &lt;\nB: 2' /></response>\n<response type='object' id='unknown'><generic c='3' /></response>\n",
		"A: a\x01\xff\x00\xef\xbf\xbe é\r\n":   "<response type='object' id='unknown'><generic a='a\uFFFD\uFFFD\uFFFD\uFFFD é' /></response>\n",
		"M: x\n\r\n\r\nEvent: y\r\n\r\n":       "<response type='object' id='unknown'><generic m='x' /></response>\n<response type='object' id='unknown'><generic event='y' /></response>\n",
		"A: 1\r\n\r\n\r\n\r\nB: 2\r\n\r\n":     "<response type='object' id='unknown'><generic a='1' /></response>\n<response type='object' id='unknown'><generic b='2' /></response>\n",
		"Output: one\r\nOutput:   two\r\n\r\n": "<response type='object' id='unknown'><generic output='one' output-2='two' /></response>\n",
	} {
		if got := render(t, web.XML, false, "", text); got != "<ajax-response>\n"+want+"</ajax-response>\n" {
			t.Errorf("%q:\n%s\nwant\n%s", text, got, want)
		}
	}
	for query, want := range map[string]string{
		"ajaxdest=box&ajaxobjtype=item":   "<response type='object' id='box'><item a='1' />",
		"AjaxDest=a&ajaxdest=b":           "<response type='object' id='b'><generic a='1' />",
		"ajaxdest=&ajaxobjtype=":          "<response type='object' id='unknown'><generic a='1' />",
		"ajaxdest='><script>":             "<response type='object' id='&apos;&gt;&lt;script&gt;'><generic a='1' />",
		"ajaxobjtype=x><script>y</script": "<response type='object' id='unknown'><x__script_y__script a='1' />",
		"ajaxobjtype=9-a":                 "<response type='object' id='unknown'><_9-a a='1' />",
	} {
		if got := render(t, web.XML, false, query, "A: 1\r\n\r\n"); !strings.Contains(got, want) {
			t.Errorf("%s:\n%s\nwant %s", query, got, want)
		}
	}
}

// TestHTMLOpaque: text that is no header goes into one cell, escaped.
func TestHTMLOpaque(t *testing.T) {
	t.Parallel()
	got := render(t, web.HTML, false, "", "A: 1\r\n<b>\r\nC: 2\r\n\r\n")
	want := "<tr><td>A</td><td>1</td></tr>\n<tr><td>Opaque-data</td><td>&lt;b&gt;<br>\nC: 2</td></tr>\n<tr><td colspan=\"2\"><hr></td></tr>\r\n"
	if !strings.Contains(got, want) {
		t.Errorf("%s", got)
	}
}

// TestPageLimit: a page never grows beyond its limit, and says so.
func TestPageLimit(t *testing.T) {
	t.Parallel()
	for _, f := range []web.Format{web.Plain, web.XML, web.HTML} {
		r := web.NewRenderer(f, nil, false, 8000)
		var err error
		for range 2000 {
			if _, err = r.Write([]byte("Name: <value>")); err != nil {
				break
			}
			if r.Len() > 8000 {
				t.Fatalf("%d bytes", r.Len())
			}
		}
		if !errors.Is(err, web.ErrTooLarge) {
			t.Errorf("format %d: %v", f, err)
		}
	}
}

// FuzzXML: whatever the answer and the variables are, the page is XML, and has no element but its own.
func FuzzXML(f *testing.F) {
	f.Add("ajaxdest=a&ajaxobjtype=b", "Response: Success\r\nA: 1\r\nA: 2\r\n\r\nEvent: x\r\ntext\r\n\r\n", 3)
	f.Add("ajaxobjtype=%3Cscript%3E", "x\ry\n\nz: \x00\xff'\"", 1)
	f.Fuzz(func(t *testing.T, query, text string, piece int) {
		vars := web.Parse(query)
		r := web.NewRenderer(web.XML, vars, false, 1<<20)
		for rest := text; len(rest) > 0; {
			n := min(len(rest), max(1, piece&0xff))
			if _, err := r.Write([]byte(rest[:n])); err != nil {
				return
			}
			rest = rest[n:]
		}
		page, err := r.Page()
		if err != nil {
			return
		}
		depth := 0
		for d := xml.NewDecoder(strings.NewReader(string(page))); ; {
			token, err := d.RawToken()
			if err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%v in %q", err, page)
			}
			switch e := token.(type) {
			case xml.StartElement:
				depth++
				seen := map[string]bool{}
				for _, a := range e.Attr {
					if name := a.Name.Space + ":" + a.Name.Local; seen[name] {
						t.Fatalf("attribute %s twice in %q", name, page)
					} else {
						seen[name] = true
					}
				}
			case xml.EndElement:
				depth--
			case xml.Comment, xml.Directive, xml.ProcInst:
				t.Fatalf("%T in %q", e, page)
			}
			if depth > 3 {
				t.Fatalf("an element too deep in %q", page)
			}
		}
		if depth != 0 {
			t.Fatalf("depth %d in %q", depth, page)
		}
	})
}

// FuzzRequest: an action of variables is always one action, and a digest header never more than its parts.
func FuzzRequest(f *testing.F) {
	f.Add("action=ping&x=%0d%0a%00", `Digest username="a", realm="b", nonce="c", uri="/", response="x", nc=1, qop=auth, cnonce="y"`)
	f.Fuzz(func(t *testing.T, query, header string) {
		m, err := web.Action(web.Parse(query))
		if m.Len() > ami.MaxHeaders {
			t.Fatalf("%d headers", m.Len())
		}
		if err == nil && m.Len() > 0 {
			d := ami.NewDecoder(strings.NewReader(string(m.Bytes())), ami.Server)
			got, err := d.Decode()
			if err != nil || !got.Equal(m) || d.Buffered() > 0 {
				t.Fatalf("%q is not one action: %v", m.Bytes(), err)
			}
		}
		if d, err := web.ParseDigest(header); err == nil && (d.Username == "" || d.Nonce == "") {
			t.Fatalf("%+v", d)
		}
		_ = web.SessionID([]string{header})
	})
}

func digestHeader(nc, more string) string {
	return fmt.Sprintf(`Digest username="u", realm="r", nonce="n", uri="/x", response="%032d"%s%s`, 0, nc, more)
}

func TestParseDigest(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]error{
		"":                   web.ErrNoDigest,
		"Basic x":            web.ErrBadDigest,
		"Digest ":            web.ErrBadDigest,
		digestHeader("", ""): nil,
		digestHeader(`, nc=0000000a, qop=auth, cnonce="c"`, ""):       nil,
		digestHeader(`, nc=0000000a, qop="auth"`, ""):                 web.ErrBadDigest, // no cnonce
		digestHeader(`, nc=x, qop=auth, cnonce="c"`, ""):              web.ErrBadDigest,
		digestHeader("", ", algorithm=SHA-256"):                       web.ErrBadDigest,
		digestHeader("", ", qop=auth-int"):                            web.ErrBadDigest,
		digestHeader("", `, nonce="other"`):                           web.ErrBadDigest,
		digestHeader("", `, opaque="unfinished`):                      web.ErrBadDigest,
		digestHeader("", `, opaque="n", algorithm=md5, future=1`):     nil,
		strings.Replace(digestHeader("", ""), `username="u",`, "", 1): web.ErrBadDigest,
	} {
		if _, err := web.ParseDigest(header); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", header, err, want)
		}
	}
	d, err := web.ParseDigest(strings.Replace(digestHeader("", ""), `"u"`, `"a\"b\\c"`, 1))
	if err != nil || d.Username != `a"b\c` {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestNonces: a nonce is ours, is young, begins one session, and too many cost nothing but a second try.
//
//ami:differs 11.5 11.13 ids and nonces have 128 random bits instead of 32, since whoever guesses an id is logged in
func TestNonces(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	n := web.NewNonces(3)
	a := n.Issue(now)
	if n.Take("00", now) || n.Take(strings.ToUpper(a), now) || n.Take(a[:len(a)-1]+"x", now) || web.NewNonces(3).Take(a, now) {
		t.Error("took what is not its own")
	}
	if !n.Take(a, now.Add(web.NonceLife)) || n.Take(a, now) {
		t.Error("a nonce is taken once, until it is too old")
	}
	if b := n.Issue(now); n.Take(b, now.Add(web.NonceLife+1)) {
		t.Error("took one that is too old")
	}
	old := n.Issue(now)
	for i := range 10 {
		if at := now.Add(time.Duration(i+1) * time.Second); !n.Take(n.Issue(at), at) {
			t.Errorf("not taken: %d", i)
		}
	}
	if n.Forgotten() == 0 || n.Take(old, now.Add(time.Second)) || n.Take(a, now.Add(time.Second)) {
		t.Error("one that may have been forgotten is taken again")
	}
}

// TestCookie: the last cookie of the last header counts, quoted or not.
func TestCookie(t *testing.T) {
	t.Parallel()
	id := web.NewID()
	if len(id) != 32 || id == web.NewID() {
		t.Errorf("id %q", id)
	}
	for header, want := range map[string]string{
		"": "", "x=y": "", "mansession_id=deadbeef": "", `mansession_id="` + id + `"`: id, "a=b;  MANSESSION_ID = " + strings.ToUpper(id) + " ": id,
		"mansession_id=" + web.NewID() + "; mansession_id=" + id: id, `mansession_id="` + id: "",
	} {
		if got := web.SessionID([]string{"mansession_id=" + web.NewID(), header}); got != want {
			t.Errorf("%q: %q", header, got)
		}
	}
	if got := web.SetCookie(id, time.Minute, true); got != `mansession_id="`+id+`"; Version=1; Max-Age=60; SameSite=Strict; Secure` {
		t.Error(got)
	}
}
