package gitstore

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSkipped lets git commit and asks the hooks which of them it ran.
func TestSkipped(t *testing.T) {
	w := newWork(t)
	ran := filepath.Join(t.TempDir(), "ran")
	hook := func(path string, mode os.FileMode) {
		w.write(path, "#!/bin/sh\necho "+filepath.Base(path)+" >>'"+ran+"'\n")
		if err := os.Chmod(filepath.Join(w.dir, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	check := func(signed bool) {
		t.Helper()
		if err := os.WriteFile(ran, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		w.git("-c", "commit.gpgsign=false", "commit", "-q", "--allow-empty", "-m", "m")
		raw, err := os.ReadFile(ran)
		if err != nil {
			t.Fatal(err)
		}
		signature, hooks, err := w.repo.Skipped()
		if want := strings.Fields(string(raw)); err != nil || signature != signed || !slices.Equal(hooks, want) {
			t.Errorf("skipped: signature %v, hooks %v, %v; git ran %v", signature, hooks, err, want)
		}
	}
	check(false)
	hook(".git/hooks/pre-commit", 0o755)
	hook(".git/hooks/commit-msg", 0o644) // git ignores it
	hook(".git/hooks/post-commit", 0o755)
	check(false)
	hook("hooks/prepare-commit-msg", 0o755)
	hook("hooks/commit-msg", 0o755)
	w.git("config", "core.hooksPath", "hooks")
	w.git("config", "commit.gpgsign", "true")
	check(true)
}
