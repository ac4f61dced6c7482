package prompt

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// describeTree writes everything that a tree says, for comparison.
func describeTree(t *Tree) string {
	var b strings.Builder
	for _, p := range t.Problems() {
		fmt.Fprintf(&b, "%s %s %s\n", p.Level, p, p.Hint)
	}
	for _, project := range t.Projects() {
		fmt.Fprintf(&b, "project %s %q %q %v\n", project.Name, project.Title, project.Description, t.Released(project.Name))
		for _, p := range t.ProblemsIn(project.Name) {
			fmt.Fprintf(&b, "  in the way: %s\n", p)
		}
		for _, s := range project.Sets {
			fmt.Fprintf(&b, " set %s %s %v %v\n", s.Name, s.Version, s.Locked, s.Dependencies)
		}
	}
	for p := range t.Prompts() {
		fmt.Fprintf(&b, "prompt %s depth %d cyclic %v broken %v\n", p.Address, p.links.depth, p.links.cyclic, p.links.broken)
		for _, d := range t.Closure(p.Address) {
			fmt.Fprintf(&b, "  needs %s because of %s\n", d.Address, d.Because)
		}
		r, err := p.Render(context.Background(), Args{"x": "X"})
		fmt.Fprintf(&b, "  renders %+v %v\n", r, err)
		for _, q := range p.targets {
			if q == nil {
				continue
			}
			if now, err := t.Lookup(q.Address); err != nil || now != q {
				fmt.Fprintf(&b, "  STALE %s\n", q.Address)
			}
		}
	}
	return b.String()
}

// aChange makes a random change of a small world, in which names are few so
// that things meet.
func aChange(r *rand.Rand) Change {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	project, set := pick("a", "b", "c"), pick("s", "t")
	ids := []string{"", "", "", "id: 01JDK3ZQ8N5V7W2T4X6Y8Z0A1B\n", "id: 01JDK3ZQ8N5V7W2T4X6Y8Z0A1C\n"}
	c := Change{Removed: r.IntN(4) == 0}
	switch n := r.IntN(20); {
	case n == 0:
		c.Path = "anvil.yaml"
		c.Content = []byte("organisation: acme\nformat: 1\nchecks: {" + pick("unused-parameter", "test-failed", "secrt") + ": " + pick("error", "warning", "off") + "}\n")
	case n <= 2:
		c.Path = project + "/project.yaml"
		c.Content = []byte("name: " + pick("one", "two", "{") + "\n")
	case n <= 5:
		c.Path = project + "/" + set + "/set.yaml"
		c.Content = []byte(pick(ids...) + "version: " + pick("1.0.0", "1.5.0", "2.0.0", "1.0") + "\nlocked: " + pick("true", "false") +
			"\ndependencies:\n  " + pick("a", "b", "c") + "/" + pick("s", "t", "u") + ": " + pick("^1", "^2", "bad range") + "\n")
	case n == 6:
		c.Path = pick(project+"/loose.yaml", project+"/"+set+"/Main.yaml", project+"/"+set+"/deep/er.yaml", "readme.md", ".anvil/schema/prompt.json", project+"/"+set+"/x.yml")
		c.Content = []byte("anything")
	case n <= 14:
		c.Path = project + "/" + set + "/_" + pick("p", "q", "r") + ".yaml"
		c.Content = []byte(pick("", "parameters: {x: {type: string, default: d}}\n", "parameters: {x: {type: string}}\n") + pick(ids...) + "template: |\n" + aTemplate(r))
	default:
		c.Path = project + "/" + set + "/" + pick("main", "other") + ".yaml"
		c.Content = []byte(pick("", "parameters: {x: {type: string, default: d}}\n", "parameters: {x: {type: string, default: d}, unused: {type: string}}\n") + pick(ids...) +
			"template: |\n" + aTemplate(r) + "tests: [{expect: {contains: " + pick("d", "X", "1") + "}}]\n")
	}
	if c.Removed {
		c.Content = nil
	}
	return c
}

