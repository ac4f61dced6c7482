package gitstore

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// journal says what is under way while locks are held. Beside it lie the new
// ref, the new index and the new packed-refs, which their locks are links to; the
// lock of HEAD is a link to the journal itself.
type journal struct {
	Ref string `json:"ref"`
	Old Hash   `json:"old"`
	New Hash   `json:"new"` // zero: the ref is deleted
	// GitDir is that of the work tree whose index and HEAD are locked, seen from
	// the common folder: a repository may be moved or copied.
	GitDir string `json:"gitDir"`
}

const (
	journalFile = "journal"
	ownRef      = "ref.pending"
	ownIndex    = "index.pending"
	ownPacked   = "packed.pending"
)

func (r *Repo) newJournal(ref string, old, new Hash) (journal, error) {
	dir, err := filepath.Rel(r.commonDir, r.gitDir)
	if err != nil || !filepath.IsLocal(dir) {
		return journal{}, fmt.Errorf("write journal: %s is not in %s", r.gitDir, r.commonDir)
	}
	return journal{Ref: ref, Old: old, New: new, GitDir: filepath.ToSlash(dir)}, nil
}

func (j journal) encode() []byte {
	raw, err := json.Marshal(j)
	if err != nil {
		panic(err) // strings and hashes can be marshalled
	}
	return append(raw, '\n')
}

