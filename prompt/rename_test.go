package prompt

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Whatever is renamed in whatever organisation: everything renders what it
// rendered before, each file is its old bytes with the references replaced, and
// what the result says is wrong was wrong before, or is reported.
func TestRenameAnything(t *testing.T) {
	seeds := 400
	if testing.Short() {
		seeds = 100
	}
	renames := 0
	for seed := range seeds {
		r := rand.New(rand.NewPCG(uint64(seed), 11))
		world := map[string]string{
			"anvil.yaml":     "organisation: acme\nformat: 1\nchecks: {secret: {except: [a, a/s, 'b/t/main']}}\nsources: {o: {organisation: o, into: {x: a}}}\n",
			"a/project.yaml": "name: A\n", "b/project.yaml": "name: B\n",
		}
		for range 12 {
			if c := aChange(r); !c.Removed && c.Path != "anvil.yaml" && strings.HasSuffix(c.Path, ".yaml") {
				world[c.Path] = string(c.Content)
			}
		}
		pick := func(words ...string) string { return words[r.IntN(len(words))] }
		from, to := pick("a", "b"), pick("z", "c")
		for _, pair := range [][2]string{
			{pick("s", "t"), pick("s", "t", "u")},
			{pick("_p", "_q", "_r", "main"), pick("_p", "_z", "main")},
		}[:r.IntN(3)] {
			from, to = from+"/"+pair[0], to+"/"+pair[1]
		}
		plan, err := Rename(files(world), from, to)
		if err != nil {
			continue // refused, which TestRenameRefuses looks at
		}
		renames++
		after := map[string]string{}
		for path, content := range world {
			after[path] = content
		}
		for _, f := range plan.Files {
			delete(after, f.From)
		}
		for _, f := range plan.Files {
			if _, taken := after[f.To]; taken {
				t.Fatalf("seed %d: %s is written over", seed, f.To)
			}
			after[f.To] = string(f.After)
			if !bytes.Equal(f.Before, []byte(world[f.From])) || replaced(f) != string(f.After) {
				t.Fatalf("seed %d: %s to %s: %q became %q for %v", seed, from, to, f.Before, f.After, f.References)
			}
		}
		was, is := Parse(files(world), Options{}), Parse(files(after), Options{})
		re := &renaming{from: from, to: to}
		for p := range was.Prompts() {
			a, err := ParseAddress(re.name(p.Address.String()))
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, target := range was.Renders(p.Address) {
				want = append(want, re.name(target.String()))
			}
			var got []string
			for _, target := range is.Renders(a) {
				got = append(got, target.String())
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d: %s to %s: %s renders %v, not %v", seed, from, to, a, got, want)
			}
		}
		if more := len(is.Problems()) - len(was.Problems()); more > len(plan.Problems) {
			t.Fatalf("seed %d: %d more problems, %v reported", seed, more, plan.Problems)
		}
	}
	if renames < seeds/8 {
		t.Errorf("only %d of %d could be renamed", renames, seeds)
	}
}

// replaced is a file with its references replaced, found by line and column.
func replaced(f RenamedFile) string {
	lines := strings.SplitAfter(string(f.Before), "\n")
	for _, r := range slices.Backward(f.References) {
		line := lines[r.Line-1]
		at := len(string([]rune(line)[:r.Col-1]))
		lines[r.Line-1] = line[:at] + r.New + strings.TrimPrefix(line[at:], r.Old)
	}
	return strings.Join(lines, "")
}

func TestRenameRefuses(t *testing.T) {
	world := map[string]string{
		"anvil.yaml": "organisation: acme\nformat: 1\n", "a/project.yaml": "name: A\n", "b/project.yaml": "name: B\n",
		"a/s/_p.yaml": "template: p\n", "a/s/main.yaml": "template: |\n  {% render \"_p\" %}\n",
		"a/s/_item.yaml": "template: '{{ _item }}'\n",
		"a/s/rows.yaml":  "parameters: {rows: {type: array}}\ntemplate: |\n  {% render \"_item\" for rows %}\n",
		"a/s/Old.yaml":   "template: x\n",
		"a/e/main.yaml":  "template: \"{% render \\\"a/s/\\x5fp\\\" %}\"\n",
	}
	for _, c := range []struct {
		from, to, want string
		is             error
	}{
		{"a/s/_p", "a/s/_item", "a/s/_item.yaml is there already", ErrTaken},
		{"a/s", "b", "not of one kind", nil},
		{"a/s/_p", "a/s/p", "not of one kind", nil},
		{"a/s/none", "a/s/other", "no prompt a/s/none", ErrNotFound},
		{"a/t", "a/u", "there is no a/t", ErrNotFound},
		{"a", "b", "b/project.yaml is there already", ErrTaken},
		{"a/s/main", "a/s/old", "a/s/Old.yaml is there already", ErrTaken},
		{"a/s", "a/S", "cannot be a name", ErrAddress},
		{"a/s/_p", "a/s/_P", "is not an address", ErrAddress},
		{"a/b/c/d", "a/b/c/e", "not of one kind", nil},
		{"a/s/_p", "a/s/_q", "a/e/main.yaml:1:22: the name a/s/_p cannot be replaced here", nil},
	} {
		_, err := Rename(files(world), c.from, c.to)
		if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s to %s: %v", c.from, c.to, err)
		}
	}
	// The name is also the variable that the partial reads.
	plan, err := Rename(files(world), "a/s/_item", "a/s/_row")
	if err != nil || len(plan.Problems) == 0 {
		t.Errorf("%v, %v", plan, err)
	}
}

// Whatever the files hold, a rename is refused or replaces names and nothing else.
func FuzzRename(f *testing.F) {
	for seed := range 20 {
		r := rand.New(rand.NewPCG(uint64(seed), 12))
		f.Add("template: |\n"+aTemplate(r), "dependencies: {a/s: ^1, 'b/t': ^2}\n", seed)
	}
	f.Add("template: \"{% render \\\"a/s/_p\\\" %}{% render '_p' %}\"\n", "version: 1.0.0\nlocked: true\n", 1)
	f.Add("messages:\n- {role: user, content: '{% render ''_p'' %}'}\n", "", 0)
	f.Fuzz(func(t *testing.T, content, set string, which int) {
		world := map[string]string{
			"anvil.yaml": "organisation: acme\nformat: 1\n", "a/project.yaml": "name: A\n", "b/project.yaml": "name: B\n",
			"a/s/_p.yaml": "template: p\n", "a/s/main.yaml": content, "b/t/set.yaml": set, "b/t/other.yaml": content,
		}
		pairs := [][2]string{{"a/s/_p", "a/s/_q"}, {"a/s/_p", "b/t/_p"}, {"a/s/main", "b/u/main"}, {"a/s", "a/z"}, {"a", "c"}}
		pair := pairs[uint(which)%uint(len(pairs))]
		plan, err := Rename(files(world), pair[0], pair[1])
		if err != nil {
			return
		}
		for _, file := range plan.Files {
			if string(file.Before) != world[file.From] || replaced(file) != string(file.After) {
				t.Fatalf("%v: %q became %q for %v", pair, file.Before, file.After, file.References)
			}
		}
	})
}
