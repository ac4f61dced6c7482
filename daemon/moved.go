package daemon

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/anvilpeering/anvil/diff3"
	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/prompt"
)

// merged is what a file and the version that was committed since it was edited
// make together. The commit has it, and then the file.
type merged struct {
	content []byte
	from    gitstore.Hash // what the file was edited from
	over    gitstore.Hash // what is committed
}

// mergeMoved merges what was edited from another version than the committed one
// with what was committed since, and holds what cannot be merged, unless what was
// committed is in it already: git has merged it, say in a pull with --autostash, or
// the author has. It stays edited from that other version until it is committed,
// since the next save may come from an editor that does not know.
func (j *judge) mergeMoved(open map[string]*entry) error {
	for path, e := range open {
		e.merged = nil
		head := j.blobs[path]
		base := e.editedFrom(head, j.index)
		guessed := base == head
		if guessed {
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
		conflicts, err := j.merge(e, base, head, guessed)
		if err != nil {
			return err
		}
		switch {
		case e.merged == nil:
			j.holdMoved(e, head, conflicts)
		case e.merged.over == gitstore.BlobHash(e.merged.content):
			j.out.update = append(j.out.update, e) // it was committed with its changes
		default:
			continue
		}
		delete(open, path)
	}
	return nil
}

// holdMoved holds a file that was edited from another version than head.
func (j *judge) holdMoved(e *entry, head gitstore.Hash, conflicts []prompt.Conflict) {
	reason := "the committed version changed since this file was edited"
	switch {
	case len(conflicts) == 1:
		reason += ", in conflict with it: " + conflicts[0].String()
	case len(conflicts) > 1:
		reason += fmt.Sprintf(", in conflict with it: %s (and %d more)", conflicts[0], len(conflicts)-1)
	case head.IsZero():
		reason = "the committed version was removed since this file was edited"
	case e.got.is == missing:
		reason = "the committed version changed since this file was removed"
	}
	j.hold(e, HeldMoved, reason, "see git diff HEAD -- "+e.path+"; when the file is right as it stands: anvil accept "+e.path)
}

// merge merges the file with head, both edited from base. A file that is as base was
// has nothing of its own to bring: whether it is old or meant, only its author
// knows. So it is when base is a guess and all that the file has is committed. What
// the user staged, or git has not put into its index, is not touched.
func (j *judge) merge(e *entry, base, head gitstore.Hash, guessed bool) ([]prompt.Conflict, error) {
	if e.got.is != present || base.IsZero() || head.IsZero() || e.got.hash == base || e.staged || j.index.blobs[e.path] != head {
		return nil, nil
	}
	texts, err := j.texts(e.path, base, head)
	if err != nil || texts == nil {
		return nil, err
	}
	m := prompt.Merge(texts[0], e.got.content, texts[1])
	if len(m.Conflicts) > 0 || guessed && bytes.Equal(m.Content, texts[1]) {
		return m.Conflicts, nil
	}
	e.merged = &merged{m.Content, base, head}
	return nil, nil
}

// stale reports whether a save undoes all of what somebody else has committed to
// the file a while ago: it comes from an editor that was open since before.
func (j *judge) stale(e *entry, head gitstore.Hash) (from gitstore.Hash, stale bool, err error) {
	for _, o := range j.older[e.path] {
		if j.now.Sub(o.at) > olderFor || o.blob == head {
			continue
		}
		over := head
		if !o.over.IsZero() {
			over = o.over
		}
		if stale, err := j.has(e, over, o.blob); stale || err != nil {
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
	texts, err := j.texts(e.path, from, to)
	if err != nil || texts == nil {
		return false, err
	}
	merged, conflicts := diff3.Merge(texts[0], texts[1], e.got.content)
	return len(conflicts) == 0 && bytes.Equal(merged, e.got.content), nil
}

// texts reads blobs of a path; nil when one is gone with a history that was
// rewritten.
func (j *judge) texts(path string, blobs ...gitstore.Hash) ([][]byte, error) {
	texts := make([][]byte, len(blobs))
	for i, blob := range blobs {
		text, err := j.read(blob)
		if errors.Is(err, gitstore.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s as it was: %w", path, err)
		}
		texts[i] = text
	}
	return texts, nil
}
