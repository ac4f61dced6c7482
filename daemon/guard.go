package daemon

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
)

// gitSeen is what git's own state was at the last look. A difference that the
// daemon did not make is somebody using git.
type gitSeen struct {
	branch string // that is checked out; "" while detached
	head   gitstore.Hash
	index  stat
}

// gitView is what git is about.
type gitView struct {
	branch    string // that commits go to
	git       gitSeen
	index     map[string]gitstore.Hash
	local     map[string]bool // git was told to leave the file alone
	indexAt   int64           // when git wrote it
	busy      string
	busySince time.Time
	lock      string    // busy with nothing but this lock of git's
	broken    string    // why git cannot be read; then it is also busy
	quiet     time.Time // nothing is committed before
	elsewhere string    // why the branch checked out is not committed to
	aside     int       // files that wait while it is another one
	nameless  bool      // the fallback author was said
	unnamed   bool      // git knows no author, and none may be made up
}

// refresh looks at git: is the user in the middle of something, has the tip
// moved, did somebody else touch HEAD or the index.
func (d *Daemon) refresh(now time.Time) {
	d.gitAt = now.Add(rescan)
	state, err := d.o.Repo.State()
	d.broken = ""
	if err != nil {
		d.broken = "the repository cannot be read: " + err.Error()
		if d.busy == "" {
			d.busy, d.busySince = "git", now
		}
		d.gitAt = now.Add(d.o.BusyRecheck)
		return
	}
	seen := gitSeen{branch: state.Branch, head: state.Tip, index: d.indexStat()}
	// A lock on the index alone is no sign: git status takes it too. What
	// changed is looked at when it is gone.
	locked := state.Lock == indexLock
	foreign := d.git.branch != seen.branch || d.git.head != seen.head ||
		state.Busy != "" && !locked || d.busy != "" && d.lock != indexLock
	if d.git.index != seen.index && !locked {
		entries, local, err := d.indexBlobs()
		if err != nil {
			state.Busy, d.broken = "git", "git's index cannot be read: "+err.Error()
		} else {
			// git status rewrites the index, but changes no entry.
			if !maps.Equal(entries, d.index) {
				foreign = true
				for _, e := range d.delta {
					e.staged = false
				}
				d.indexAt = seen.index.mtime
			}
			if !maps.Equal(local, d.local) { // other files count as unchanged now
				foreign = true
				d.hints.all, d.scanAt = true, now
			}
			d.index, d.local = entries, local
		}
	}
	if locked || d.broken != "" {
		seen.index = d.git.index // to be read yet
	}
	if state.Busy != "" {
		if d.busy == "" {
			d.busySince = now
		}
		d.gitAt = now.Add(d.o.BusyRecheck)
	}
	if d.unnamed && d.tree != nil {
		_, named := d.author(now, d.tree.Organisation().Commit.Author)
		d.unnamed = !named
		d.gitAt = now.Add(d.o.BusyRecheck)
	}
	d.busy, d.lock, d.git = state.Busy, state.Lock, seen
	if foreign && d.started {
		d.quiet = now.Add(d.o.GitQuiet)
		if d.scanAt.IsZero() || !due(d.scanAt, now) || !d.blind() {
			d.scanAt = d.quiet
		}
		d.judgeAt = now
	}
	// In the middle of a rebase HEAD is anywhere; at the start any tip is
	// better than none.
	if state.Busy == "" || d.tree == nil {
		d.follow(now, state)
	}
}

// indexLock is the lock of git's index.
const indexLock = "index.lock"

// follow takes over the branch and the tip of state.
func (d *Daemon) follow(now time.Time, state gitstore.State) {
	branch, tip := state.Branch, state.Tip
	d.elsewhere = ""
	switch {
	case branch == "" && d.o.Pinned && d.branch == "":
		d.elsewhere = "HEAD is detached: check out the branch to serve"
		return
	case d.o.Pinned && d.branch != "" && branch != d.branch:
		pinned, err := d.o.Repo.Tip(d.branch)
		if err != nil {
			d.elsewhere = fmt.Sprintf("on %s, and %s cannot be read: %v", short(branch), short(d.branch), err)
			return
		}
		d.elsewhere = fmt.Sprintf("on %s, serving %s@%s", short(branch), short(d.branch), pinned.Short())
		branch, tip = d.branch, pinned
	case branch == "":
		d.elsewhere = "HEAD is detached at " + tip.Short() + ": check out a branch"
	}
	if branch != d.branch {
		d.branch = branch
		if d.watch != nil {
			d.hints.merge(hints{all: true, rebuild: "the branch changed"})
		}
	}
	if tip == d.tip && d.tree != nil {
		return
	}
	if err := d.adopt(tip, true); err != nil {
		d.trouble = err.Error()
		d.gitAt = now.Add(d.o.BusyRecheck)
		return
	}
	d.trouble = ""
	if d.started {
		d.o.OnEvent(Event{Kind: EventTip, Commit: tip, Time: now})
		d.o.Logger.Info("tip moved", "branch", short(branch), "tip", tip.Short())
		d.tips.set(tip)
	}
}

