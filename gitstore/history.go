package gitstore

import (
	"container/heap"
	"fmt"
)

// newest is a heap of commits, the newest by committer date first; of equally
// old ones the one that came first.
type newest struct {
	items []queued
	count int
}

type queued struct {
	commit *Commit
	order  int
}

func (q *newest) Len() int { return len(q.items) }

func (q *newest) Less(i, j int) bool {
	a, b := q.items[i], q.items[j]
	if at, bt := a.commit.Committer.When.Unix(), b.commit.Committer.When.Unix(); at != bt {
		return at > bt
	}
	return a.order < b.order
}

func (q *newest) Swap(i, j int) { q.items[i], q.items[j] = q.items[j], q.items[i] }
func (q *newest) Push(x any)    { q.items = append(q.items, x.(queued)) }

func (q *newest) Pop() any {
	last := q.items[len(q.items)-1]
	q.items = q.items[:len(q.items)-1]
	return last
}

func (q *newest) add(c *Commit) {
	q.count++
	heap.Push(q, queued{c, q.count})
}

func (q *newest) take() *Commit { return heap.Pop(q).(queued).commit }

// How far two commits' histories were painted.
const (
	paintA     = 1
	paintB     = 2
	paintStale = 4
	paintFound = 8
)

// Bases returns all best common ancestors of two commits, as `git merge-base
// --all` does: none of them is an ancestor of another. Unrelated histories have
// none.
func (r *Repo) Bases(a, b Hash) ([]Hash, error) {
	if a == b {
		return []Hash{a}, nil
	}
	found, _, err := r.paint(a, b)
	if err != nil {
		return nil, fmt.Errorf("find merge base: %w", err)
	}
	// A clock that went backwards may leave one candidate below another.
	var bases []Hash
	for i, x := range found {
		redundant := false
		for j, y := range found {
			if i == j || redundant {
				continue
			}
			if redundant, err = r.Ancestor(x, y); err != nil {
				return nil, err
			}
		}
		if !redundant {
			bases = append(bases, x)
		}
	}
	return bases, nil
}

// Ancestor reports whether a is b or one of the commits that b comes from.
func (r *Repo) Ancestor(a, b Hash) (bool, error) {
	if a == b {
		return true, nil
	}
	_, flags, err := r.paint(a, b)
	if err != nil {
		return false, fmt.Errorf("find ancestor: %w", err)
	}
	return flags[a]&paintB != 0, nil
}

// paint walks down from both commits, newest first, until nothing but the
// ancestors of what both reach is left, and returns what both reach first.
func (r *Repo) paint(a, b Hash) ([]Hash, map[Hash]uint8, error) {
	flags := map[Hash]uint8{a: paintA, b: paintB}
	queue := &newest{}
	from := &ancestry{repo: r}
	for _, h := range []Hash{a, b} {
		c, err := from.commit(h)
		if err != nil {
			return nil, nil, err
		}
		queue.add(c)
	}
	alive := 2 // queued commits that are not stale
	var found []Hash
	for alive > 0 {
		c := queue.take()
		paint := flags[c.Hash] & (paintA | paintB | paintStale)
		if paint&paintStale == 0 {
			alive--
		}
		if paint == paintA|paintB {
			if flags[c.Hash]&paintFound == 0 {
				flags[c.Hash] |= paintFound
				found = append(found, c.Hash)
			}
			paint |= paintStale
		}
		for _, p := range c.Parents {
			old := flags[p]
			if old&paint == paint {
				continue
			}
			parent, err := from.commit(p)
			if err != nil {
				return nil, nil, err
			}
			flags[p] = old | paint
			queue.add(parent)
			if old == 0 {
				if paint&paintStale == 0 {
					alive++
				}
			} else {
				alive = 0
				for _, q := range queue.items {
					if flags[q.commit.Hash]&paintStale == 0 {
						alive++
					}
				}
			}
		}
	}
	best := found[:0]
	for _, h := range found {
		if flags[h]&paintStale == 0 {
			best = append(best, h)
		}
	}
	return best, flags, nil
}
