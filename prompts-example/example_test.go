package example_test

import (
	"bytes"
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/prompt"
	example "github.com/anvilpeering/anvil/prompts-example"
)

func parse(t *testing.T) *prompt.Tree {
	t.Helper()
	return prompt.Parse(func(yield func(string, []byte) bool) {
		err := fs.WalkDir(example.Files, ".", func(at string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := fs.ReadFile(example.Files, at)
			if err == nil && !yield(at, content) {
				return fs.SkipAll
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}, prompt.Options{})
}

func TestChecksClean(t *testing.T) {
	tree := parse(t)
	for _, p := range tree.Problems() {
		t.Errorf("%s\n%s", p, p.Hint)
	}
	if got := tree.Organisation().Name; got != example.Organisation {
		t.Errorf("the organisation is %q", got)
	}
}

// What the library is meant to show is there, and not by half.
func TestShowsTheWholeFormat(t *testing.T) {
	tree := parse(t)
	prompts, sets, tested := 0, 0, 0
	for _, project := range tree.Projects() {
		sets += len(project.Sets)
	}
	var all strings.Builder
	err := fs.WalkDir(example.Files, ".", func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(at) != ".yaml" {
			return err
		}
		content, err := fs.ReadFile(example.Files, at)
		all.Write(content)
		if bytes.Contains(content, []byte("\ntests:\n")) {
			tested++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for p := range tree.Prompts() {
		prompts++
		if p.Description == "" {
			t.Errorf("%s does not say what it is for", p.Address)
		}
	}
	if len(tree.Projects()) < 4 || sets < 10 || prompts < 40 || tested < 35 {
		t.Errorf("%d projects, %d sets, %d prompts, %d with tests", len(tree.Projects()), sets, prompts, tested)
	}
	for _, feature := range []string{
		"template: |", "messages:", "insert:", "roles:", `render "_`, `render "shared/`, "dependencies:", "enum:", "default:",
		"type: array", "type: object", "type: messages", "pattern:", "minimum:", "{% raw %}", "comment %}", "日本語", "metadata:",
	} {
		if !strings.Contains(all.String(), feature) {
			t.Errorf("nothing shows %q", feature)
		}
	}
}

// Editors check the library by the schemas beside it: they are the checker's.
func TestSchemas(t *testing.T) {
	for _, name := range []string{"organisation", "project", "set", "prompt"} {
		content, err := fs.ReadFile(example.Files, ".anvil/schema/"+name+".json")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(content, prompt.Schema(name)) {
			t.Errorf(".anvil/schema/%s.json is old: anvil init writes it", name)
		}
	}
}
