package gitstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// swap moves one ref from old to new under git's locks.
type swap struct {
	ref      string
	old, new Hash
	who      Signature
	message  string // of the reflog
	// index makes the new index from the one there is; nil when the ref is not
	// checked out here.
	index func(x *index, spare []byte) (*index, error)
	// objects are those that new consists of: they are written, if need be
	// again, and must be there when it is done.
	objects []newObject
}

// swap is called with the process lock held and the journal recovered. Nothing
// is visible before the ref is renamed, and everything is taken back if it is
// not.
//
// When it returns, these are on the disk, each synced before the next begins:
// the content of the objects, the journal and the file that becomes the ref; the
// names of the objects; the name of the ref. A ref that a power failure leaves is
// therefore one whose objects are whole, on any file system and whatever order
// it writes names in. Not synced are the index, which git rebuilds from the
// commit, and the reflogs.
func (r *Repo) swap(ctx context.Context, s swap) (err error) {
	j, err := r.newJournal(s.ref, s.old, s.new)
	if err != nil {
		return err
	}
	written, err := r.disk.begin(r.own(journalFile), j.encode(), 0o666)
	if err != nil {
		r.clearOwn()
		return fmt.Errorf("write journal: %w", err)
	}
	var index, head, ref *lock
	var made *pendingIndex
	done, replaced := false, false // the ref has moved, and the index
	defer func() {
		// When the ref has moved and the index could not be replaced, the lock
		// of the index stays. A lock that stays needs the journal: whoever
		// commits next goes on from there.
		gone := (!done || replaced) && index.release()
		gone = ref.release() && gone
		gone = head.release() && gone
		if gone {
			r.clearOwn()
		}
	}()
	if made, err = r.writeAhead(s, written); err != nil {
		return r.onBranch(s, err)
	}

	if s.index != nil {
		if index, err = r.lockIndex(ctx, made, s.index); err != nil {
			return r.onBranch(s, err)
		}
		if head, err = r.lockHead(ctx, s.ref); err != nil {
			return err
		}
		if what := r.operation(); what != "" {
			return busy("%s", what)
		}
	}
	if s.index == nil && r.root != "" {
		if head, err = r.lockOtherHead(ctx, s.ref); err != nil {
			return err
		}
	}
	var newFolder bool
	if ref, newFolder, err = r.lockRef(ctx, s.ref); err != nil {
		return err
	}
	if err := r.compare(s.ref, s.old); err != nil {
		return err
	}
	if err := r.writeObjects(s.objects); err != nil { // a gc may have taken them since
		return err
	}
	// As late as can be: git reads HEAD and the index before it takes their locks,
	// and a command that has read what was there before would take our files for
	// changes of the user's, or write the old index back.
	if s.index != nil {
		if what := r.running(); what != "" {
			return busy("%s", what)
		}
	}
	logged := []string{s.ref}
	if s.index != nil {
		logged = append(logged, "HEAD")
	}
	undo, err := r.appendReflogs(logged, reflogLine(s.old, s.new, s.who, s.message))
	if err != nil {
		return err
	}
	if err := r.commitRef(ref, s.ref); err != nil {
		undo()
		return fmt.Errorf("move %s: %w", s.ref, err)
	}
	done = true

	replaced = index == nil
	if index != nil {
		if written := r.replaceIndex(); written != nil {
			replaced = true
			r.outlast()
			index.release() // before the disk is waited for: the user may be, too
			r.keepIndex(made.index, written)
		}
	}
	synced := r.syncRef(s.ref, newFolder)
	if err := r.writeObjects(s.objects); err != nil {
		return err
	}
	return synced
}

// writeAhead brings to disk what needs no lock: the objects, the journal and
// the new ref. The new index is made while the disk is busy.
func (r *Repo) writeAhead(s swap, journal *os.File) (made *pendingIndex, err error) {
	var group errgroup.Group
	if s.index != nil {
		group.Go(func() (err error) {
			made, err = r.makeIndex(s.index)
			return err
		})
	}
	group.Go(func() error {
		files := []unsynced{{file: journal}}
		ref, err := r.disk.begin(r.own(ownRef), []byte(s.new.String()+"\n"), 0o666)
		if err != nil {
			r.disk.abandon(files)
			return fmt.Errorf("write ref: %w", err)
		}
		return r.ensureObjects(s.objects, append(files, unsynced{file: ref})...)
	})
	return made, group.Wait()
}

// replaceIndex puts the new index in its place, under the lock, which stays. When that
// fails, the ref has moved all the same: the lock and the journal stay, and the next
// commit, or the next start, completes it.
func (r *Repo) replaceIndex() fs.FileInfo {
	info, err := os.Lstat(r.own(ownIndex))
	if err == nil {
		err = r.disk.rename(r.own(ownIndex), r.indexPath())
	}
	if err != nil {
		r.log.Warn("index cannot be replaced; git status shows the last commit's paths as staged until the next one", "error", err)
		return nil
	}
	return info
}

// lingering bounds how long the index stays locked for commands that began while the
// branch moved.
const lingering = 250 * time.Millisecond

// outlast keeps the index locked until no git command runs that may have read it before
// it was replaced. Git reads the index before it locks it: such a command would write
// back what it read, or commit it, and undo the commit; it finds the lock and gives up.
func (r *Repo) outlast() {
	for end := time.Now().Add(lingering); r.running() != "" && time.Now().Before(end); {
		time.Sleep(2 * time.Millisecond)
	}
}

// pendingIndex is the new index as it lies beside the journal, and the stat of
// the one that it was made from, nil when there was none.
type pendingIndex struct {
	index *index
	from  fs.FileInfo
}

