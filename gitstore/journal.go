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
	"time"
)

// journal says what is under way while locks are held. Beside it lie the new
// ref and the new index, which their locks are links to; the lock of HEAD is a
// link to the journal itself.
type journal struct {
	Ref string `json:"ref"`
	Old Hash   `json:"old"`
	New Hash   `json:"new"`
	// GitDir is that of the work tree whose index and HEAD are locked, from the common
	// folder: the repository may be elsewhere when a crash is recovered from.
	GitDir string `json:"gitDir"`
}

func (r *Repo) newJournal(ref string, old, new Hash) (journal, error) {
	dir, err := filepath.Rel(r.commonDir, r.gitDir)
	if err != nil || !filepath.IsLocal(dir) {
		return journal{}, fmt.Errorf("write journal: %s is not in %s", r.gitDir, r.commonDir)
	}
	return journal{Ref: ref, Old: old, New: new, GitDir: filepath.ToSlash(dir)}, nil
}

const (
	journalFile = "journal"
	ownRef      = "ref.pending"
	ownIndex    = "index.pending"
)

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
	for _, name := range []string{ownIndex, ownRef, journalFile} {
		if err := r.disk.remove(r.own(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			r.log.Warn("file cannot be removed", "path", r.own(name), "error", err)
			return
		}
	}
}

// recoverAtOpen completes or takes back what a crash has left, unless a living
// process is about it. A repository that may only be read is left as it is.
func (r *Repo) recoverAtOpen() error {
	if !exists(r.own(journalFile)) {
		return nil
	}
	process, err := r.processLock(context.Background(), time.Millisecond)
	if err != nil {
		r.log.Debug("journal left to its owner", "error", err)
		return nil
	}
	defer func() { _ = process.Unlock() }()
	if err := r.recoverJournal(); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			r.log.Warn("interrupted commit cannot be recovered", "error", err)
			return nil
		}
		return err
	}
	return nil
}

// recoverJournal is called with the process lock held: whoever wrote the
// journal is dead. A lock is ours only if it is the very file that lies beside
// the journal; all others are left alone.
func (r *Repo) recoverJournal() error {
	raw, err := os.ReadFile(r.own(journalFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	var j journal
	if err := json.Unmarshal(raw, &j); err != nil || !validRef(j.Ref) || !filepath.IsLocal(filepath.FromSlash(j.GitDir)) {
		r.clearOwn() // it was not written to its end, and so no lock was taken
		return nil
	}
	gitDir := filepath.Join(r.commonDir, filepath.FromSlash(j.GitDir))
	done, err := r.swapped(j)
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	for _, l := range []struct{ own, path string }{
		{ownRef, r.refPath(j.Ref) + ".lock"},
		{journalFile, filepath.Join(gitDir, "HEAD.lock")},
	} {
		if sameFile(r.own(l.own), l.path) {
			if err := r.disk.remove(l.path); err != nil {
				return fmt.Errorf("recover: %w", err)
			}
		}
	}
	index := filepath.Join(gitDir, "index")
	switch {
	case sameFile(index, index+".lock"): // the index was replaced, and not yet unlocked
		err = r.disk.remove(index + ".lock")
	case !sameFile(r.own(ownIndex), index+".lock"):
	case done && r.completeIndex(index):
		err = r.disk.rename(index+".lock", index)
	default:
		err = r.disk.remove(index + ".lock")
	}
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	r.log.Info("interrupted commit recovered", "ref", j.Ref, "commit", j.New.Short(), "done", done)
	r.clearOwn()
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
	if err != nil || tip == j.New || j.New.IsZero() {
		return err == nil, err
	}
	done, err := r.Ancestor(j.New, tip)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return done, err
}

// completeIndex reports whether the pending index was written to its end.
func (r *Repo) completeIndex(path string) bool {
	raw, err := os.ReadFile(path + ".lock")
	if err != nil || len(raw) < indexHeader+sha1.Size {
		return false
	}
	pending, err := parseIndex(raw)
	if err == nil && pending.unsummed() {
		// Zeros in the place of the checksum: meant so, if the one before has them, too.
		before, readErr := os.ReadFile(path)
		was, parseErr := parseIndex(before)
		if readErr != nil || len(before) == 0 || parseErr != nil || !was.unsummed() {
			err = errIndex
		}
	}
	if err != nil || !bytes.Equal(raw[:4], []byte("DIRC")) {
		r.log.Warn("the index of an interrupted commit was not completed; git status shows its paths as staged",
			"error", err)
		return false
	}
	return true
}

func sameFile(a, b string) bool {
	x, err := os.Lstat(a)
	if err != nil {
		return false
	}
	y, err := os.Lstat(b)
	return err == nil && os.SameFile(x, y)
}
