package daemon

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
)

// update brings a file up to a merge that is committed. Until it is, and when it
// was saved again meanwhile, it stays edited from what it was edited from: the
// next round merges it again.
func (d *Daemon) update(now time.Time, e *entry) {
	m := e.merged
	d.older[e.path] = []older{{blob: m.from, at: now, over: m.over}} // for an editor that does not look again
	if err := d.replace(e, m.content); err != nil {
		pause := d.o.BusyRecheck
		if !errors.Is(err, errSavedMeanwhile) {
			pause = updateRetry
		}
		if again := now.Add(pause); d.judgeAt.IsZero() || again.Before(d.judgeAt) {
			d.judgeAt = again
		}
		if e.stuck != err.Error() {
			e.stuck = err.Error()
			d.o.Logger.Warn("the commit has more than the file, trying again", "path", e.path, "error", err, "pause", pause)
		}
		return
	}
	delete(d.delta, e.path)
	delete(d.parked, e.path)
	delete(d.files, e.path)
	d.unsaved = true
	d.o.Logger.Info("merged", "path", e.path, "content", gitstore.BlobHash(m.content).Short())
	d.o.OnEvent(Event{
		Kind: EventNotice, Paths: []string{e.path}, Time: now,
		Text: e.path + " was merged with what was committed since it was edited, and is up to date",
		Hint: "load it again in the editor",
	})
}

// updateRetry is how long a file is left alone that cannot be written.
const updateRetry = time.Minute

// errSavedMeanwhile: the file is not what was merged.
var errSavedMeanwhile = errors.New("it was saved meanwhile")

// replace puts content in the place of what was captured, at once and with its
// mode. Where the system can swap two files, a save of the same moment is put back.
func (d *Daemon) replace(e *entry, content []byte) (err error) {
	full := filepath.Join(d.root, filepath.FromSlash(e.path))
	if _, ok := parents(d.root, e.path); !ok {
		return errSavedMeanwhile
	}
	mode := e.got.info.Mode().Perm()
	next, err := stage(filepath.Dir(d.edits.name), staged, mode, content)
	if err != nil {
		return err
	}
	defer func() {
		if err := os.Remove(next); err != nil && !errors.Is(err, os.ErrNotExist) {
			d.o.Logger.Warn("a file is left behind", "error", err)
		}
	}()
	if !d.stillIs(full, e) {
		return errSavedMeanwhile
	}
	if err = swap(next, full); errors.Is(err, errors.ErrUnsupported) {
		err = os.Rename(next, full)
		if err != nil { // git's folder may be on another file system
			return d.replaceBeside(full, e, content)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if d.stillIs(next, e) {
		return nil
	}
	if err := swap(next, full); err != nil {
		keep := next
		next = "" // it is the author's text: it is not removed
		return errors.Join(errSavedMeanwhile, errors.New("the text saved last is in "+keep), err)
	}
	return errSavedMeanwhile
}

// replaceBeside does it with a file beside the one that is replaced.
func (d *Daemon) replaceBeside(full string, e *entry, content []byte) error {
	next, err := stage(filepath.Dir(full), ".anvil-", e.got.info.Mode().Perm(), content)
	if err != nil {
		return err
	}
	err = errSavedMeanwhile
	if d.stillIs(full, e) {
		err = os.Rename(next, full)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return nil
}

// stillIs reports whether a file has the content that was captured.
func (d *Daemon) stillIs(name string, e *entry) bool {
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() != int64(len(e.got.content)) {
		return false
	}
	f, err := openFile(name)
	if err != nil {
		return false
	}
	defer f.Close()
	is, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	return err == nil && bytes.Equal(is, e.got.content)
}

// staged begins the names of what is on its way into the folder.
const staged = "merged."

// stage writes a content to a file of its own.
func stage(folder, prefix string, mode os.FileMode, content []byte) (string, error) {
	f, err := os.CreateTemp(folder, prefix+"*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// clearStaged takes away what a kill has left of updates: what is committed, and
// what a file had that was merged. Anything else is a text that was saved at that
// moment, and stays.
func (d *Daemon) clearStaged() {
	names, err := filepath.Glob(filepath.Join(filepath.Dir(d.edits.name), staged+"*"))
	if err != nil {
		return // only for patterns
	}
	known := func(hash gitstore.Hash) bool {
		for _, e := range d.lastEdits {
			if slices.Contains(e.Seen, hash) {
				return true
			}
		}
		_, err := d.o.Library.Read(hash)
		return err == nil
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err == nil && known(gitstore.BlobHash(content)) {
			err = os.Remove(name)
		}
		if err != nil {
			d.o.Logger.Warn("a file is left from an update", "error", err)
		} else if _, err := os.Lstat(name); err == nil {
			d.o.Logger.Warn("a text that was saved during an update is kept", "name", name)
		}
	}
}
