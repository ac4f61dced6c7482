package gitstore

import (
	"errors"
	"fmt"
	"time"
)

// AsOf returns the commit that was in force on a ref at a time: the one that it
// pointed at, as far back as its reflog goes, which is what `git rev-parse
// 'main@{DATE}'` says. So a commit that was amended away or pulled over counts
// for the time in which it was the tip, and one that was pulled counts from the
// pull and not from its date. For HEAD that is what was checked out.
//
// Before that, and where there is no reflog (a bare repository, a fresh clone),
// it is the newest commit of the first-parent line, from the oldest value known,
// whose committer date is not later, as `git rev-list -1 --first-parent
// --before=DATE` says: the branches that were merged count from their merge.
// Dates are taken as they were written: a commit made under a clock that was
// behind counts from the time that it claims, one under a clock that was ahead
// only when that time has come. Git's times are whole seconds, and what happened
// within the second of at has happened.
//
// ErrNotFound when there is no such ref, or when nothing was committed yet. A
// commit that the reflog names and a gc has taken away is ErrNotFound as well.
func (r *Repo) AsOf(ref string, at time.Time) (Hash, error) {
	h, err := r.asOf(ref, at)
	if err != nil {
		return Hash{}, fmt.Errorf("find what %s was at %s: %w", ref, at.Format(time.RFC3339), err)
	}
	return h, nil
}

func (r *Repo) asOf(ref string, at time.Time) (Hash, error) {
	tip, err := r.Tip(ref)
	if err != nil {
		return Hash{}, err
	}
	oldest, first := tip, true // the value before the entries seen
	for e, err := range r.readReflog(r.loggedAs(ref)) {
		if errors.Is(err, ErrNotFound) {
			break
		}
		if err != nil {
			return Hash{}, err
		}
		if e.When.Unix() <= at.Unix() {
			switch {
			case first:
				return r.peel(tip) // moved since by somebody who writes no reflog, if at all
			case e.New.IsZero(): // deleted, and not made anew until later
				return Hash{}, fmt.Errorf("it was deleted: %w", ErrNotFound)
			}
			return r.peel(e.New)
		}
		first, oldest = false, e.Old
		if oldest.IsZero() {
			oldest = e.New // the first value that it had here
		}
	}
	if oldest, err = r.peel(oldest); err != nil {
		return Hash{}, err
	}
	return r.firstParentAt(oldest, at)
}

// loggedAs returns the ref that the reflog of a ref is under: of a symbolic ref
// that has none of its own, the one that it stands for.
func (r *Repo) loggedAs(ref string) string {
	name := ref
	for range symrefDepth {
		if exists(r.reflogPath(name)) {
			return name
		}
		_, target, err := r.readRef(name)
		if err != nil || target == "" {
			break
		}
		name = target
	}
	return ref
}

// firstParentAt follows first parents to the first commit that is not later
// than at.
func (r *Repo) firstParentAt(tip Hash, at time.Time) (Hash, error) {
	for h := tip; ; {
		c, err := r.CommitAt(h)
		if err != nil {
			return Hash{}, err
		}
		if c.Committer.When.Unix() <= at.Unix() {
			return h, nil
		}
		if len(c.Parents) == 0 {
			return Hash{}, fmt.Errorf("nothing was committed yet: %w", ErrNotFound)
		}
		h = c.Parents[0]
	}
}
