package library_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/library"
	"github.com/anvilpeering/anvil/prompt"
)

// authors is a repository that is written with git itself.
type authors struct {
	t   testing.TB
	dir string
}

func newAuthors(t testing.TB) *authors {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIPPED: needs git")
	}
	a := &authors{t: t, dir: t.TempDir()}
	a.git("init", "-q", "-b", "main")
	return a
}

func (a *authors) git(args ...string) string {
	a.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = a.dir
	cmd.Env = append(
		os.Environ(), "HOME="+a.dir, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com",
	)
	out, err := cmd.CombinedOutput()
	if err != nil {
		a.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (a *authors) write(path, content string) {
	a.t.Helper()
	path = filepath.Join(a.dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		a.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		a.t.Fatal(err)
	}
}

func (a *authors) commit() gitstore.Hash {
	a.t.Helper()
	a.git("add", "-A")
	a.git("commit", "-q", "--allow-empty", "-m", "Save")
	return a.head()
}

func (a *authors) head() gitstore.Hash {
	a.t.Helper()
	h, err := gitstore.ParseHash(a.git("rev-parse", "HEAD"))
	if err != nil {
		a.t.Fatal(err)
	}
	return h
}

func (a *authors) open(prefix string, o library.Options) *library.Library {
	a.t.Helper()
	repo, err := gitstore.Open(a.dir, gitstore.Options{})
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() {
		if err := repo.Close(); err != nil {
			a.t.Error(err)
		}
	})
	return library.Open(repo, prefix, o)
}

// organisation writes a small organisation below prefix.
func (a *authors) organisation(prefix string) {
	a.write(prefix+"anvil.yaml", "organisation: acme\nformat: 1\n")
	a.write(prefix+"support/project.yaml", "name: Support\n")
	a.write(prefix+"support/triage/set.yaml", "version: 1.0.0\n")
	a.write(prefix+"support/triage/classify.yaml", greeting("classify"))
	a.write(prefix+"support/triage/_tone.yaml", "template: Be kind.\n")
}

func greeting(text string) string {
	return fmt.Sprintf("name: Greeting\nparameters:\n  who: {type: string}\ntemplate: \"%s {{ who }}\"\n", text)
}

// listed is what git says that Blobs should say.
func (a *authors) listed(rev gitstore.Hash, prefix string) map[string]gitstore.Hash {
	a.t.Helper()
	files := make(map[string]gitstore.Hash)
	for line := range strings.SplitSeq(a.git("ls-tree", "-r", "-z", rev.String()), "\x00") {
		meta, path, ok := strings.Cut(line, "\t")
		if !ok {
			continue
		}
		path, inside := strings.CutPrefix(path, prefix)
		fields := strings.Fields(meta)
		if !inside || !prompt.Owns(path) || !strings.HasPrefix(fields[0], "100") {
			continue
		}
		h, err := gitstore.ParseHash(fields[2])
		if err != nil {
			a.t.Fatal(err)
		}
		files[path] = h
	}
	return files
}

func isNotFound(err error) bool { return errors.Is(err, gitstore.ErrNotFound) }

func at(t testing.TB, l *library.Library, rev gitstore.Hash) *prompt.Tree {
	t.Helper()
	tree, err := l.At(rev)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// summary is what tells two trees apart.
func summary(t *prompt.Tree) string {
	var b strings.Builder
	for p := range t.Prompts() {
		fmt.Fprintln(&b, "prompt", p.Address, p.Name)
	}
	for _, p := range t.Projects() {
		fmt.Fprintln(&b, "project", p.Name, t.Released(p.Name), t.ProblemsIn(p.Name))
	}
	for _, p := range t.Problems() {
		fmt.Fprintln(&b, "problem", p)
	}
	return b.String()
}

func TestRevisionHoldsTheOrganisationsFiles(t *testing.T) {
	for _, prefix := range []string{"", "prompts", "tools/prompts"} {
		t.Run("in "+prefix, func(t *testing.T) {
			a := newAuthors(t)
			folder := prefix
			if folder != "" {
				folder += "/"
			}
			a.organisation(folder)
			a.write(folder+"README.md", "not a prompt\n")
			a.write(folder+"support/notes.txt", "not a prompt\n")
			a.write("elsewhere/support/triage/other.yaml", greeting("outside"))
			rev := a.commit()

			l := a.open(prefix, library.Options{})
			blobs, err := l.Blobs(rev)
			if err != nil {
				t.Fatal(err)
			}
			if want := a.listed(rev, folder); !maps.Equal(blobs, want) || len(want) != 5 {
				t.Errorf("blobs:\n%v\nwant\n%v", blobs, want)
			}
			tree := at(t, l, rev)
			if got := tree.Organisation().Name; got != "acme" {
				t.Errorf("organisation %q", got)
			}
			if _, err := tree.Lookup(prompt.Address{Project: "support", Set: "triage", Name: "classify"}); err != nil {
				t.Error(err)
			}
			content, err := l.Read(blobs["support/triage/classify.yaml"])
			if err != nil || string(content) != greeting("classify") {
				t.Errorf("read %q, %v", content, err)
			}
			if l.Prefix() != prefix || l.Repo() == nil {
				t.Errorf("prefix %q", l.Prefix())
			}
		})
	}
}

func TestNothingIsThereBeforeTheFirstFile(t *testing.T) {
	a := newAuthors(t)
	a.write("code.go", "package code\n")
	rev := a.commit()
	l := a.open("prompts", library.Options{})
	for _, rev := range []gitstore.Hash{{}, rev} {
		blobs, err := l.Blobs(rev)
		if err != nil || len(blobs) != 0 {
			t.Errorf("blobs at %s: %v, %v", rev.Short(), blobs, err)
		}
		if n := len(at(t, l, rev).Projects()); n != 0 {
			t.Errorf("%d projects", n)
		}
	}
	_, err := l.At(gitstore.Hash{1, 2, 3})
	if !isNotFound(err) {
		t.Errorf("unknown revision: %v", err)
	}
}

func TestLinksAndSubmodulesAreNoFiles(t *testing.T) {
	a := newAuthors(t)
	a.organisation("")
	target := "triage/classify.yaml"
	if err := os.Symlink(target, filepath.Join(a.dir, "support", "link.yaml")); err != nil {
		t.Skip("SKIPPED: needs symbolic links")
	}
	if err := os.Symlink("classify.yaml", filepath.Join(a.dir, "support", "triage", "alias.yaml")); err != nil {
		t.Fatal(err)
	}
	first := a.commit()
	a.git("update-index", "--add", "--cacheinfo", "160000,"+first.String()+",support/triage/module.yaml")
	a.git("commit", "-q", "-m", "Add a submodule")
	second := a.head()

	check := func(l *library.Library, rev gitstore.Hash) {
		t.Helper()
		blobs, err := l.Blobs(rev)
		if err != nil {
			t.Fatal(err)
		}
		if want := a.listed(rev, ""); !maps.Equal(blobs, want) {
			t.Errorf("blobs:\n%v\nwant\n%v", blobs, want)
		}
	}
	l := a.open("", library.Options{})
	check(l, first)
	check(l, second)

	// A file that becomes a link is gone, and comes back as a file; so does one
	// that becomes a submodule.
	classify := filepath.Join(a.dir, "support", "triage", "classify.yaml")
	if err := os.Remove(classify); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("_tone.yaml", classify); err != nil {
		t.Fatal(err)
	}
	a.git("add", "support/triage/classify.yaml")
	a.git("commit", "-q", "-m", "Make a link of it")
	third := a.head()
	check(l, third)
	if _, err := at(t, l, third).Lookup(prompt.Address{Project: "support", Set: "triage", Name: "classify"}); err == nil {
		t.Error("a link is looked up as a prompt")
	}
	a.git("rm", "-q", "--cached", "support/triage/classify.yaml")
	a.git("update-index", "--add", "--cacheinfo", "160000,"+first.String()+",support/triage/classify.yaml")
	a.git("commit", "-q", "-m", "Make a submodule of it")
	check(l, a.head())
	a.git("reset", "-q", "--hard", second.String())
	a.write("support/triage/classify.yaml", greeting("again"))
	a.git("add", "support/triage/classify.yaml")
	a.git("commit", "-q", "-m", "Make a file of it")
	check(l, a.head())
	check(a.open("", library.Options{}), a.head())
}

func TestPromptsAreKeptByContent(t *testing.T) {
	a := newAuthors(t)
	a.organisation("prompts/")
	first := a.commit()
	l := a.open("prompts", library.Options{Trees: 2})
	kept := at(t, l, first)

	a.write("code.go", "package code\n")
	if at(t, l, a.commit()) != kept {
		t.Error("a change beside the prompts reads them again")
	}
	a.git("commit", "-q", "--amend", "-m", "Say it better")
	if at(t, l, a.head()) != kept {
		t.Error("another message reads the prompts again")
	}
	a.write("prompts/support/triage/classify.yaml", greeting("second"))
	second := a.commit()
	if at(t, l, second) == kept {
		t.Error("a changed prompt is not seen")
	}
	a.git("revert", "--no-edit", "HEAD")
	if at(t, l, a.head()) != kept {
		t.Error("a revert reads the prompts again")
	}
	// With room for two, the third drops the one used last: the second.
	tree := at(t, l, second)
	at(t, l, first)
	a.write("prompts/support/triage/classify.yaml", greeting("third"))
	at(t, l, a.commit())
	if at(t, l, first) != kept {
		t.Error("what was just used is dropped")
	}
	if at(t, l, second) == tree {
		t.Error("more is kept than there is room for")
	}
}

// Whatever the order in which revisions are asked for, a tree built from a
// neighbour says the same as one read from nothing.
func TestNeighbourEqualsFresh(t *testing.T) {
	a := newAuthors(t)
	random := rand.New(rand.NewPCG(1, 2))
	a.organisation("")
	revisions := []gitstore.Hash{a.commit()}
	name := func() string {
		return fmt.Sprintf("p%d/s%d/n%d.yaml", random.IntN(3), random.IntN(2), random.IntN(4))
	}
	for range 25 {
		for range 1 + random.IntN(4) {
			switch path := name(); random.IntN(8) {
			case 0:
				if err := os.RemoveAll(filepath.Join(a.dir, filepath.FromSlash(path))); err != nil {
					t.Fatal(err)
				}
			case 1:
				a.write(path, "parameters: {who: {type: sting}}\ntemplate: broken {{ whom }}\n")
			case 2:
				a.write(path, "template: '{% render \"support/triage/_tone\" %}'\n")
			case 3:
				a.write("support/triage/_tone.yaml", fmt.Sprintf("template: Tone %d.\n", random.IntN(3)))
			case 4:
				a.write(strings.SplitN(path, "/", 2)[0]+"/project.yaml", "name: P\n")
			default:
				a.write(path, greeting(fmt.Sprint(random.IntN(5))))
			}
		}
		revisions = append(revisions, a.commit())
	}
	l := a.open("", library.Options{Trees: 3})
	ask := slices.Concat(revisions, revisions)
	random.Shuffle(len(ask), func(i, j int) { ask[i], ask[j] = ask[j], ask[i] })
	for _, rev := range ask {
		got, err := l.Blobs(rev)
		if err != nil {
			t.Fatal(err)
		}
		if want := a.listed(rev, ""); !maps.Equal(got, want) {
			t.Fatalf("blobs at %s:\n%v\nwant\n%v", rev.Short(), got, want)
		}
		fresh := a.open("", library.Options{})
		if got, want := summary(at(t, l, rev)), summary(at(t, fresh, rev)); got != want {
			t.Fatalf("at %s:\n%s\nwant\n%s", rev.Short(), got, want)
		}
	}
}

// The commit that a kept tree was read from may be rewritten and pruned.
func TestKeptRevisionMayVanish(t *testing.T) {
	a := newAuthors(t)
	a.organisation("")
	a.commit()
	a.write("support/triage/classify.yaml", greeting("to be lost"))
	lost := a.commit()
	l := a.open("", library.Options{Trees: 1})
	at(t, l, lost)
	a.git("reset", "-q", "--hard", "HEAD~1")
	a.write("support/triage/classify.yaml", greeting("kept"))
	a.commit()
	a.git("reflog", "expire", "--expire=now", "--all")
	a.git("gc", "-q", "--prune=now")

	rev := a.head()
	if got, want := summary(at(t, l, rev)), summary(at(t, a.open("", library.Options{}), rev)); got != want {
		t.Errorf("after gc:\n%s\nwant\n%s", got, want)
	}
}

// promptAt returns the prompt classify of the small organisation. Trees that were
// made from one another share what did not change.
func promptAt(t *testing.T, l *library.Library, rev gitstore.Hash) *prompt.Prompt {
	t.Helper()
	for p := range at(t, l, rev).Prompts() {
		if p.Address.String() == "support/triage/classify" {
			return p
		}
	}
	t.Fatalf("no prompt at %s", rev.Short())
	return nil
}

// A great change is read anew: that takes less than to edit nearly everything.
func TestGreatChangeIsReadAnew(t *testing.T) {
	a := newAuthors(t)
	a.organisation("")
	many := func(text string, n int) gitstore.Hash {
		for i := range n {
			a.write(fmt.Sprintf("support/many/p%02d.yaml", i), greeting(text))
		}
		return a.commit()
	}
	first := many("first", 80)
	l := a.open("", library.Options{})
	kept := promptAt(t, l, first)
	if promptAt(t, l, many("second", 40)) != kept {
		t.Error("half of the files changed, and the others were read again")
	}
	if promptAt(t, l, many("third", 80)) == kept {
		t.Error("nearly all files changed, and were edited one by one")
	}
}

func TestManyAskAtOnce(t *testing.T) {
	a := newAuthors(t)
	a.organisation("")
	revisions := []gitstore.Hash{a.commit()}
	for i := range 6 {
		a.write("support/triage/classify.yaml", greeting(fmt.Sprint(i)))
		revisions = append(revisions, a.commit())
	}
	l := a.open("", library.Options{Trees: len(revisions)})
	trees := make([][]*prompt.Tree, 16)
	var group sync.WaitGroup
	for i := range trees {
		group.Go(func() {
			for j := range revisions {
				tree, err := l.At(revisions[(i+j)%len(revisions)])
				if err != nil {
					t.Error(err)
					return
				}
				trees[i] = append(trees[i], tree)
			}
		})
	}
	group.Wait()
	for i, all := range trees {
		for j, tree := range all {
			if want := at(t, l, revisions[(i+j)%len(revisions)]); tree != want {
				t.Fatalf("revision %d was read twice", (i+j)%len(revisions))
			}
		}
	}
}
