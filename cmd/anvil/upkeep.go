package main

import (
	"context"
	"errors"
	"log/slog"
	"os/exec"
	"time"

	"github.com/anvilpeering/anvil/daemon"
	"github.com/anvilpeering/anvil/gitstore"
)

// upkeep has git pack what saves and releases leave behind: seldom, and while
// nobody is working.
type upkeep struct {
	first time.Duration // of running, before the first look
	every time.Duration // between two looks
	again time.Duration // between two looks whether there is idleness
	idle  func() bool
	repos []*gitstore.Repo
	log   *slog.Logger
}

// upkeepOf is the upkeep of the repository that a daemon watches, and of others
// that grow with it.
func upkeepOf(d *daemon.Daemon, log *slog.Logger, repos ...*gitstore.Repo) upkeep {
	return upkeep{
		first: 10 * time.Minute,
		every: time.Hour,
		again: time.Minute,
		idle:  func() bool { return isIdle(d.Status(), time.Now()) },
		repos: repos,
		log:   log,
	}
}

// isIdle reports whether nobody saves and nobody is in the middle of something
// with git.
func isIdle(s *daemon.Status, now time.Time) bool {
	return s.Ready && s.Paused == "" && s.Waiting == 0 &&
		(s.LastCommit == nil || now.Sub(s.LastCommit.Time) >= time.Minute)
}

// run looks after the repositories until ctx ends. What fails is logged, and
// tried again at the next look; without git there is none.
func (u upkeep) run(ctx context.Context) error {
	for wait := u.first; ; {
		if !pause(ctx, wait) {
			return nil
		}
		if wait = u.again; !u.idle() {
			continue
		}
		for _, repo := range u.repos {
			switch err := repo.Maintain(ctx); {
			case err == nil:
			case ctx.Err() != nil:
				return nil
			case errors.Is(err, exec.ErrNotFound):
				u.log.Warn("repositories are not packed and grow", "error", err, "hint", hintOf(err))
				return nil
			default:
				u.log.Warn("repository is not packed", "error", err)
			}
		}
		wait = u.every
	}
}

// pause reports whether d has passed before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
