package release

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/anvilpeering/anvil/gitstore"
)

// content is the files of a release, sorted by path. Paths are as in the
// release's tree and in its bundle: content/support/triage/a.yaml. It is
// immutable.
type content []file

type file struct {
	path string
	blob gitstore.Hash
}

// difference is one file that differs between two contents; a zero blob is a
// file that is not there.
type difference struct {
	path          string
	before, after gitstore.Hash
}

// compare lists what differs between before and after, sorted by path.
func compare(before, after content) []difference {
	var diff []difference
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && before[0].path < after[0].path:
			diff = append(diff, difference{path: before[0].path, before: before[0].blob})
			before = before[1:]
		case len(before) == 0 || after[0].path < before[0].path:
			diff = append(diff, difference{path: after[0].path, after: after[0].blob})
			after = after[1:]
		default:
			if before[0].blob != after[0].blob {
				diff = append(diff, difference{before[0].path, before[0].blob, after[0].blob})
			}
			before, after = before[1:], after[1:]
		}
	}
	return diff
}

// head is what a channel offers. Its content is read when it is first asked
// for: most channels of a server that has just started are not about to change.
type head struct {
	*Release

	mu      sync.Mutex
	content content
}

func (l *Log) contentOf(h *head) (content, error) {
	if h == nil {
		return nil, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.content == nil {
		c, err := l.walk(h.ID)
		if err != nil {
			return nil, err
		}
		h.content = c
	}
	return h.content, nil
}

// walk lists the files of a release.
func (l *Log) walk(id gitstore.Hash) (content, error) {
	c := make(content, 0, 64)
	for e, err := range l.repo.Walk(id, contentFolder) {
		if err != nil {
			return nil, fmt.Errorf("list files of release %s: %w", id.Short(), err)
		}
		c = append(c, file{e.Path, e.Hash})
	}
	// Git sorts a folder as if its name ended in a slash, which is the order of
	// whole paths, but nobody should have to know.
	if byPath := func(a, b file) int { return strings.Compare(a.path, b.path) }; !slices.IsSortedFunc(c, byPath) {
		slices.SortFunc(c, byPath)
	}
	return c, nil
}

// each calls do for every index below n on all processors, until one fails.
func each(n int, do func(i int) error) error {
	const stride = 64 // a goroutine for each file would cost as much as the file
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for from := 0; from < n; from += stride {
		group.Go(func() error {
			for i := from; i < min(from+stride, n); i++ {
				if err := do(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}
