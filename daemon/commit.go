package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/mail"
	"os"
	"os/user"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
)

// commitTimeout bounds one commit, which is milliseconds of work and then
// waiting for other people's locks.
const commitTimeout = 30 * time.Second

// commit makes one commit of entries. When it fails the entries stay in the
// delta, and the next round is set.
func (d *Daemon) commit(now time.Time, out judgement) {
	entries := out.commit
	edits := make([]gitstore.Edit, 0, len(entries))
	source := entries[0].source
	for _, e := range entries {
		edit := gitstore.Edit{
			Path:    path.Join(d.o.Library.Prefix(), e.path),
			Content: e.content(),
			Removed: e.got.is == missing,
			Info:    e.got.info,
		}
		if e.merged != nil {
			edit.Info = nil // that of another content
		}
		edits = append(edits, edit)
		if e.source == sourceStartup || e.source == sourceWatch && source == sourceScan {
			source = e.source
		}
	}
	settings := d.tree.Organisation().Commit
	author, ok := d.author(now, settings.Author)
	if !ok {
		d.unnamed, d.judgeAt, d.gitAt = true, now, now.Add(d.o.BusyRecheck)
		return
	}
	message := message(entries, d.blobs, settings.Prefix, source, len(out.holds))
	// A commit under way is not abandoned because somebody stops the daemon.
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	tip, err := d.o.Repo.Commit(ctx, gitstore.NewCommit{
		Branch:    d.branch,
		WorkTree:  true,
		Tip:       d.tip,
		Edits:     edits,
		Message:   message,
		Author:    author,
		Committer: gitstore.Signature{Name: "Anvil", Email: "anvil@localhost", When: now},
	})
	if err != nil {
		d.commitFailed(now, entries, err)
		return
	}
	d.trouble, d.failures = "", 0
	if err := d.adopt(tip, false); err != nil {
		d.trouble, d.tree, d.gitAt = err.Error(), nil, now
	}
	d.git.head = tip
	d.index = maps.Clone(d.index)
	if d.index == nil {
		d.index = make(map[string]gitstore.Hash) // there was no index yet
	}
	paths := make([]string, 0, len(entries))
	var removed []string
	for _, e := range entries {
		paths = append(paths, e.path)
		d.unsaved = true
		if e.merged != nil {
			d.index[e.path] = gitstore.BlobHash(e.merged.content)
			continue // it has the commit once the file has
		}
		delete(d.delta, e.path)
		delete(d.parked, e.path)
		delete(d.older, e.path) // who saved this has seen what is committed
		if e.got.is == missing {
			removed = append(removed, e.path)
			delete(d.index, e.path)
		} else {
			d.index[e.path] = e.got.hash
		}
	}
	subject, _, _ := strings.Cut(message, "\n")
	d.commits++
	d.lastCommit = &Commit{Hash: tip, Subject: subject, Time: now}
	d.o.Logger.Info("committed", "commit", tip.Short(), "subject", subject, "files", len(entries))
	d.o.OnEvent(Event{Kind: EventCommitted, Paths: paths, Removed: removed, Commit: tip, Subject: subject, Time: now})
	if d.started {
		d.tips.set(tip)
	}
	for _, e := range entries {
		if e.merged != nil {
			d.update(now, e)
		}
	}
}

// commitFailed decides when to try again.
func (d *Daemon) commitFailed(now time.Time, entries []*entry, err error) {
	var staged *gitstore.StagedError
	var converted *gitstore.ConvertedError
	switch {
	case errors.As(err, &converted):
		for _, e := range entries {
			if path.Join(d.o.Library.Prefix(), e.path) == converted.Path {
				e.converted = converted
			}
		}
		d.judgeAt = now.Add(d.jitter())
	case errors.As(err, &staged):
		for _, e := range entries {
			e.staged = slices.Contains(staged.Paths, path.Join(d.o.Library.Prefix(), e.path))
		}
		d.judgeAt = now.Add(d.jitter())
	case errors.Is(err, gitstore.ErrMoved), errors.Is(err, gitstore.ErrBusy):
		d.gitAt = now
		d.judgeAt = now.Add(d.jitter())
	default:
		pause := min(d.o.BusyRecheck<<min(d.failures, 7), time.Minute)
		d.failures++
		d.trouble = "commit: " + err.Error()
		d.judgeAt = now.Add(pause)
		d.o.Logger.Error("commit failed, trying again", "error", err, "files", len(entries), "pause", pause)
		return
	}
	d.o.Logger.Debug("commit put off", "reason", err)
}

// jitter is a short pause that two who wait for the same lock do not share.
func (d *Daemon) jitter() time.Duration {
	d.failures++
	return time.Duration(2+rand.IntN(18)) * time.Millisecond << min(d.failures, 6)
}

// author is who git would say; else who the organisation says; else the
// system's user, unless user.useConfigOnly forbids to make somebody up: then ok
// is false, and git would refuse to commit.
func (d *Daemon) author(now time.Time, configured string) (who gitstore.Signature, ok bool) {
	if s, ok := d.o.Repo.Identity(); ok {
		s.When = now
		return s, true
	}
	if a, err := mail.ParseAddress(configured); err == nil && a.Name != "" {
		return gitstore.Signature{Name: a.Name, Email: a.Address, When: now}, true
	}
	if d.o.Repo.ConfiguredOnly() {
		return gitstore.Signature{}, false
	}
	name := userName()
	s := gitstore.Signature{Name: name, Email: name + "@" + host(), When: now}
	if !d.nameless {
		d.nameless = true
		d.o.OnEvent(Event{
			Kind: EventNotice, Time: now,
			Text: fmt.Sprintf("git knows no user.name: commits are by %s <%s>", s.Name, s.Email),
			Hint: `git config --global user.name "Your Name"; git config --global user.email you@example.com`,
		})
	}
	return s, true
}

// tellSkipped says once what git would do at a commit and is not done here.
func (d *Daemon) tellSkipped(now time.Time) {
	signature, hooks, err := d.o.Repo.Skipped()
	if err != nil {
		d.o.Logger.Warn("cannot tell which hooks there are", "error", err)
		return
	}
	if signature {
		d.o.OnEvent(Event{
			Kind: EventNotice, Time: now,
			Text: "commit.gpgsign is set, but the commits made here are not signed",
			Hint: "where signatures are asked for, bring the branch there as a merge or a squash by git, which signs it",
		})
	}
	if len(hooks) > 0 {
		d.o.OnEvent(Event{
			Kind: EventNotice, Time: now,
			Text: "the commits made here run no hooks: " + strings.Join(hooks, ", "),
			Hint: "let what they check be checked where the branch is pushed to",
		})
	}
}

func userName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		// Windows says DOMAIN\user.
		return u.Username[strings.LastIndexByte(u.Username, '\\')+1:]
	}
	return "anvil"
}

func host() string {
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "localhost"
}
