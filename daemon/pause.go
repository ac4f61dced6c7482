package daemon

import (
	"path/filepath"
	"strings"
	"time"
)

// longBusy is how long git is busy before the status says since when.
const longBusy = 10 * time.Minute

// toldAfter is how long saves wait before people are told why.
const toldAfter = time.Second

// noAuthor says that git would refuse to commit.
const noAuthor = "git knows no user.name and user.email, and user.useConfigOnly lets nobody make them up"

// blocked says why nothing may be committed now, and when to look again.
func (d *Daemon) blocked(now time.Time) (why string, until time.Time) {
	switch {
	case d.gone != "":
		return d.gone, d.rootAt
	case d.broken != "":
		return d.broken, d.gitAt
	case d.busy != "":
		why = "waiting for " + d.busy
		if now.Sub(d.busySince) >= longBusy {
			why += " since " + d.busySince.Format("15:04")
		}
		return why, d.gitAt
	case d.elsewhere != "":
		return d.elsewhere, d.gitAt
	case d.tree == nil:
		return "the tip cannot be read", d.gitAt
	case d.unnamed:
		return noAuthor, d.gitAt
	case d.quiet.After(now):
		return "", d.quiet
	}
	return "", time.Time{}
}

// pause reports whether the folder is not compared with the tip now: it is not
// there, or holds another branch. When that is over everything is looked at.
func (d *Daemon) pause(now time.Time) bool {
	if d.gone == "" && d.elsewhere == "" && d.tree != nil {
		if d.idle {
			d.idle = false
			d.hints.all = true
			d.scanAt = now
		}
		return false
	}
	begins := !d.idle
	d.idle = true
	if d.gone != "" {
		// What is missing with the folder is not missing from it.
		for path, e := range d.delta {
			if e.got.is == missing {
				delete(d.delta, path)
			}
		}
	}
	clear(d.retry)
	d.judgeAt = time.Time{}
	d.hints = hints{all: true, rebuild: d.hints.rebuild}
	if d.watch == nil && d.polling == "" && d.gone == "" {
		d.rewatch(now)
	}
	switch {
	case d.gone != "" || d.tree == nil:
		d.settle.reset()
		d.scanAt, d.aside = time.Time{}, 0
	case begins || d.settle.due(now) || !d.scanAt.IsZero() && due(d.scanAt, now):
		d.survey(now)
	}
	return true
}

// survey counts the files that wait while the folder holds another branch:
// those that are not as git's index has them, and so were not put there by git.
func (d *Daemon) survey(now time.Time) {
	d.settle.reset()
	d.scanAt, d.periodic = time.Time{}, false
	d.rescanAt = now.Add(rescan)
	if d.hints.rebuild != "" {
		d.rewatch(now)
		d.hints.rebuild = ""
	}
	w, err := walk(d.root, d.isProject)
	if err != nil {
		return // checkRoot says why
	}
	d.lastScan, d.aside = now, 0
	for path, info := range w.files {
		if !own(path) {
			continue
		}
		k, ok := d.files[path]
		if !ok || k.stat != statOf(info) || !info.ModTime().Before(now) {
			switch got := capture(d.root, path, minAge, nil); got.is {
			case present:
				k = known{got.stat, got.hash}
				d.files[path] = k
			case moving:
				d.scanAt = now.Add(minAge)
				continue
			default:
				continue
			}
		}
		if k.hash != d.index[path] {
			d.aside++
		}
	}
	for path := range d.index {
		if _, ok := w.files[path]; !ok && w.covers(path) && w.known(project(path)) {
			d.aside++
		}
	}
}

// waiting is the number of changed files that are neither committed nor held.
func (d *Daemon) waiting() int {
	switch {
	case d.gone != "":
		return 0
	case d.elsewhere != "":
		return d.aside
	}
	n := 0
	for p := range d.retry {
		if d.delta[p] == nil {
			n++
		}
	}
	for p, e := range d.delta {
		_, moving := d.retry[p]
		switch {
		case moving:
			n++
		case d.heldPaths[p] || !d.belongs(p):
		case d.busy != "" && d.lock == "" && d.index[p] == e.got.hash:
			// In the middle of a rebase git has put it there, or taken it away.
		default:
			n++
		}
	}
	return n
}

// waits is why saves wait, and what people were told of it.
type waits struct {
	why   string // that which only another reason changes; empty: they do not wait
	since time.Time
	told  string // the last why that people were told and that did not end
}

// due is when people are to be told; ok is false while there is nothing to tell.
func (w *waits) due() (at time.Time, ok bool) {
	return w.since.Add(toldAfter), w.why != "" && w.why != w.told
}

// tell tells people when saves begin to wait for more than a moment, and when
// they go on.
func (d *Daemon) tell(now time.Time) {
	why, text, hint := d.reason()
	if why != d.waits.why {
		d.waits.why, d.waits.since = why, now
		if why != "" {
			d.gitAt = earlier(d.gitAt, now.Add(toldAfter))
		}
	}
	if why == "" {
		if d.waits.told != "" {
			d.waits.told = ""
			d.o.Logger.Info("resumed")
			d.o.OnEvent(Event{Kind: EventResumed, Text: "goes on: saves are committed again", Time: now})
		}
		return
	}
	if at, ok := d.waits.due(); ok && due(at, now) {
		d.waits.told = why
		d.o.Logger.Info("paused", "reason", text)
		d.o.OnEvent(Event{Kind: EventPaused, Text: "paused: " + text, Hint: hint, Time: now})
	}
}

// reason says for people why saves wait; why is empty when they do not, and the
// same as long as the reason is.
func (d *Daemon) reason() (why, text, hint string) {
	switch {
	case d.gone != "":
		return d.gone, d.gone, ""
	case d.broken != "":
		return d.broken, d.broken, ""
	case d.busy != "":
		if d.lock != "" {
			hint = "if no git runs: rm " + d.lockPath()
		}
		return d.busy, "waiting for " + d.busy + "; saves are committed when it ends", hint
	case d.elsewhere != "":
		text = d.elsewhere
		if d.o.Pinned && d.branch != "" {
			text += "; saves are committed when " + short(d.branch) + " is checked out again"
		}
		return "on " + short(d.git.branch), text, ""
	case d.tree == nil:
		return "the tip", "the tip cannot be read: " + d.trouble, ""
	case d.unnamed:
		return noAuthor, noAuthor, `git config user.name "Your Name"; git config user.email you@example.com`
	}
	return "", "", ""
}

// lockPath is where git's lock lies, as seen from the work tree.
func (d *Daemon) lockPath() string {
	name := filepath.Join(d.gitFolders.own, d.lock)
	if inside, ok := strings.CutPrefix(name, d.o.Repo.Root()+string(filepath.Separator)); ok {
		return inside
	}
	return name
}