// adopt makes tip the one that the folder is compared with. For each path in
// which a foreign one differs from the tip before, it remembers the blob there:
// a file that is not what the new tip has was edited from that.
func (d *Daemon) adopt(tip gitstore.Hash, foreign bool) error {
	tree, err := d.o.Library.At(tip)
	if err != nil {
		return fmt.Errorf("read %s: %w", tip.Short(), err)
	}
	blobs, err := d.o.Library.Blobs(tip)
	if err != nil {
		return fmt.Errorf("read %s: %w", tip.Short(), err)
	}
	if d.tree != nil && foreign {
		if d.moved == nil {
			d.moved = make(map[string]gitstore.Hash)
		}
		for path, blob := range blobs {
			d.leave(path, blob)
		}
		for path := range d.blobs {
			if _, ok := blobs[path]; !ok {
				d.leave(path, gitstore.Hash{})
			}
		}
		for _, e := range d.delta {
			e.overtake()
		}
	}
	d.tip, d.tree, d.blobs = tip, tree, blobs
	return nil
}

// leave notes that somebody else made blob of what is committed at path.
func (d *Daemon) leave(path string, blob gitstore.Hash) {
	old := d.blobs[path]
	if old == blob {
		return
	}
	if _, ok := d.moved[path]; !ok {
		d.moved[path], d.unsaved = old, true
	}
	if e := d.delta[path]; e != nil && e.held == blob {
		return // the author has committed his own text, with git
	}
	if old.IsZero() || blob.IsZero() {
		return
	}
	now := time.Now()
	list := slices.DeleteFunc(d.older[path], func(o older) bool { return o.blob == old || now.Sub(o.at) > olderFor })
	if len(list) == maxOlder {
		list = list[1:]
	}
	d.older[path] = append(list, older{blob: old, at: now})
}

// lastSign is until when to wait at the start, since somebody may have used git
// just before it.
func (d *Daemon) lastSign(now time.Time) time.Time {
	var last time.Time
	for _, name := range []string{"HEAD", "index"} {
		info, err := os.Stat(filepath.Join(d.gitFolders.own, name))
		if err == nil && info.ModTime().After(last) && !info.ModTime().After(now) {
			last = info.ModTime()
		}
	}
	return last.Add(d.o.GitQuiet)
}

// indexStat identifies the index file; zero when there is none.
func (d *Daemon) indexStat() stat {
	info, err := os.Stat(filepath.Join(d.gitFolders.own, "index"))
	if err != nil {
		return stat{}
	}
	return statOf(info)
}

// indexBlobs are the organisation's own files in the index, by its paths. A change
// of other entries is no sign: then no own file was touched either.
func (d *Daemon) indexBlobs() (blobs map[string]gitstore.Hash, local map[string]bool, err error) {
	prefix := d.o.Library.Prefix()
	entries, alone, err := d.o.Repo.IndexBlobs(prefix)
	if err != nil {
		return nil, nil, err
	}
	inside, local := make(map[string]gitstore.Hash, len(entries)), map[string]bool{}
	for full, blob := range entries {
		path := full
		if prefix != "" {
			var ok bool
			if path, ok = strings.CutPrefix(path, prefix+"/"); !ok {
				continue
			}
		}
		if own(path) {
			inside[path] = blob
			if alone[full] {
				local[path] = true
			}
		}
	}
	return inside, local, nil
}

// short is a branch as people say it.
func short(ref string) string {
	if ref == "" {
		return "a detached HEAD"
	}
	return strings.TrimPrefix(ref, "refs/heads/")
}
