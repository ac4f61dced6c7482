package daemon

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/anvilpeering/anvil/diff3"
	"github.com/anvilpeering/anvil/gitstore"
)

// holdMoved holds what was edited from another version than the committed one,
// unless what was committed since is in it: git has merged it, say in a pull with
// --autostash, or the author has. It stays edited from that other version until it
// is committed, since the next save may come from an editor that does not know.
func (j *judge) holdMoved(open map[string]*entry) error {
	for path, e := range open {
		head := j.blobs[path]
		base := e.editedFrom(head, j.index)
		if base == head {
			from, stale, err := j.stale(e, head)
			if err != nil {
				return err
			}
			if !stale {
				continue
			}
			base = from
		}
		j.out.moved = append(j.out.moved, movedEntry{e, base})
		overtaken, err := j.has(e, base, head)
		if err != nil {
			return err
		}
		if overtaken {
			continue
		}
		reason := "the committed version changed since this file was edited"
		switch {
		case head.IsZero():
			reason = "the committed version was removed since this file was edited"
		case e.got.is == missing:
			reason = "the committed version changed since this file was removed"
		}
		j.hold(e, HeldMoved, reason, "see git diff HEAD -- "+path+"; when the file is right as it stands: anvil accept "+path)
		delete(open, path)
	}
	return nil
}

// stale reports whether a save undoes all of what somebody else has committed to
// the file a while ago: it comes from an editor that was open since before.
func (j *judge) stale(e *entry, head gitstore.Hash) (from gitstore.Hash, stale bool, err error) {
	for _, o := range j.older[e.path] {
		if j.now.Sub(o.at) > olderFor || o.blob == head {
			continue
		}
		if stale, err := j.has(e, head, o.blob); stale || err != nil {
			return o.blob, stale, err
		}
	}
	return gitstore.Hash{}, false, nil
}

// has reports whether the file has in it every change that leads from one blob to
// another: merging them into it would change nothing.
func (j *judge) has(e *entry, from, to gitstore.Hash) (bool, error) {
	if e.got.is != present || from.IsZero() || to.IsZero() {
		return false, nil
	}
	var texts [2][]byte
	for i, blob := range []gitstore.Hash{from, to} {
		text, err := j.read(blob)
		if errors.Is(err, gitstore.ErrNotFound) {
			return false, nil // its history was rewritten, and it is gone
		}
		if err != nil {
			return false, fmt.Errorf("read %s as it was: %w", e.path, err)
		}
		texts[i] = text
	}
	merged, conflicts := diff3.Merge(texts[0], texts[1], e.got.content)
	return len(conflicts) == 0 && bytes.Equal(merged, e.got.content), nil
}
