package prompt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"
)

// Whatever a file holds, reading it ends without a panic, every problem stands
// at a place of the file and names a rule, and what has none renders or says
// why not.
func FuzzParse(f *testing.F) {
	archives, err := filepath.Glob("testdata/rules/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			f.Add(string(file.Data), len(file.Data)%5)
		}
	}
	places := []string{"a/s/p.yaml", "a/s/_p.yaml", "a/s/set.yaml", "a/project.yaml", "anvil.yaml"}
	f.Fuzz(func(t *testing.T, content string, where int) {
		hung := time.AfterFunc(20*time.Second, func() { panic(fmt.Sprintf("reading %q does not end", content)) })
		defer hung.Stop()
		path := places[uint(where)%uint(len(places))]
		world := map[string]string{"anvil.yaml": "organisation: acme\nformat: 1\n", "a/project.yaml": "name: A\n", "a/s/user.yaml": "template: |\n  {% render \"_p\" %}\n"}
		world[path] = content
		tree := Parse(files(world), Options{})
		lines := strings.Count(content, "\n") + strings.Count(content, "\r") + strings.Count(content, "\u0085") + strings.Count(content, "\u2028") + strings.Count(content, "\u2029") + 2
		for _, p := range tree.Problems() {
			if _, known := rules[p.Rule]; !known && p.Rule != "liquid-internal" {
				t.Errorf("the rule of %v is not known", p)
			}
			if p.Line < 1 || p.Col < 1 || p.Path == path && p.Line > lines || p.Message == "" || strings.Contains(p.Message, "\n") || !utf8.ValidString(p.Message) {
				t.Errorf("%#v is not a problem of %q", p, content)
			}
			if p.Rule == "liquid-internal" {
				t.Errorf("%v in %q", p, content)
			}
		}
		for p := range tree.Prompts() {
			if _, err := p.Render(context.Background(), nil); err != nil && strings.Contains(err.Error(), "does not compile") {
				t.Errorf("%s: %v", p.Path, err)
			}
		}
	})
}

// fileMark begins a file in the text of a folder.
var fileMark = regexp.MustCompile(`(?m)^-- ([^\n]+) --\n`)

// Whatever a small folder holds, with its anvil.yaml and its sets, checking it
// ends in a time that its size bounds, and a folder that is changed file by file
// is the same as one that is read at once.
func FuzzTree(f *testing.F) {
	archives, err := filepath.Glob("testdata/rules/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		archive.Comment = nil
		archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "problems" })
		for i := range archive.Files {
			archive.Files[i].Name = strings.TrimPrefix(archive.Files[i].Name, "base/")
		}
		f.Add(string(txtar.Format(archive)), len(archive.Files)/2)
	}
	f.Fuzz(func(t *testing.T, text string, at int) {
		marks := fileMark.FindAllStringSubmatchIndex(text, 21)
		if len(marks) > 20 {
			return
		}
		most := time.Duration(1+len(marks))*time.Second + time.Duration(len(text))*20*time.Microsecond
		hung := time.AfterFunc(10*most, func() { panic(fmt.Sprintf("checking %q does not end", text)) })
		defer hung.Stop()
		var changes []Change
		world := map[string][]byte{}
		for i, m := range marks {
			name, content := text[m[2]:m[3]], text[m[1]:]
			if i+1 < len(marks) {
				content = text[m[1]:marks[i+1][0]]
			}
			changes = append(changes, Change{Path: name, Content: []byte(content)})
			world[name] = []byte(content)
		}
		begin := time.Now()
		tree := Parse(files(world), Options{})
		problems := tree.Problems()
		if took := time.Since(begin); took > most {
			t.Errorf("%d bytes in %d files took %v", len(text), len(marks), took)
		}
		for _, p := range problems {
			lines := bytes.FieldsFunc(world[p.Path], func(r rune) bool { return strings.ContainsRune("\n\r\u0085\u2028\u2029", r) })
			breaks := bytes.Count(world[p.Path], []byte("\n")) + bytes.Count(world[p.Path], []byte("\r")) + len(lines)
			if _, known := rules[p.Rule]; !known || world[p.Path] == nil || p.Line < 1 || p.Line > breaks+2 || p.Col < 1 || p.Message == "" || strings.Contains(p.Message+p.Hint, "\n") {
				t.Errorf("%#v is not a problem of %q", p, text)
			}
		}
		k := int(uint(at) % uint(len(changes)+1))
		first := Parse(func(func(string, []byte) bool) {}, Options{}).With(changes[:k]...)
		after := first.With(changes[k:]...)
		if got := after.Problems(); !slices.Equal(got, problems) {
			t.Errorf("in two steps: %v\nat once: %v", got, problems)
		}
		for _, p := range after.ProblemsAgainst(first) {
			if _, known := rules[p.Rule]; !known || p.Path == "" || p.Line < 1 || p.Col < 1 {
				t.Errorf("%#v is no problem", p)
			}
		}
		if again := tree.ProblemsAgainst(after); !slices.Equal(again, problems) {
			t.Errorf("compared with itself: %v\nalone: %v", again, problems)
		}
	})
}

