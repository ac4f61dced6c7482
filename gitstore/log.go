package gitstore

import (
	"fmt"
	"iter"
)

// Log yields the commits that rev reaches, newest first, as `git log` does.
// With a path, only those that changed the file or folder there; where a merge
// took one side's version, only that side is followed. After an error nothing
// more is yielded.
func (r *Repo) Log(rev Hash, path string) iter.Seq2[*Commit, error] {
	return func(yield func(*Commit, error) bool) {
		if rev.IsZero() {
			return
		}
		queue := &newest{}
		seen := map[Hash]bool{}
		add := func(h Hash) error {
			if seen[h] {
				return nil
			}
			seen[h] = true
			c, err := r.CommitAt(h)
			if err == nil {
				queue.add(c)
			}
			return err
		}
		err := add(rev)
		for err == nil && queue.Len() > 0 {
			c := queue.take()
			follow, changed := c.Parents, true
			if path != "" {
				follow, changed, err = r.simplify(c, path)
				if err != nil {
					break
				}
			}
			if changed && !yield(c, nil) {
				return
			}
			for _, p := range follow {
				if err = add(p); err != nil {
					break
				}
			}
		}
		if err != nil {
			yield(nil, fmt.Errorf("read history: %w", err))
		}
	}
}

// simplify says which parents a log of a path follows and whether the commit
// itself changed what is there.
func (r *Repo) simplify(c *Commit, path string) (follow []Hash, changed bool, err error) {
	mine, err := r.nodeAt(c.Tree, path)
	if err != nil {
		return nil, false, err
	}
	if len(c.Parents) == 0 {
		return nil, mine != node{}, nil
	}
	for _, p := range c.Parents {
		parent, err := r.CommitAt(p)
		if err != nil {
			return nil, false, err
		}
		theirs, err := r.nodeAt(parent.Tree, path)
		if err != nil {
			return nil, false, err
		}
		if theirs == mine {
			return []Hash{p}, false, nil
		}
	}
	return c.Parents, true, nil
}

type node struct {
	mode Mode
	hash Hash
}

func (r *Repo) nodeAt(tree Hash, path string) (node, error) {
	e, ok, err := r.entryAt(tree, path)
	if err != nil || !ok {
		return node{}, err
	}
	return node{e.mode, e.hash}, nil
}
