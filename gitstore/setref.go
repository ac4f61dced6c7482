package gitstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// SetRef moves a ref from old to new by compare-and-swap under git's lock of
// it: old zero creates it, new zero deletes it, ErrMoved when it is elsewhere.
// A branch that is checked out somewhere is refused, because its index and
// files would stay behind: see Commit.
func (r *Repo) SetRef(ref string, old, new Hash) error {
	if err := r.setRef(ref, old, new); err != nil {
		return fmt.Errorf("set %s: %w", ref, err)
	}
	return nil
}

func (r *Repo) setRef(ref string, old, new Hash) error {
	if !validRef(ref) || ref == "HEAD" {
		return fmt.Errorf("%q is no name for a ref", ref)
	}
	if err := r.conflicting(ref); err != nil {
		return err
	}
	settings, err := r.configuration()
	if err != nil {
		return err
	}
	where, err := r.checkedOut(ref, settings, true)
	if err != nil {
		return err
	}
	if where != "" {
		return &hinted{busy("it is checked out in %s", where), "switch to another branch there first"}
	}
	if !new.IsZero() {
		if _, err := r.objects.read(new); err != nil {
			return err
		}
	}
	unlock, err := r.beginCommit(context.Background())
	if err != nil {
		return err
	}
	defer unlock()
	if new.IsZero() {
		return r.deleteRef(ref, old)
	}
	if old == new {
		return r.compare(ref, old)
	}
	who, ok := r.Identity()
	if !ok {
		who.Name, who.Email = "Anvil", "anvil@localhost"
	}
	return r.swap(context.Background(), swap{ref: ref, old: old, new: new, who: who, message: "anvil: set"})
}

// conflicting refuses a ref below or above another: one would be a folder where
// the other is a file.
func (r *Repo) conflicting(ref string) error {
	for dir := filepath.ToSlash(filepath.Dir(ref)); dir != "refs" && dir != "."; dir = filepath.ToSlash(filepath.Dir(dir)) {
		if _, _, err := r.readRef(dir); err == nil {
			return fmt.Errorf("there is a ref %s", dir)
		}
	}
	packed, err := r.packed.read(&r.disk, r.commonDir)
	if err != nil {
		return err
	}
	if len(packed.withPrefix(ref+"/")) > 0 {
		return fmt.Errorf("there are refs below %s", ref)
	}
	return nil
}

// deleteRef takes away the reflog of a ref, its line in packed-refs and its loose
// file, in git's order: a reflog that outlives its ref would be in the way of refs
// below that name.
func (r *Repo) deleteRef(ref string, old Hash) error {
	j, err := r.newJournal(ref, old, Hash{})
	if err == nil {
		err = r.disk.write(r.own(journalFile), j.encode(), 0o666, true)
	}
	if err == nil { // it is never renamed over the ref; what is in it, tells that it is ours
		err = r.disk.write(r.own(ownRef), j.encode(), 0o666, false)
	}
	var l, packed *lock
	if err == nil {
		l, _, err = r.lockRef(context.Background(), ref)
	}
	if err != nil {
		r.clearOwn()
		return err
	}
	defer func() {
		gone := packed.release()
		if l.release() && gone {
			r.clearOwn()
		}
	}()
	if err := r.compare(ref, old); err != nil {
		return err
	}
	if err := r.disk.remove(r.reflogPath(ref)); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNotDir) {
		if info, statErr := os.Stat(r.reflogPath(ref)); statErr != nil || !info.IsDir() { // left from refs below it
			return err
		}
	}
	if packed, err = r.unpackRef(ref, j); err != nil {
		return err
	}
	if err := r.disk.remove(r.refPath(ref)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		if info, statErr := os.Stat(r.refPath(ref)); statErr != nil || !info.IsDir() {
			return err
		}
	}
	return r.disk.syncDir(filepath.Dir(r.refPath(ref)))
}
