package prompt

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for s, want := range map[string]Address{
		"support/triage/classify": {"support", "triage", "classify"},
		"shared/voice/_tone":      {"shared", "voice", "_tone"},
		"0/a-b/c.d_e":             {"0", "a-b", "c.d_e"},
		"project/set/x":           {"project", "set", "x"},
	} {
		a, err := ParseAddress(s)
		if err != nil || a != want || a.String() != s || a.Path() != s+".yaml" || a.IsPartial() != strings.Contains(s, "/_") {
			t.Errorf("%s: got %v, %v", s, a, err)
		}
		text, err := a.MarshalText()
		var back Address
		if err != nil || back.UnmarshalText(text) != nil || back != a {
			t.Errorf("%s does not survive: %s", s, text)
		}
	}
	for _, s := range []string{
		"", "a", "a/b", "a/b/c/d", "a//c", "/a/b", "a/b/", "A/b/c", "a/b/C", "a/_b/c", "_a/b/c", "a/b/c.yaml", "a/b/c@1.4.0", "a/b/c ", "a/../c", "a/b/.c",
		"a/b/-c", "a/b/__c", "a/b/_", "a/b/é", "a/b/con", "con/b/c", "a/b/nul.txt", "a/b/com1", "a/b/x.lock", "a/b/x.", "a/b/x..y", "a/b/set", "a/b/project", `a\b\c`,
		"a/b/" + strings.Repeat("x", 101), "a/b/c\n", "a/b/x.prompt", "a/b/x.yml",
	} {
		_, err := ParseAddress(s)
		var advised interface{ Hint() string }
		if !errors.Is(err, ErrAddress) || !errors.As(err, &advised) || advised.Hint() == "" {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestOwns(t *testing.T) {
	for path, want := range map[string]bool{
		"anvil.yaml": true, "a/project.yaml": true, "a/b/set.yaml": true, "a/b/c.yaml": true, "a/b/_c.yaml": true, ".anvil/schema/prompt.json": true, ".anvil/x": true, ".anvil/a b": false, ".anvil/q\x1b": false, ".anvil/x\ny": false,
		"b/anvil.yaml": false, "project.yaml": false, "a/set.yaml": false, "a/c.yaml": false, "a/b/c/d.yaml": false, "a/b/c.yml": false, "a/b/C.yaml": false, "a/b/c.YAML": false,
		"README.md": false, "a/b/notes.md": false, ".github/workflows/x.yaml": false, "a/.b/c.yaml": false, "a/b/.c.yaml": false, ".anvil": false, ".anvil/": false, ".anvil/../x.yaml": false,
		"": false, "/": false, "a//c.yaml": false, "../b/c.yaml": false, "a/b/c.yaml~": false, "a/b/c.yaml.swp": false, "a/b/4913": false, "A/project.yaml": false, `a\b\c.yaml`: false,
	} {
		if Owns(path) != want {
			t.Errorf("%q: got %v", path, !want)
		}
	}
}

func TestTree(t *testing.T) {
	tree := Parse(files(map[string]string{
		"anvil.yaml": "organisation: acme\nformat: 1\ndescription: Ours\nchecks: {secret: warning}\ncommit: {author: 'Prompts <p@example.com>', prefix: 'prompts: '}\n" +
			"sources:\n  beta:\n    organisation: beta-inc\n    signers: ['beta-inc/* ssh-ed25519 AAAA']\n    into: {support: partners}\n",
		"support/project.yaml":    "name: Support\ndescription: Tickets.\n",
		"support/triage/set.yaml": "name: Triage\nversion: 1.4.0\nlocked: true\nid: 01JDK3ZQ8N5V7W2T4X6Y8Z0A1B\ndescription: d\ndependencies: {shared/voice: ^1.2}\n",
		"support/triage/b.yaml":   "name: B\ndescription: two\ntags: [x, y]\nmodel: m\nmodelParameters: {temperature: 0, stop: [a], logit_bias: {1: 2.5}}\nmetadata: {k: v}\nx-own: 1\nid: 01JDK3ZQ8N5V7W2T4X6Y8Z0A1C\nparameters:\n  q: {type: integer, minimum: 1, description: Q}\ntemplate: '{{ q }}'\ntests: [{with: {q: 1}, expect: {equals: '1'}}]\n",
		"support/triage/a.yaml":   "messages: [{role: user, content: x}]\n",
		"support/triage/_p.yaml":  "template: p\n",
		"shared/project.yaml":     "name: Shared\n",
		"shared/voice/set.yaml":   "version: 1.3.0\n",
		"README.md":               "{{",
	}), Options{})
	if p := tree.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	if got := tree.Organisation(); !reflect.DeepEqual(got, Organisation{
		Name: "acme", Format: 1, Description: "Ours", Checks: map[string]Check{"secret": {Level: "warning"}}, Commit: CommitSettings{"Prompts <p@example.com>", "prompts: "},
		Sources: map[string]Source{"beta": {"beta-inc", []string{"beta-inc/* ssh-ed25519 AAAA"}, map[string]string{"support": "partners"}}},
	}) {
		t.Errorf("organisation: %+v", got)
	}
	var names []string
	for _, p := range tree.Projects() {
		names = append(names, p.Name+": "+p.Title)
	}
	if !slices.Equal(names, []string{"shared: Shared", "support: Support"}) {
		t.Error(names)
	}
	support, ok := tree.Project("support")
	if !ok || support.Description != "Tickets." || len(support.Sets) != 1 {
		t.Fatalf("%+v", support)
	}
	if _, ok := tree.Project("suport"); ok {
		t.Error("there is no such project")
	}
	set := *support.Sets[0]
	var addresses []string
	for _, p := range set.Prompts {
		addresses = append(addresses, p.Address.String())
	}
	if !slices.Equal(addresses, []string{"support/triage/_p", "support/triage/a", "support/triage/b"}) {
		t.Error(addresses)
	}
	set.Prompts = nil
	if !reflect.DeepEqual(set, Set{
		Project: "support", Name: "triage", Title: "Triage", ID: "01JDK3ZQ8N5V7W2T4X6Y8Z0A1B", Description: "d", Version: "1.4.0", Locked: true, Dependencies: []Range{{"shared/voice", "^1.2"}},
	}) {
		t.Errorf("set: %+v", set)
	}
	b, err := tree.Lookup(Address{"support", "triage", "b"})
	if err != nil {
		t.Fatal(err)
	}
	q, ok := b.Parameter("q")
	if !ok || q.Type != TypeInteger || !q.Required || *q.Minimum != 1 || q.Description != "Q" {
		t.Errorf("parameter: %+v", q)
	}
	if b.Name != "B" || b.Description != "two" || !slices.Equal(b.Tags, []string{"x", "y"}) || b.Model != "m" || b.Path != "support/triage/b.yaml" || b.ID != "01JDK3ZQ8N5V7W2T4X6Y8Z0A1C" || b.Tests != 1 || b.Chat() ||
		!reflect.DeepEqual(b.ModelParameters, map[string]any{"temperature": 0, "stop": []any{"a"}, "logit_bias": map[string]any{"1": 2.5}}) ||
		!reflect.DeepEqual(b.Metadata, map[string]any{"k": "v"}) || !reflect.DeepEqual(b.Extra, map[string]any{"x-own": 1}) {
		t.Errorf("prompt: %+v", b)
	}
	_, err = tree.Lookup(Address{"support", "triage", "bb"})
	var advised interface{ Hint() string }
	if !errors.Is(err, ErrNotFound) || err.Error() != "no prompt support/triage/bb" || !errors.As(err, &advised) || advised.Hint() != "did you mean support/triage/a?" && advised.Hint() != "did you mean support/triage/b?" {
		t.Error(err)
	}
	empty := Parse(files(map[string]string{}), Options{})
	if empty.Problems() != nil || empty.Projects() != nil || !reflect.DeepEqual(empty.Organisation(), Organisation{}) {
		t.Error("an empty tree is not empty")
	}
}

func TestProblem(t *testing.T) {
	p := Problem{Path: "a/s/x.yaml", Line: 3, Col: 7, Level: Warning, Rule: "unused-parameter", Message: "m"}
	if p.String() != "a/s/x.yaml:3:7: m [unused-parameter]" {
		t.Error(p)
	}
	var l Level
	if text, err := p.Level.MarshalText(); err != nil || l.UnmarshalText(text) != nil || l != Warning || l.UnmarshalText([]byte("loud")) == nil {
		t.Error(l)
	}
}

// A client looks for nothing but what keeps a prompt from being rendered.
func TestCompileOnly(t *testing.T) {
	world := map[string]string{
		// No anvil.yaml, no project.yaml of shared: a release has what it has.
		"support/triage/set.yaml": "version: 1.0.0\ndependencies: {not/here: ^1}\n",
		"support/triage/a.yaml":   "parameters: {unused: {type: string, default: AKIAIOSFODNN7EXAMPLE}}\ntemplate: a\u200bb # cut\ntests: [{expect: {contains: nothing}}]\nid: 01JDK3ZQ8N5V7W2T4X6Y8Z0A1B\n",
		"support/triage/b.yaml":   "template: \"{% render 'shared/voice/_tone' %}\"\nid: 01JDK3ZQ8N5V7W2T4X6Y8Z0A1B\n",
		"shared/voice/_tone.yaml": "template: kind\n",
		"support/triage/Bad.yaml": "template: x\n",
	}
	tree := Parse(files(world), Options{CompileOnly: true})
	if p := tree.Problems(); len(p) > 0 {
		t.Error(p)
	}
	p, err := tree.Lookup(Address{"support", "triage", "b"})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := p.Render(t.Context(), nil); err != nil || r.Text() != "kind" {
		t.Error(r, err)
	}
	for path, content := range map[string]string{
		"support/triage/a.yaml":   "template: '{{ x }}'\n",
		"support/triage/b.yaml":   "template: '{% render \"_gone\" %}'\n",
		"shared/voice/_tone.yaml": "tmplate: x\n",
		"support/triage/set.yaml": "version: 1\n",
	} {
		if p := tree.With(Change{Path: path, Content: []byte(content)}).Problems(); len(p) == 0 || p[0].Path != path {
			t.Errorf("%s: %v", path, p)
		}
	}
}

// Files at the bounds, and beyond.
func TestBounds(t *testing.T) {
	for _, c := range []struct {
		name, content string
		line, col     int
		message       string
	}{
		{"the largest file", "template: |\n  " + strings.Repeat("x", MaxFileSize-15) + "\n", 0, 0, ""},
		{"a larger file", "template: |\n  " + strings.Repeat("x", MaxFileSize-14) + "\n", 1, 1, "the file has 1048577 bytes, more than 1048576"},
		{"too many values", "template: x\nmetadata: {a: [" + strings.Repeat("1,", 100_000) + "1]}\n", 2, 0, "the file has more than 100000 values"},
		{"not UTF-8", "template: |\n  é\xff\n", 2, 4, "the file is not UTF-8"},
		{"a control character", "template: |\n  é\x01\n", 2, 4, "the file contains a control character"},
		{"nothing", "", 1, 1, "the file is empty"},
		{"null", "null\n", 1, 1, "a prompt must be keys and values, not empty"},
		{"deep in flow", "template: x\nmetadata: " + strings.Repeat("[", 20_000), 2, 0, "values are nested more than 32 levels deep"},
		{"deep in blocks", "template: x\nmetadata:\n" + deep(200), 33, 63, "values are nested more than 32 levels deep"},
		{"too many tests", "template: x\ntests:\n" + strings.Repeat("  - expect: {contains: x}\n", 101), 3, 3, "there are more than 100 tests"},
		{"a number that is too large", "template: x\nmetadata: {n: 99999999999999999999}\n", 2, 15, "99999999999999999999 does not fit in 64 bits"},
		{"infinity", "template: x\nmetadata: {n: .inf}\n", 2, 15, ".inf is not a finite number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			problems := Parse(files(map[string]string{"a/project.yaml": "name: A\n", "a/s/p.yaml": c.content}), Options{}).Problems()
			if c.message == "" {
				if len(problems) > 0 {
					t.Fatal(problems)
				}
				return
			}
			if len(problems) != 1 || problems[0].Message != c.message || problems[0].Line != c.line || c.col != 0 && problems[0].Col != c.col {
				t.Errorf("got %v, want %d:%d: %s", problems, c.line, c.col, c.message)
			}
		})
	}
}

func deep(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%sa:\n", strings.Repeat("  ", i+1))
	}
	return b.String()
}

