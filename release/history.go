package release

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/gitstore"
)

// history is the list of a channel's releases that are still listed, and an
// index to it. It is read from commit messages alone, once a process, and then
// kept up to date.
type history struct {
	releases   []listed // oldest first
	chain      int      // where the branch's own chain begins; before it: draft-previous
	byID       map[gitstore.Hash]int
	byRevision map[gitstore.Hash]int // the newest naming it
}

type listed struct {
	id, revision gitstore.Hash
}

func (h *history) append(e listed) {
	h.byID[e.id] = len(h.releases)
	h.byRevision[e.revision] = len(h.releases)
	h.releases = append(h.releases, e)
}

// add lists r, the newest release. When it starts a chain of its own, the chain
// before the last one is no longer listed.
func (h *history) add(r *Release, orphan bool) {
	e := listed{r.ID, r.Revision}
	if !orphan {
		h.append(e)
		return
	}
	*h = *newHistory(h.releases[h.chain:], []listed{e})
}

// newHistory lists an older chain, which may be empty, and the branch's own.
func newHistory(older, own []listed) *history {
	h := &history{
		chain:      len(older),
		byID:       make(map[gitstore.Hash]int),
		byRevision: make(map[gitstore.Hash]int),
	}
	for _, e := range older {
		h.append(e)
	}
	for _, e := range own {
		h.append(e)
	}
	return h
}

// forget makes the next look read the history anew.
func (c *channel) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.history = nil
}

// withHistory calls do with the channel's history, which must not escape.
func (l *Log) withHistory(c *channel, do func(h *history)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.history == nil {
		h, err := l.readHistory(c)
		if err != nil {
			return fmt.Errorf("read history of %s: %w", c.name, err)
		}
		c.history = h
	}
	do(c.history)
	return nil
}

func (l *Log) readHistory(c *channel) (*history, error) {
	now := c.head.Load()
	if now == nil {
		return newHistory(nil, nil), nil
	}
	own, err := l.chain(now.ID)
	if err != nil {
		return nil, err
	}
	if c.name.channel != Draft {
		return newHistory(nil, own), nil
	}
	tip, err := l.repo.Tip(previousRef(c.name))
	if errors.Is(err, gitstore.ErrNotFound) {
		return newHistory(nil, own), nil
	}
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(own, func(e listed) bool { return e.id == tip }) {
		// A cut was begun and not finished: the old chain is still the branch's.
		return newHistory(nil, own), nil
	}
	older, err := l.chain(tip)
	if err != nil {
		return nil, err
	}
	return newHistory(older, own), nil
}

// chain lists the releases from tip to the one without a parent, oldest first.
func (l *Log) chain(tip gitstore.Hash) ([]listed, error) {
	var all []listed
	for commit, err := range l.repo.Log(tip, "") {
		if err != nil {
			return nil, err
		}
		revision, _, err := trailers(commit.Message)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, commit.Hash.Short(), err)
		}
		all = append(all, listed{commit.Hash, revision})
	}
	slices.Reverse(all)
	return all, nil
}

// Find returns a release of a channel by its id, or by a revision: then the
// newest release that names it. Anything else is [ErrNotFound], and
// [ErrUnrelated] when it is a release of another channel.
func (l *Log) Find(project, channel string, id gitstore.Hash) (*Release, error) {
	n := name{project, channel}
	c := (*l.channels.Load())[n]
	if c == nil || c.head.Load() == nil {
		return nil, &hinted{
			fmt.Errorf("%s: %w: it offers nothing yet", n, ErrNotFound),
			fmt.Sprintf("offer something with: anvil publish %s %s", project, channel),
		}
	}
	if h := c.head.Load(); h.ID == id || h.Revision == id {
		return h.Release, nil
	}
	var found gitstore.Hash
	err := l.withHistory(c, func(h *history) {
		i, ok := h.byID[id]
		if !ok {
			i, ok = h.byRevision[id]
		}
		if ok {
			found = h.releases[i].id
		}
	})
	if err != nil {
		return nil, err
	}
	if !found.IsZero() {
		return l.load(n, found)
	}
	if l.isElsewhere(n, id) {
		return nil, fmt.Errorf("%s: %s: %w", n, id.Short(), ErrUnrelated)
	}
	return nil, &hinted{
		fmt.Errorf("%s: %w: no release %s", n, ErrNotFound, id.Short()),
		fmt.Sprintf("list what there is with: anvil releases list %s %s", project, channel),
	}
}

// isElsewhere says whether id is a release of another channel.
func (l *Log) isElsewhere(n name, id gitstore.Hash) bool {
	commit, err := l.repo.CommitAt(id)
	if err != nil {
		return false
	}
	stream, _, _ := strings.Cut(commit.Message, " ")
	return stream != n.String()
}

// History returns the releases of a channel, the newest first: all of them,
// and of draft at least the last thousand.
func (l *Log) History(project, channel string) iter.Seq2[*Release, error] {
	return func(yield func(*Release, error) bool) {
		n := name{project, channel}
		c := (*l.channels.Load())[n]
		if c == nil {
			return
		}
		var ids []gitstore.Hash
		err := l.withHistory(c, func(h *history) {
			for _, e := range slices.Backward(h.releases) {
				ids = append(ids, e.id)
			}
		})
		if err != nil {
			yield(nil, err)
			return
		}
		for _, id := range ids {
			if r, err := l.load(n, id); !yield(r, err) || err != nil {
				return
			}
		}
	}
}

func previousRef(n name) string { return name{n.project, draftPrevious}.ref() }

// cutsHere says whether the next release of c starts a new chain.
func (l *Log) cutsHere(c *channel, now *head) (bool, error) {
	if c.name.channel != Draft || now == nil {
		return false, nil
	}
	var length int
	err := l.withHistory(c, func(h *history) { length = len(h.releases) - h.chain })
	return length >= l.cut, err
}

// keepChain keeps the chain that ends in tip on draft-previous, before the
// branch lets go of it.
func (l *Log) keepChain(n name, tip gitstore.Hash) error {
	ref := previousRef(n)
	old, err := l.repo.Tip(ref)
	if err != nil && !errors.Is(err, gitstore.ErrNotFound) {
		return err
	}
	if old == tip {
		return nil
	}
	return l.repo.SetRef(ref, old, tip)
}
