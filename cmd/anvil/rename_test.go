package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/anvilpeering/anvil/prompt"
)

// contentsOf are all files below a folder.
func contentsOf(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		if d.IsDir() {
			all[path] = "a folder"
			return nil
		}
		content, err := os.ReadFile(path)
		all[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// When a step fails, the steps before it are taken back: files, folders and what
// was staged.
func TestRenameIsTakenBack(t *testing.T) {
	root := t.TempDir()
	written := map[string]string{
		"anvil.yaml": "organisation: acme\nformat: 1\n", "a/project.yaml": "name: A\n", "b/project.yaml": "name: B\n",
		"a/s/_p.yaml": "template: p\n", "a/s/main.yaml": "template: |\n  {% render \"_p\" %}\n",
	}
	for path, content := range written {
		if err := writeNew(root, path, []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	all, err := readAll(root)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := prompt.Rename(all.files(), "a/s/_p", "b/new/_p")
	if err != nil || len(plan.Files) != 2 || len(plan.Problems) > 0 {
		t.Fatal(plan, err)
	}
	before := contentsOf(t, root)
	// The last of the files is gone by the time that it is written.
	lost := prompt.RenamedFile{From: "b/project.yaml", To: "b/lost.yaml", Before: []byte("name: B\n"), After: []byte("name: C\n"), References: []prompt.Reference{{Line: 1}}}
	m := moving{root: root, from: "a/s/_p.yaml", to: "b/new/_p.yaml", files: append(plan.Files, lost)}
	if err := m.apply(); err == nil {
		t.Fatal("a file that is not there was written")
	}
	if after := contentsOf(t, root); !maps.Equal(after, before) {
		t.Errorf("%v became %v", before, after)
	}
	// A file that somebody saved since it was read stops all of it.
	if err := os.WriteFile(filepath.Join(root, "a", "s", "main.yaml"), []byte("template: newer\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	before = contentsOf(t, root)
	m = moving{root: root, from: "a/s/_p.yaml", to: "b/new/_p.yaml", files: plan.Files}
	if err := m.apply(); err == nil || hintOf(err) != "run it again" {
		t.Error(err)
	}
	if after := contentsOf(t, root); !maps.Equal(after, before) {
		t.Errorf("%v became %v", before, after)
	}
}