func aTemplate(r *rand.Rand) string {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	var b strings.Builder
	for range r.IntN(4) {
		name := pick("_p", "_q", "_r", "main")
		if r.IntN(2) == 0 {
			name = pick("a", "b", "c") + "/" + pick("s", "t") + "/" + name
		}
		b.WriteString(pick("  {{ x }}\n", "  text\n", "  {% render \""+name+"\", x: 1 %}\n", "  {% render \""+name+"\" %}\n", "  {% render \""+name+"\", x: \"2\" %}\n", "  {% broken\n", "  {{ x | upcase }} {{ y }}\n"))
	}
	b.WriteString("  end\n")
	return b.String()
}

// A tree that came about by edits is the same as one that is parsed at once.
func TestWithIsParse(t *testing.T) {
	seeds, edits := 40, 20
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		o := Options{CompileOnly: seed%4 == 3}
		world := map[string][]byte{}
		tree := Parse(files(world), o)
		for step := range edits {
			changes := make([]Change, 1+r.IntN(5))
			for i := range changes {
				changes[i] = aChange(r)
				if changes[i].Removed {
					delete(world, changes[i].Path)
				} else {
					world[changes[i].Path] = changes[i].Content
				}
			}
			before := describeTree(tree)
			next := tree.With(changes...)
			if after := describeTree(tree); before != after {
				t.Fatalf("seed %d, step %d: With changed the tree it was called on:\n%s\nbefore:\n%s", seed, step, after, before)
			}
			tree = next
			fresh := Parse(files(world), o)
			if got, want := describeTree(tree), describeTree(fresh); got != want {
				t.Fatalf("seed %d, step %d: after %s\ngot:\n%s\nwant:\n%s", seed, step, paths(changes), got, want)
			}
			for name, pair := range map[string][2]any{
				"found": {tree.found, fresh.found}, "uses": {tree.uses, fresh.uses}, "ids": {tree.ids, fresh.ids},
				"unresolved": {tree.unresolved, fresh.unresolved}, "strays": {tree.strays, fresh.strays},
			} {
				if fmt.Sprint(pair[0]) != fmt.Sprint(pair[1]) {
					t.Fatalf("seed %d, step %d: %s is\n%v\nnot\n%v", seed, step, name, pair[0], pair[1])
				}
			}
			if got := Introduced(tree, fresh); got != nil {
				t.Fatalf("seed %d, step %d: the same tree introduces %v", seed, step, got)
			}
		}
	}
}

func paths(changes []Change) string {
	var all []string
	for _, c := range changes {
		all = append(all, fmt.Sprintf("%s (removed %v) %q", c.Path, c.Removed, c.Content))
	}
	return strings.Join(all, "\n")
}