// What a hostile file makes the checker do is bounded.
func TestHostileFiles(t *testing.T) {
	line := func(n int, f func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(f(i))
		}
		return b.String()
	}
	for name, world := range map[string]map[string]string{
		"many unknown variables":  {"a/s/p.yaml": "template: |\n" + line(30_000, func(i int) string { return fmt.Sprintf("  {{ v%d }}\n", i) })},
		"many parameters":         {"a/s/p.yaml": "parameters:\n" + line(20_000, func(i int) string { return fmt.Sprintf("  v%d: {type: string}\n", i) }) + "template: '{{ w }}'\n"},
		"many renders of nothing": {"a/s/p.yaml": "template: |\n" + line(20_000, func(i int) string { return fmt.Sprintf("  {%% render \"_p%d\" %%}\n", i) })},
		"many renders of much": {
			"a/s/p.yaml":  "template: |\n" + line(10_000, func(int) string { return "  {% render \"_p\" %}\n" }),
			"a/s/_p.yaml": "template: |\n" + line(10_000, func(i int) string { return fmt.Sprintf("  {{ v%d }}\n", i) }),
		},
		"renders in one folded line":  {"a/s/p.yaml": "template: >\n  " + strings.Repeat(`{% render "_x" %}`, 50_000) + "\n"},
		"unknown tags in one quote":   {"a/s/p.yaml": "template: \"" + strings.Repeat(`{% nope %}`, 50_000) + "\"\n"},
		"secrets":                     {"a/s/p.yaml": "template: |\n  " + strings.Repeat("AKIAIOSFODNN7EXAMPLE ", 40_000) + "\n"},
		"invisible characters":        {"a/s/p.yaml": "template: |\n  " + strings.Repeat("\u202e", 300_000) + "\n"},
		"a line that does not belong": {"a/s/p.yaml": "metadata:\n" + line(20_000, func(i int) string { return fmt.Sprintf("  v%d: 1\n", i) }) + " x: 1\n"},
		"many quotes":                 {"a/s/p.yaml": "metadata:\n" + line(20_000, func(i int) string { return fmt.Sprintf("  v%d: \"a\n", i) })},
	} {
		t.Run(name, func(t *testing.T) {
			world["a/project.yaml"] = "name: A\n"
			tree := Parse(files(world), Options{})
			if n := len(tree.Problems()); n == 0 || n > maxProblems+1 {
				t.Errorf("there are %d problems", n)
			}
		})
	}
}

// Partials that all render each other's followers are walked once each.
func TestDenseDependencies(t *testing.T) {
	world := map[string]string{"a/project.yaml": "name: A\n"}
	const layers, wide = 8, 30
	for l := range layers {
		for i := range wide {
			var b strings.Builder
			b.WriteString("template: |\n  x\n")
			for j := range wide {
				if l+1 < layers {
					fmt.Fprintf(&b, "  {%% if false %%}{%% render \"_p%d-%d\" %%}{%% endif %%}\n", l+1, j)
				}
			}
			world[fmt.Sprintf("a/s/_p%d-%d.yaml", l, i)] = b.String()
		}
	}
	world["a/s/top.yaml"] = "template: |\n  {% render \"_p0-29\" %}\n"
	tree := Parse(files(world), Options{})
	if p := tree.Problems(); len(p) > 0 {
		t.Fatal(p[0])
	}
	top, err := tree.Lookup(Address{"a", "s", "top"})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := top.Render(t.Context(), nil); err != nil || r.Text()[:1] != "x" {
		t.Error(r, err)
	}
	if n := len(tree.Closure(top.Address)); n != 1+1+(layers-1)*wide {
		t.Errorf("the closure has %d", n)
	}
}
