package prompt

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// gitMergeFile is what `git merge-file` makes of it.
func gitMergeFile(t testing.TB, dir string, base, ours, theirs []byte) (merged []byte, clean bool) {
	t.Helper()
	names := []string{filepath.Join(dir, "ours"), filepath.Join(dir, "base"), filepath.Join(dir, "theirs")}
	for i, text := range [][]byte{ours, base, theirs} {
		if err := os.WriteFile(names[i], text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("git", append([]string{"merge-file", "-p", "-q"}, names...)...)
	cmd.Dir = dir
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() > 127) {
		t.Fatal(err)
	}
	return out, err == nil
}

// gitClasses are the reasons for which a merge may be a conflict here and none for
// git merge-file, each with a merge of that kind. docs/merge.md lists them.
var gitClasses = []struct{ name, base, ours, theirs, field string }{
	{
		"twice", "name: A\nmodel: m\ndescription: d\nid: x\n",
		"name: A\ntags: [a]\nmodel: m\ndescription: d\nid: x\n", "name: A\nmodel: m\ndescription: d\nid: x\ntags: [b]\n", "tags",
	},
	{
		"renamed", "parameters:\n  text:\n    type: string\n    required: true\n    maxLength: 10\n",
		"parameters:\n  message:\n    type: string\n    required: true\n    maxLength: 10\n", "parameters:\n  text:\n    type: string\n    required: true\n    maxLength: 20\n", "parameters.text",
	},
	{
		"folded", "description: |\n  one\n  two\n  three\n  four\n", "description: >\n  one\n  two\n  three\n  four\n", "description: |\n  one\n  two\n  three\n  5\n", "description",
	},
	{
		"scalar", "description: \"one\n  two\n  three\n  four\"\n", "description: \"1\n  two\n  three\n  four\"\n", "description: \"one\n  two\n  three\n  4\"\n", "description",
	},
	{
		"flow", "tags: [a, # one\n  b,\n  c,\n  d]\n", "tags: [x, # one\n  b,\n  c,\n  d]\n", "tags: [a, # one\n  b,\n  c,\n  y]\n", "tags",
	},
	{
		"items", "tests:\n  - a: 1\n    b: 2\n    c: 3\n    d: 4\n",
		"tests:\n  - e: 1\n  - f: 1\n    g: 2\n    h: 3\n    i: 4\n    j: 5\n    k: 6\n    l: 7\n    m: 8\n    c: 3\n    d: 4\n", "tests:\n  - a: 1\n    b: 2\n    c: 3\n    d: 5\n", "tests[0]",
	},
}

// classOf says to which class a conflict belongs that git does not have.
func classOf(m *Merged, byGit []byte) string {
	if _, err := meaningOf(byGit, newMeanings()); err != nil {
		return "twice" // git's file cannot be read
	}
	for _, c := range m.Conflicts {
		switch {
		case strings.Contains(c.Field, "["):
			return "items"
		case c.Kind == ConflictValue && (c.Ours.Absent || c.Theirs.Absent):
			return "renamed"
		case c.Kind == ConflictValue && strings.ContainsAny(c.Base.Text+c.Ours.Text+c.Theirs.Text, "\n"):
			if strings.HasPrefix(c.Base.Text, "[") || strings.HasPrefix(c.Base.Text, "{") {
				return "flow"
			}
			if strings.HasSuffix(c.Base.Text, "\n") {
				return "folded"
			}
			return "scalar"
		}
	}
	return ""
}

// Beside git merge-file: where both are clean they mean the same, fields that are
// apart are never a conflict here and often one there, and a conflict that git does
// not have is of a class that is listed.
func TestMergeBesideGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIPPED: needs git")
	}
	dir := t.TempDir()
	for _, c := range gitClasses {
		t.Run(c.name, func(t *testing.T) {
			byGit, clean := gitMergeFile(t, dir, []byte(c.base), []byte(c.ours), []byte(c.theirs))
			m := Merge([]byte(c.base), []byte(c.ours), []byte(c.theirs))
			if !clean || len(m.Conflicts) != 1 || m.Conflicts[0].Field != c.field {
				t.Fatalf("git is clean: %v, and here %v", clean, m.Conflicts)
			}
			if class := classOf(m, byGit); class != c.name {
				t.Errorf("it is of class %q", class)
			}
		})
	}
	page, err := os.ReadFile("../docs/merge.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range gitClasses {
		if !bytes.Contains(page, []byte("`"+c.name+"`")) {
			t.Errorf("docs/merge.md does not list %s", c.name)
		}
	}
	var both, onlyGit, neither, apart, apartByGit int
	classes := make(map[string]int)
	for seed := range uint64(150) {
		base, ours, theirs, different := invent(seed)
		byGit, clean := gitMergeFile(t, dir, base, ours, theirs)
		m := Merge(base, ours, theirs)
		if different {
			apart++
			if !clean {
				apartByGit++
			}
			if len(m.Conflicts) > 0 {
				t.Errorf("seed %d: %v", seed, m.Conflicts)
			}
		}
		switch {
		case clean && len(m.Conflicts) == 0:
			both++
			n := newMeanings()
			a, errA := meaningOf(byGit, n)
			b, errB := meaningOf(m.Content, n)
			if errA == nil && errB == nil && a != b {
				t.Errorf("seed %d: git has\n%s\nand not\n%s", seed, byGit, m.Content)
			}
		case clean:
			class := classOf(m, byGit)
			classes[class]++
			if !slices.ContainsFunc(gitClasses, func(c struct{ name, base, ours, theirs, field string }) bool { return c.name == class }) {
				t.Errorf("seed %d: only here: %v\nbase\n%s\nours\n%s\ntheirs\n%s", seed, m.Conflicts, base, ours, theirs)
			}
		case len(m.Conflicts) == 0:
			onlyGit++
		default:
			neither++
		}
	}
	t.Logf("clean in both %d, only here %d, in neither %d, only for git %v; of %d with fields apart git has conflicts in %d", both, onlyGit, neither, classes, apart, apartByGit)
	if apartByGit < apart/10 {
		t.Error("the test tests little")
	}
}
