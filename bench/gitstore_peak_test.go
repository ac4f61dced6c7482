//go:build bench && linux

package bench

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/gitstore"
)

// Peak memory is a process's: the test runs itself to do one open and one
// commit. The kernel counts it in the process itself; what a parent is told of a
// child begins with the parent's own.
const peakOf = "ANVIL_BENCH_PEAK"

func TestPeakChild(t *testing.T) {
	dir := os.Getenv(peakOf)
	if dir == "" {
		return
	}
	w := &repository{t: t, dir: dir, prompts: 1}
	repo := w.open(gitstore.Options{})
	defer repo.Close()
	w.commit(repo, w.save(0, 1))
	fmt.Println(peak(t, "/proc/self/status"))
}

func peakOfCommit(t *testing.T, w *repository) int64 {
	cmd := exec.Command(os.Args[0], "-test.run=^TestPeakChild$")
	cmd.Env = append(os.Environ(), peakOf+"="+w.dir)
	out, err := cmd.CombinedOutput()
	first, _, _ := strings.Cut(string(out), "\n")
	bytes, parseErr := strconv.ParseInt(first, 10, 64)
	if err != nil || parseErr != nil {
		t.Fatalf("commit in a process of its own: %v: %s", errors.Join(err, parseErr), out)
	}
	return bytes
}

// peakOfGit is what git commit had taken when it ran its hook, at its end.
func (w *repository) peakOfGit(paths []string) int64 {
	hook := filepath.Join(w.dir, ".git", "hooks", "post-commit")
	if err := os.MkdirAll(filepath.Dir(hook), 0o777); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(hook, []byte("#!/bin/sh\ncat /proc/$PPID/status > .git/peak\n"), 0o777); err != nil {
		w.t.Fatal(err)
	}
	w.gitCommit("", paths)
	if err := os.Remove(hook); err != nil {
		w.t.Fatal(err)
	}
	return peak(w.t, filepath.Join(w.dir, ".git", "peak"))
}

// peak reads the line "VmHWM: 1234 kB".
func peak(t *testing.T, status string) int64 {
	raw, err := os.ReadFile(status)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatalf("%s says no VmHWM", status)
	return 0
}
