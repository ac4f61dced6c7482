package gitstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

const (
	indexWait = 5 * time.Second // for a user's git add
	refWait   = time.Second     // while we hold the index ourselves
)

// lock is one of git's lock files, held by us: a hard link to a file of ours
// that a crash leaves behind with it, so that it can be told from anybody
// else's.
type lock struct {
	disk *disk
	path string // what is locked, with ".lock"
	held bool
}

// take takes git's lock of a file by linking own to it, which fails while
// somebody else has it. Such a lock is waited for, and never removed.
func (d *disk) take(ctx context.Context, own, file string, patience time.Duration) (*lock, error) {
	l := &lock{disk: d, path: file + ".lock"}
	deadline := time.Now().Add(patience)
	for {
		err := d.link(own, l.path)
		if linksUnsupported(err) {
			err = d.copyNew(own, l.path)
		}
		if err == nil {
			l.held = true
			return l, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("lock %s: %w", file, err)
		}
		if time.Now().After(deadline) {
			return nil, heldLock(l.path)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("lock %s: %w", file, context.Cause(ctx))
		case <-time.After(time.Duration(2+rand.IntN(18)) * time.Millisecond):
		}
	}
}

func heldLock(path string) error {
	since := "a moment ago"
	if info, err := os.Lstat(path); err == nil {
		since = info.ModTime().Format(time.TimeOnly)
	}
	return &hinted{
		err:  busy("%s is held since %s", filepath.Base(path), since),
		hint: "a git command is running in this repository; if none is, one has crashed: then remove " + path,
	}
}

// linksUnsupported reports whether the file system has no hard links.
func linksUnsupported(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.EXDEV) ||
		errors.Is(err, syscall.EMLINK) || errors.Is(err, errors.ErrUnsupported)
}

// copyNew is the lock of a file system without hard links: after a crash it is
// told by its content, see ours.
func (d *disk) copyNew(from, to string) error {
	data, err := d.read(from)
	if err != nil {
		return err
	}
	f, err := d.create(to, data, 0o666)
	if err == nil {
		err = d.settle([]unsynced{{file: f}})
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		_ = d.remove(to)
	}
	return err
}

// rewrite replaces the content of a file in place, so that links to it see it, too, and
// syncs it when the disk does so and it must last.
func (d *disk) rewrite(path string, data []byte, last bool) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	err = d.fill(f, data)
	if err == nil && last {
		return d.settle([]unsynced{{file: f}})
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// commit puts the lock file in the place of the locked one, and so gives up the
// lock.
func (l *lock) commit() error {
	target := l.path[:len(l.path)-len(".lock")]
	if err := l.disk.rename(l.path, target); err != nil {
		return err
	}
	l.held = false
	return nil
}

// release gives up the lock and leaves the locked file as it is. It does
// nothing when the lock is given up already. It reports whether the lock is
// gone.
func (l *lock) release() bool {
	if l == nil || !l.held {
		return true
	}
	l.held = l.disk.remove(l.path) != nil
	return !l.held
}

// processLock is held by the one process that commits; a crash gives it up.
func (r *Repo) processLock(ctx context.Context, patience time.Duration) (*flock.Flock, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, busy("another process of Anvil is committing"))
	defer cancel()
	f := flock.New(filepath.Join(r.ownDir(), "commit.lock"), flock.SetPermissions(0o666))
	if ok, err := f.TryLock(); err == nil && ok {
		// Whoever made the file has shared it; all others may not.
		if err := r.disk.sharing.adjust(f.Path()); err != nil && !errors.Is(err, fs.ErrPermission) {
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", f.Path(), err)
		}
		return f, nil
	}
	if _, err := f.TryLockContext(ctx, 3*time.Millisecond); err != nil {
		_ = f.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("lock %s: %w", f.Path(), err)
	}
	return f, nil
}

// ownDir is the folder of Anvil's own files.
func (r *Repo) ownDir() string { return filepath.Join(r.commonDir, "anvil") }

func (r *Repo) own(name string) string { return filepath.Join(r.ownDir(), name) }
