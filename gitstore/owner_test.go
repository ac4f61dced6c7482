package gitstore

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOwner asks git, told that everything belongs to somebody else, whether it
// works in a repository.
func TestOwner(t *testing.T) {
	w := newWork(t)
	below := filepath.Join(w.dir, "a", "b")
	if err := os.MkdirAll(below, 0o777); err != nil {
		t.Fatal(err)
	}
	found, err := discover(below)
	if err != nil {
		t.Fatal(err)
	}
	global := filepath.Join(t.TempDir(), "gitconfig")
	t.Setenv("GIT_CONFIG_GLOBAL", global)
	t.Setenv("HOME", filepath.Dir(w.dir))
	name := filepath.ToSlash(w.dir)
	for text, safe := range map[string]bool{
		"":                                     false,
		"[safe]\n\tdirectory = " + name + "\n": true,
		"[safe]\n\tdirectory = ~/" + filepath.Base(w.dir) + "\n":      true,
		"[safe]\n\tdirectory = *\n":                                   true,
		"[safe]\n\tdirectory = " + name + "/a\n":                      false,
		"[safe]\n\tdirectory = " + name + "\n\tdirectory = /other\n":  true,
		"[safe]\n\tdirectory = " + name + "\n\tdirectory = \"\"\n":    false,
		"[safe]\n\tdirectory = \"\"\n\tdirectory = " + name + "\n":    true,
		"[safe]\n\tdirectory = " + filepath.ToSlash(w.dir) + "more\n": false,
	} {
		if err := os.WriteFile(global, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("git", "rev-parse", "--show-toplevel")
		cmd.Dir, cmd.Env = below, append(os.Environ(), "GIT_TEST_ASSUME_DIFFERENT_OWNER=1")
		out, gitErr := cmd.CombinedOutput()
		if (gitErr == nil) != safe {
			t.Errorf("git, with %q: %s", text, out)
		}
		err := found.checkOwner(func(string) bool { return false })
		if (err == nil) != safe {
			t.Errorf("with %q: %v", text, err)
		}
		var hint interface{ Hint() string }
		if err != nil && (!errors.Is(err, ErrUnsupported) || !errors.As(err, &hint) || !strings.HasSuffix(hint.Hint(), "safe.directory "+quoteShell(name))) {
			t.Errorf("the error is %v", err)
		}
	}

	// The repository itself has no say.
	if err := os.WriteFile(global, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	w.git("config", "safe.directory", "*")
	if err := found.checkOwner(func(string) bool { return false }); err == nil {
		t.Error("the repository declares itself safe")
	}
	for _, path := range []string{w.dir, filepath.Join(w.dir, ".git")} { // one is enough
		if err := found.checkOwner(func(p string) bool { return p != path }); err == nil {
			t.Errorf("%s may belong to anybody", path)
		}
	}
	if !owned(w.dir) || owned(filepath.Join(w.dir, "nothing")) {
		t.Error("what is ours is not ours")
	}
}

// TestOwnerAtOpen needs to be able to give a folder away.
func TestOwnerAtOpen(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: needs root to give a folder to another user")
	}
	w := newWork(t)
	if err := os.Lchown(filepath.Join(w.dir, ".git"), 12345, -1); err != nil {
		t.Fatal(err)
	}
	if _, err := w.tryGit("status"); err == nil || !strings.Contains(err.Error(), "dubious ownership") {
		t.Fatalf("git works in it: %v", err)
	}
	if _, err := Open(w.dir, Options{}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("open: %v", err)
	}
	t.Setenv("SUDO_UID", "12345")
	w.git("status")
	r, err := Open(w.dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
}
