//go:build bench && linux

package bench

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/diff3"
	"github.com/anvilpeering/anvil/gitstore"
)

// merges merges a branch that changed some files into one that changed a tenth
// of them in another line, with all that git merge does: base, merge, commit,
// index and files. Of an import, what is measured begins with the objects, which
// git is given beforehand.
func merges(out *table, ours, theirs *repository, work string, files int, imported bool) {
	repo := ours.open(gitstore.Options{})
	defer repo.Close()
	var own, git []time.Duration
	for round := range 3 {
		for _, w := range []*repository{ours, theirs} {
			base := w.output("rev-parse", "main")
			incoming := w.revise(files, func(text string) string { return fmt.Sprintf("%sx-incoming: %d\n", text, round) })
			if w == theirs || !imported {
				w.branch("incoming", base, incoming)
			}
			mine := w.revise(max(files/10, 1), func(text string) string { return fmt.Sprintf("x-mine-%d: %s", round, text) })
			for path, text := range mine {
				w.checkOut(path, []byte(text))
			}
			w.git("commit", "-q", "-a", "-m", "mine")
			switch {
			case w == theirs:
				git = append(git, w.timed(func() { w.git("merge", "-q", "--no-edit", "incoming") }))
			case imported:
				own = append(own, w.timed(func() {
					w.receive(repo, "refs/heads/incoming", base, incoming)
					w.merge(repo, "refs/heads/incoming")
				}))
			default:
				own = append(own, w.timed(func() { w.merge(repo, "refs/heads/incoming") }))
			}
			if changed := w.output("diff", "--stat", "HEAD"); changed != "" {
				w.t.Fatalf("after the merge in %s:\n%s", w.dir, changed)
			}
			w.git("branch", "-q", "-D", "incoming")
		}
	}
	out.row(work, own, git)
}

// revise returns the first files with another text.
func (w *repository) revise(files int, text func(string) string) map[string]string {
	w.t.Helper()
	revised := map[string]string{}
	for i := range files {
		path := promptFile(i)
		raw, err := os.ReadFile(filepath.Join(w.dir, filepath.FromSlash(path)))
		if err != nil {
			w.t.Fatal(err)
		}
		revised[path] = text(string(raw))
	}
	return revised
}

// branch makes a branch with one commit.
func (w *repository) branch(name, from string, files map[string]string) {
	w.t.Helper()
	var in strings.Builder
	fmt.Fprintf(&in, "commit refs/heads/%s\ncommitter %s 1800000000 +0000\ndata 1\nm\nfrom %s\n", name, who, from)
	for path, text := range files {
		fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", path, len(text), text)
	}
	w.input(in.String(), "fast-import", "--quiet", "--force")
}

// receive commits files to a branch of their own, as an import does.
func (w *repository) receive(repo *gitstore.Repo, branch, from string, files map[string]string) {
	w.t.Helper()
	tip, err := gitstore.ParseHash(from)
	if err == nil {
		err = repo.SetRef(branch, gitstore.Hash{}, tip)
	}
	c := gitstore.NewCommit{Branch: branch, Tip: tip, Message: "incoming", Author: author}
	for path, text := range files {
		c.Edits = append(c.Edits, gitstore.Edit{Path: path, Content: []byte(text)})
	}
	if err == nil {
		_, err = repo.Commit(context.Background(), c)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *repository) merge(repo *gitstore.Repo, branch string) {
	w.t.Helper()
	ours := w.tip(repo)
	theirs, err := repo.Tip(branch)
	if err != nil {
		w.t.Fatal(err)
	}
	base, err := repo.MergeBase(ours, theirs)
	if err != nil {
		w.t.Fatal(err)
	}
	merged, err := repo.Merge(base, ours, theirs, func(_ string, base, ours, theirs []byte) ([]byte, bool, error) {
		text, conflicts := diff3.Merge(base, ours, theirs)
		return text, len(conflicts) == 0, nil
	})
	if err != nil || len(merged.Conflicts) > 0 {
		w.t.Fatalf("merge: %v, %d conflicts", err, len(merged.Conflicts))
	}
	for i, e := range merged.Edits {
		text := e.Content
		if !e.Blob.IsZero() {
			if text, err = repo.Blob(e.Blob); err != nil {
				w.t.Fatal(err)
			}
		}
		merged.Edits[i].Info = w.checkOut(e.Path, text)
	}
	c := gitstore.NewCommit{Branch: "refs/heads/main", Tip: ours, Parents: []gitstore.Hash{theirs}, Edits: merged.Edits, Message: "merge", Author: author}
	if _, err := repo.Commit(context.Background(), c); err != nil {
		w.t.Fatal(err)
	}
}

// checkOut replaces a file as git does: some file systems write one through that
// is emptied and filled again.
func (w *repository) checkOut(path string, text []byte) fs.FileInfo {
	w.t.Helper()
	file := filepath.Join(w.dir, filepath.FromSlash(path))
	err := os.Remove(file)
	if err == nil {
		err = os.WriteFile(file, text, 0o666)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := os.Lstat(file)
	if err != nil {
		w.t.Fatal(err)
	}
	return info
}

// firstCommit puts a whole folder into a new repository.
func firstCommit(t *testing.T, out *table, prompts int) {
	var own, git []time.Duration
	for range 2 {
		w := emptyRepository(t, prompts)
		paths := w.save(0, prompts)
		repo := w.open(gitstore.Options{})
		own = append(own, w.timed(func() { w.commit(repo, paths) }))
		repo.Close()
		w = emptyRepository(t, prompts)
		w.save(0, prompts)
		git = append(git, w.timed(func() {
			w.git("add", ".")
			w.git("commit", "-q", "-m", "first")
		}))
	}
	out.row("first commit of all files, durable, beside git", own, git)
}
