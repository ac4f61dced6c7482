package gitstore

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestIgnored asks git about every path: what it ignores, Ignored does too.
func TestIgnored(t *testing.T) {
	w := newWork(t)
	for file, text := range map[string]string{
		".gitignore":            "*.tmp.yaml\n/top.yaml\nbuild/\n!build/keep.yaml\nscratch*\n!scratch-kept.yaml\n# comment\n\\#odd.yaml\ndeep/**/x.yaml\na/*/z.yaml\ntrail.yaml   \n",
		"a/.gitignore":          "local.yaml\n!b.tmp.yaml\n/c/only.yaml\n",
		"a/b/.gitignore":        "!local.yaml\n",
		".git/info/exclude":     "excluded.yaml\n",
		"build/.gitignore":      "!inner.yaml\n",
		"linked/.gitignore.txt": "x",
	} {
		at := filepath.Join(w.dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	paths := []string{
		"x.tmp.yaml", "a/x.tmp.yaml", "a/b.tmp.yaml", "top.yaml", "a/top.yaml", "build/x.yaml", "build/keep.yaml", "build/inner.yaml", "a/build/x.yaml",
		"scratch-a.yaml", "scratch-kept.yaml", "scratch/x.yaml", "#odd.yaml", "deep/x.yaml", "deep/1/2/x.yaml", "a/q/z.yaml", "a/q/r/z.yaml", "trail.yaml",
		"a/local.yaml", "local.yaml", "a/b/local.yaml", "a/c/only.yaml", "c/only.yaml", "excluded.yaml", "a/b/excluded.yaml", "plain.yaml", "a/plain.yaml",
	}
	for _, path := range paths {
		cmd := exec.Command("git", "check-ignore", "-q", "--no-index", path)
		cmd.Dir = w.dir
		err := cmd.Run()
		want := err == nil
		if got, err := w.repo.Ignored(path); err != nil || got != want {
			t.Errorf("%s: ignored %v, git says %v (%v)", path, got, want, err)
		}
	}
}

func FuzzExcludes(f *testing.F) {
	f.Add("*.yaml\n!a/\n", "a/b.yaml")
	f.Fuzz(func(t *testing.T, text, path string) {
		for _, l := range parseExcludes(text, "") {
			if l.pattern == "" {
				t.Errorf("%q gave an empty pattern", text)
			}
			l.matches(path, true)
		}
	})
}