// With parses what changed and links what depends on it, no more.
func TestWithWork(t *testing.T) {
	world := map[string]string{
		"anvil.yaml":       "organisation: acme\nformat: 1\n",
		"a/project.yaml":   "name: A\n",
		"a/s/set.yaml":     "version: 1.0.0\n",
		"a/t/set.yaml":     "dependencies: {a/s: ^1}\n",
		"a/s/_leaf.yaml":   "template: leaf\n",
		"a/s/_middle.yaml": "template: |\n  {% render \"_leaf\" %}\n",
		"a/s/top.yaml":     "template: |\n  {% render \"_middle\" %}\n",
		"a/s/alone.yaml":   "template: alone\n",
	}
	for i := range 50 {
		world[fmt.Sprintf("a/t/p%d.yaml", i)] = "template: x\n"
	}
	tree := Parse(files(world), Options{})
	if p := tree.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	set := func(path, content string) Change { return Change{Path: path, Content: []byte(content)} }
	for _, c := range []struct {
		name           string
		changes        []Change
		parsed, linked int
	}{
		{"nothing", nil, 0, 0},
		{"the same bytes", []Change{set("a/s/_leaf.yaml", "template: leaf\n")}, 0, 0},
		{"a prompt that nobody renders", []Change{set("a/s/alone.yaml", "template: y\n")}, 1, 1},
		{"a partial, with what renders it", []Change{set("a/s/_leaf.yaml", "template: y\n")}, 1, 3},
		{"the middle of a chain", []Change{set("a/s/_middle.yaml", "template: y\n")}, 1, 2},
		{"a partial that goes", []Change{{Path: "a/s/_leaf.yaml", Removed: true}}, 1, 4}, // and its set
		{"a set's version, with the set that asks for it", []Change{set("a/s/set.yaml", "version: 2.0.0\n")}, 1, 2},
		{"a set nobody asks for", []Change{set("a/t/set.yaml", "version: 2.0.0\n")}, 1, 1},
		{"the organisation", []Change{set("anvil.yaml", "organisation: acme\nformat: 1\nchecks: {secret: off}\n")}, 1, 0},
		{"the project's title", []Change{set("a/project.yaml", "name: B\n")}, 1, 0},
		{"not ours", []Change{set("README.md", "x"), set("a/readme.txt", "x")}, 0, 0},
		{"the last of two changes of one path wins", []Change{set("a/s/alone.yaml", "{"), set("a/s/alone.yaml", "template: y\n")}, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			next := tree.With(c.changes...)
			if next.parsed != c.parsed || next.linked != c.linked {
				t.Errorf("parsed %d and linked %d, want %d and %d", next.parsed, next.linked, c.parsed, c.linked)
			}
		})
	}
	if p := tree.With(set("a/s/set.yaml", "version: 2.0.0\n")).Problems(); len(p) != 1 || p[0].Path != "a/t/set.yaml" {
		t.Error("the range is not checked against the new version", p)
	}
}

// What did not change is shared.
func TestWithShares(t *testing.T) {
	tree := Parse(files(map[string]string{"a/project.yaml": "name: A\n", "a/s/x.yaml": "template: x\n", "a/s/y.yaml": "template: y\n"}), Options{})
	x, y := Address{"a", "s", "x"}, Address{"a", "s", "y"}
	next := tree.With(Change{Path: "a/s/x.yaml", Content: []byte("template: z\n")})
	for _, c := range []struct {
		a    Address
		same bool
	}{{x, false}, {y, true}} {
		before, err1 := tree.Lookup(c.a)
		after, err2 := next.Lookup(c.a)
		if err1 != nil || err2 != nil || (before == after) != c.same {
			t.Error(c.a, before == after, err1, err2)
		}
	}
}