// makeIndex writes the new index beside the journal.
func (r *Repo) makeIndex(patch func(x *index, spare []byte) (*index, error)) (*pendingIndex, error) {
	old, info, err := r.readIndex()
	if err != nil {
		return nil, err
	}
	patched, err := patch(old, r.indexes.takeSpare())
	if err != nil {
		return nil, err
	}
	mode := fs.FileMode(0o666)
	if info != nil {
		mode = info.Mode().Perm()
	}
	if err := r.disk.write(r.own(ownIndex), patched.raw, mode, false); err != nil {
		return nil, fmt.Errorf("write index: %w", err)
	}
	return &pendingIndex{patched, info}, nil
}

// lockIndex takes index.lock with the new index already in it. Only when the
// index changed while it was made, it is made again under the lock. A lock may
// come with an error.
func (r *Repo) lockIndex(ctx context.Context, made *pendingIndex, patch func(x *index, spare []byte) (*index, error)) (*lock, error) {
	l, err := r.disk.take(ctx, r.own(ownIndex), r.indexPath(), indexWait)
	if err != nil {
		return nil, err
	}
	now, err := os.Stat(r.indexPath())
	if err == nil && sameStat(made.from, now) || made.from == nil && errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	old, _, err := r.readIndex()
	if err == nil {
		if made.index, err = patch(old, nil); err == nil {
			if err = r.disk.rewrite(r.own(ownIndex), made.index.raw, false); err != nil {
				err = fmt.Errorf("write index: %w", err)
			}
		}
	}
	return l, err
}

// lockHead keeps HEAD where it is: git moves it after it has given up the
// index. A lock may come with an error.
func (r *Repo) lockHead(ctx context.Context, ref string) (*lock, error) {
	// The lock never becomes HEAD, so that what is in it is no matter: the
	// journal saves a file.
	l, err := r.disk.take(ctx, r.own(journalFile), filepath.Join(r.gitDir, "HEAD"), refWait)
	if err != nil {
		return nil, err
	}
	_, branch, err := r.readRef("HEAD")
	if err == nil && branch != ref {
		err = notCheckedOut(ref)
	}
	return l, err
}

// onBranch says that the branch is no longer checked out, if so: then the index is that
// of another one, and what is wrong with it says nothing.
func (r *Repo) onBranch(s swap, err error) error {
	if _, branch, headErr := r.readRef("HEAD"); s.index != nil && headErr == nil && branch != s.ref {
		return notCheckedOut(s.ref)
	}
	return err
}

func notCheckedOut(ref string) error {
	return fmt.Errorf("%w: %s is no longer checked out", ErrMoved, ref)
}

// lockOtherHead locks HEAD while a branch moves that is not checked out here: were it
// checked out meanwhile, index and files would stay behind.
func (r *Repo) lockOtherHead(ctx context.Context, ref string) (*lock, error) {
	l, err := r.disk.take(ctx, r.own(journalFile), filepath.Join(r.gitDir, "HEAD"), refWait)
	if err != nil {
		return nil, err
	}
	_, branch, err := r.readRef("HEAD")
	if err == nil && branch == ref {
		err = busy("%s has been checked out", ref)
	}
	return l, err
}

// lockRef takes the lock of a ref, making its folders, and reports whether it
// had to.
func (r *Repo) lockRef(ctx context.Context, ref string) (l *lock, made bool, err error) {
	path := r.refPath(ref)
	for attempt := 0; ; attempt++ {
		if made, err = r.disk.mkdir(filepath.Dir(path)); err != nil {
			return nil, made, fmt.Errorf("lock %s: %w", ref, err)
		}
		l, err = r.disk.take(ctx, r.own(ownRef), path, refWait)
		if err == nil || !errors.Is(err, fs.ErrNotExist) || attempt == 5 {
			return l, made, err // otherwise git took the empty folder away
		}
	}
}

// compare checks, under the lock of the ref, that it is what the caller
// believes.
func (r *Repo) compare(ref string, old Hash) error {
	now, target, err := r.readRef(ref)
	if errors.Is(err, ErrNotFound) {
		now, err = Hash{}, nil
	}
	switch {
	case err != nil:
		return fmt.Errorf("read ref %s: %w", ref, err)
	case target != "":
		return unsupported("commit to "+target+" itself", "%s is a symbolic ref", ref)
	case now != old:
		return fmt.Errorf("%s: %w: it is at %s, not %s", ref, ErrMoved, now.Short(), old.Short())
	}
	return nil
}

// commitRef renames the lock of a ref over it. Where a folder of that name is
// left from a deleted ref, it goes.
func (r *Repo) commitRef(l *lock, ref string) error {
	err := l.commit()
	if err == nil {
		return nil
	}
	if info, statErr := os.Stat(r.refPath(ref)); statErr != nil || !info.IsDir() {
		return err
	}
	removeEmptyFolders(r.refPath(ref))
	return l.commit()
}

func removeEmptyFolders(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() {
			removeEmptyFolders(filepath.Join(dir, e.Name()))
		}
	}
	_ = os.Remove(dir)
}

// syncRef makes the new value of a ref last.
func (r *Repo) syncRef(ref string, made bool) error {
	dir := filepath.Dir(r.refPath(ref))
	for {
		if err := r.disk.syncDir(dir); err != nil {
			return fmt.Errorf("sync %s: %w", ref, err)
		}
		if !made || dir == r.commonDir || dir == r.gitDir {
			return nil
		}
		dir = filepath.Dir(dir)
	}
}