// An address that is read is written as it was, and is the path of a file that
// the organisation owns.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"support/triage/classify", "a/b/_c", "a/b", "a/b/c/d", "a/b/c.yaml", "A/b/c", "a//c", "a/b/c@1", "a/b/con", "../b/c", "a/b/set"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			if Owns(s+Suffix) && strings.Count(s, "/") == 2 && !strings.HasPrefix(s, ".anvil/") && !strings.HasSuffix(s, "/set") {
				t.Errorf("%q is no address, but its file is owned: %v", s, err)
			}
			return
		}
		if a.String() != s || a.Path() != s+Suffix || !Owns(a.Path()) || addressOf(a.Path()) != a {
			t.Errorf("%q is read as %v", s, a)
		}
	})
}

// Whatever a caller passes, rendering ends without a panic; what comes out
// contains the arguments as they were, and never more roles than allowed.
func FuzzRender(f *testing.F) {
	tree := Parse(files(map[string]string{
		"a/project.yaml": "name: A\n",
		"a/s/_p.yaml":    "parameters: {x: {type: string}, y: {type: string, default: d}}\ntemplate: '<{{ x }}{{ y }}>'\n",
		"a/s/p.yaml": "parameters:\n  s: {type: string, maxLength: 100, default: s}\n  n: {type: number, default: 1}\n  l: {type: array, items: {type: object, properties: {k: {type: string, required: false}}}, default: []}\n  o: {type: object, default: {}}\n  h: {type: messages, default: []}\n" +
			"messages:\n  - insert: h\n  - role: user\n    content: |-\n      {{ s }}\n  - role: user\n    content: |-\n      {% for i in l %}{{ i.k }}{% endfor %}{% for p in o %}{{ p }}{% endfor %}{{ n | times: 2 }}{% render \"_p\", x: s %}\n",
	}), Options{})
	p, err := tree.Lookup(Address{"a", "s", "p"})
	if err != nil || len(tree.Problems()) > 0 {
		f.Fatal(err, tree.Problems())
	}
	for _, s := range []string{`{}`, `{"s":"{{ s }}"}`, `{"h":[{"role":"user","content":"{% x"}]}`, `{"h":[{"role":"system","content":""}]}`, `{"l":[{"k":"v"},{}],"o":{"b":1,"a":[{}]},"n":1e308}`, `{"x":1}`, `{"n":null}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var args Args
		if json.Unmarshal([]byte(text), &args) != nil {
			return
		}
		r, err := p.Render(context.Background(), args)
		if err != nil {
			var bad *ArgumentError
			var ended *RenderError
			if !errors.As(err, &bad) && !errors.As(err, &ended) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		again, err := p.Render(context.Background(), args)
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Fatalf("%v is not %v: %v", again, r, err)
		}
		n := len(r.Messages)
		for _, m := range r.Messages {
			if !slices.Contains(insertable, m.Role) {
				t.Errorf("there is a message of role %q", m.Role)
			}
		}
		if s, ok := args["s"].(string); ok && r.Messages[n-2].Content != s {
			t.Errorf("%q became %q", s, r.Messages[n-2].Content)
		}
		if h, ok := args["h"].([]any); ok && n != len(h)+2 {
			t.Errorf("%d messages became %d", len(h), n)
		}
	})
}