// clearOwn removes the files beside the journal and then the journal. What
// cannot be removed is left to the next one.
func (r *Repo) clearOwn() {
	for _, name := range []string{ownIndex, ownRef, ownPacked, journalFile} {
		if err := r.disk.remove(r.own(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			r.log.Warn("file cannot be removed", "path", r.own(name), "error", err)
			return
		}
	}
}

// recoverAtOpen completes or takes back what a crash has left, unless a living
// process is about it. Where that fails, as on a disk that may only be read, the
// repository can be read all the same, and the next commit says why it cannot be
// made.
func (r *Repo) recoverAtOpen() {
	if !exists(r.own(journalFile)) {
		return
	}
	process, err := r.processLock(context.Background(), time.Millisecond)
	if err != nil {
		r.log.Debug("journal left to its owner", "error", err)
		return
	}
	defer func() { _ = process.Unlock() }()
	if err := r.recoverJournal(); err != nil {
		r.log.Warn("interrupted commit cannot be recovered", "error", err)
	}
}

// recoverJournal is called with the process lock held: whoever wrote the
// journal is dead. A lock is ours only if it is the very file that lies beside
// the journal, or a copy of it; all others are left alone.
func (r *Repo) recoverJournal() error {
	raw, err := r.disk.read(r.own(journalFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		var j journal
		if json.Unmarshal(raw, &j) == nil && validRef(j.Ref) && filepath.IsLocal(filepath.FromSlash(j.GitDir)) {
			err = r.finish(j)
		} else {
			err = r.unlockAll()
		}
	}
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	r.clearOwn()
	return nil
}

// finish completes what a journal says, or takes it back, and gives up its locks.
func (r *Repo) finish(j journal) error {
	gitDir := filepath.Join(r.commonDir, filepath.FromSlash(j.GitDir))
	done, err := r.swapped(j)
	if err != nil {
		return err
	}
	refLock, headLock := r.refPath(j.Ref)+".lock", filepath.Join(gitDir, "HEAD.lock")
	refOurs, headOurs := !done && r.ours(ownRef, refLock), r.ours(journalFile, headLock)
	if refOurs && !j.New.IsZero() {
		// The lock keeps all others from the reflog.
		if err := r.cutReflog(r.reflogPath(j.Ref), j); err != nil {
			return err
		}
		if headOurs {
			if err := r.cutReflog(filepath.Join(gitDir, "logs", "HEAD"), j); err != nil {
				return err
			}
		}
	}
	if refOurs {
		if err := r.disk.remove(refLock); err != nil {
			return err
		}
	}
	// The lock of HEAD goes last: once the branch has moved, it tells that a copy of the
	// index that is a lock is ours.
	if err := r.finishIndex(filepath.Join(gitDir, "index"), j, done, headOurs); err != nil {
		return err
	}
	for _, l := range []struct{ own, path string }{
		{ownPacked, filepath.Join(r.commonDir, "packed-refs.lock")},
		{journalFile, headLock},
	} {
		if r.ours(l.own, l.path) {
			if err := r.disk.remove(l.path); err != nil {
				return err
			}
		}
	}
	r.log.Info("interrupted commit recovered", "ref", j.Ref, "commit", j.New.Short(), "done", done)
	return nil
}

// finishIndex puts the pending index in its place when the ref has moved, and gives
// up its lock.
func (r *Repo) finishIndex(index string, j journal, done, headOurs bool) error {
	lock := index + ".lock"
	switch {
	case sameFile(index, lock), headOurs && sameContent(index, lock): // replaced, and not yet unlocked
	case !sameFile(r.own(ownIndex), lock) && !((headOurs || !done) && sameContent(r.own(ownIndex), lock)):
		return nil
	case done && wholeIndex(index):
		return r.disk.rename(lock, index)
	case done:
		// A power failure took what was not synced.
		err := r.patchAgain(index, j)
		if err == nil {
			return r.disk.rename(lock, index)
		}
		r.log.Warn("the index of an interrupted commit was not completed; git status shows its paths as staged",
			"error", err)
	}
	return r.disk.remove(lock)
}

// patchAgain makes the new index from the old one and from what the commit changed,
// and writes it into the lock.
func (r *Repo) patchAgain(path string, j journal) error {
	x := &index{version: 2}
	raw, err := r.disk.read(path)
	if err == nil {
		x, err = parseIndex(raw)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read index: %w", err)
	}
	before, err := r.treeOf(j.Old)
	if err != nil {
		return err
	}
	after, err := r.treeOf(j.New)
	if err != nil {
		return err
	}
	changes, err := r.objects.differences(before, after, "")
	if err != nil {
		return err
	}
	var edits []*fileEdit
	root := newFolder()
	for _, c := range changes {
		e := &fileEdit{path: c.path, removed: c.after.mode == 0, mode: c.after.mode, hash: c.after.hash}
		edits = append(edits, e)
		root.put(e)
	}
	w := rewriter{objects: r.objects}
	if err := w.rewrite(root, before, ""); err != nil {
		return err
	}
	patched, err := x.patch(edits, root, nil)
	if err != nil {
		return err
	}
	return r.disk.rewrite(path+".lock", patched.raw, true)
}

// unlockAll gives up the locks of a journal that was torn, wherever they are.
func (r *Repo) unlockAll() error {
	worktrees, err := os.ReadDir(filepath.Join(r.commonDir, "worktrees"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dirs := []string{r.commonDir}
	for _, w := range worktrees {
		dirs = append(dirs, filepath.Join(r.commonDir, "worktrees", w.Name()))
	}
	own := []string{ownIndex, ownRef, ownPacked, journalFile}
	unlock := func(path string) error {
		for _, name := range own {
			if sameFile(r.own(name), path) {
				return r.disk.remove(path)
			}
		}
		return nil
	}
	for _, dir := range dirs {
		index := filepath.Join(dir, "index")
		if sameFile(index, index+".lock") {
			if err := r.disk.remove(index + ".lock"); err != nil {
				return err
			}
		}
		for _, name := range []string{"index.lock", "HEAD.lock", "packed-refs.lock"} {
			if err := unlock(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		err := filepath.WalkDir(filepath.Join(dir, "refs"), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil || entry.IsDir() || !strings.HasSuffix(path, ".lock"):
				return err
			}
			return unlock(path)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// swapped reports whether the ref had got its new value.
func (r *Repo) swapped(j journal) (bool, error) {
	if sameFile(r.own(ownRef), r.refPath(j.Ref)) {
		return true, nil
	}
	tip, err := r.Tip(j.Ref)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil || tip == j.New || j.New.IsZero() { // a deletion is not completed
		return err == nil && !j.New.IsZero(), err
	}
	done, err := r.Ancestor(j.New, tip)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return done, err
}

// wholeIndex reports whether the pending index was written to its end. Zeros in the
// place of the checksum are meant so only if the one before has them, too.
func wholeIndex(path string) bool {
	pending, err := readWhole(path + ".lock")
	if err != nil {
		return false
	}
	if !pending.unsummed() {
		return true
	}
	before, err := readWhole(path)
	return err == nil && before.unsummed()
}

func readWhole(path string) (*index, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(raw) < indexHeader+sha1.Size || !bytes.HasPrefix(raw, []byte("DIRC")) {
		return nil, errIndex
	}
	return parseIndex(raw)
}

// ours reports whether a lock is the file of ours, or, where there are no hard
// links and in a copied repository, one like it. An empty one is anybody's.
func (r *Repo) ours(own, lock string) bool {
	return sameFile(r.own(own), lock) || sameContent(r.own(own), lock)
}

func sameContent(a, b string) bool {
	x, err := os.ReadFile(a)
	if err != nil || len(x) == 0 {
		return false
	}
	y, err := os.ReadFile(b)
	return err == nil && bytes.Equal(x, y)
}

func sameFile(a, b string) bool {
	x, err := os.Lstat(a)
	if err != nil {
		return false
	}
	y, err := os.Lstat(b)
	return err == nil && os.SameFile(x, y)
}