func TestIntroduced(t *testing.T) {
	good := map[string]string{
		"anvil.yaml":     "organisation: acme\nformat: 1\n",
		"a/project.yaml": "name: A\n",
		"a/s/set.yaml":   "version: 1.0.0\nlocked: true\n",
		"a/s/x.yaml":     "template: x\n",
		"a/t/_p.yaml":    "template: p\n",
		"a/t/bad.yaml":   "template: \"{{ one }} {{ two }}\"\ntests: [{expect: {contains: x}}]\n",
		"a/t/y.yaml":     "template: |\n  {% render \"_p\" %}\n",
	}
	base := Parse(files(good), Options{})
	change := func(path, content string) Change { return Change{Path: path, Content: []byte(content)} }
	for _, c := range []struct {
		name    string
		changes []Change
		want    []string
	}{
		{"nothing", nil, nil},
		{"what was bad moves down", []Change{change("a/t/bad.yaml", "name: moved\n"+good["a/t/bad.yaml"])}, nil},
		{"what was bad gets worse", []Change{change("a/t/bad.yaml", "template: \"{{ one }} {{ two }} {{ one }}\"\n")}, []string{"a/t/bad.yaml undeclared-parameter"}},
		{"what was bad gets better", []Change{change("a/t/bad.yaml", "template: \"{{ one }}\"\n")}, nil},
		{"a warning holds nothing", []Change{change("a/t/y.yaml", "parameters: {m: {type: string}}\ntemplate: x\n")}, nil},
		{"a new problem elsewhere", []Change{{Path: "a/t/_p.yaml", Removed: true}}, []string{"a/t/y.yaml missing-dependency"}},
		{"a locked set's prompt", []Change{change("a/s/x.yaml", "template: y\n")}, []string{"a/s/x.yaml locked"}},
		{"a locked set's new prompt", []Change{change("a/s/z.yaml", "template: y\n")}, []string{"a/s/z.yaml locked"}},
		{"a locked set's removed prompt", []Change{{Path: "a/s/x.yaml", Removed: true}}, []string{"a/s/x.yaml locked"}},
		{"a locked set with its version", []Change{change("a/s/x.yaml", "template: y\n"), change("a/s/set.yaml", "version: 1.1.0\nlocked: true\n")}, nil},
		{"a locked set with a lower version", []Change{change("a/s/x.yaml", "template: y\n"), change("a/s/set.yaml", "version: 0.9.0\nlocked: true\n")}, []string{"a/s/x.yaml locked"}},
		{"a lock that is taken off", []Change{change("a/s/x.yaml", "template: y\n"), change("a/s/set.yaml", "version: 1.0.0\n")}, nil},
		{"a lock nobody looks for", []Change{change("a/s/x.yaml", "template: y\n"), change("anvil.yaml", "organisation: acme\nformat: 1\nchecks: {locked: off}\n")}, nil},
		{"a level that is raised holds nothing old", []Change{change("anvil.yaml", "organisation: acme\nformat: 1\nchecks: {test-failed: error}\n")}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, p := range Introduced(base, base.With(c.changes...)) {
				got = append(got, p.Path+" "+p.Rule)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestClosure(t *testing.T) {
	tree := Parse(files(map[string]string{
		"anvil.yaml":          "organisation: acme\nformat: 1\n",
		"a/project.yaml":      "name: A\n",
		"a/s/set.yaml":        "version: 1.0.0\n",
		"a/s/x.yaml":          "template: |\n  {% render \"_near\" %}{% render \"b/s/_far\" %}{% render \"_gone\" %}\n",
		"a/s/_near.yaml":      "template: |\n  {% render \"b/s/_far\" %}\n",
		"a/t/alone.yaml":      "template: x\n",
		"b/project.yaml":      "name: B\n",
		"b/s/set.yaml":        "version: 1.0.0\n",
		"b/s/_far.yaml":       "template: |\n  {% render \"_deeper\" %}\n",
		"b/s/_deeper.yaml":    "template: \"{{\"\n",
		"b/s/unrelated.yaml":  "template: \"{{\"\n",
		"b/t/set.yaml":        "version: 1.0.0\n",
		"c/project.yaml":      "name: C\n",
		"README.md":           "# no\n",
		".anvil/schema/a.txt": "x",
	}), Options{})
	x, near, far, deeper := Address{"a", "s", "x"}, Address{"a", "s", "_near"}, Address{"b", "s", "_far"}, Address{"b", "s", "_deeper"}
	want := []Dependency{{near, x}, {x, x}, {deeper, far}, {far, x}}
	if got := tree.Closure(x, Address{"no", "such", "prompt"}); !reflect.DeepEqual(got, want) {
		t.Errorf("closure: got %v, want %v", got, want)
	}
	released := []string{"a/project.yaml", "a/s/_near.yaml", "a/s/set.yaml", "a/s/x.yaml", "a/t/alone.yaml", "b/project.yaml", "b/s/_deeper.yaml", "b/s/_far.yaml", "b/s/set.yaml"}
	if got := tree.Released("a"); !slices.Equal(got, released) {
		t.Errorf("released: got %q, want %q", got, released)
	}
	if got := tree.Released("c"); !slices.Equal(got, []string{"c/project.yaml"}) {
		t.Errorf("released: got %q", got)
	}
	if got := tree.Released("d"); got != nil {
		t.Errorf("released: got %q", got)
	}
	var in []string
	for _, p := range tree.ProblemsIn("a") {
		in = append(in, p.Path+" "+p.Rule)
	}
	if want := []string{"a/s/x.yaml missing-dependency", "b/s/_deeper.yaml liquid-syntax"}; !slices.Equal(in, want) {
		t.Errorf("in the way: got %q, want %q", in, want)
	}
	if got := tree.ProblemsIn("c"); got != nil {
		t.Error(got)
	}
}
