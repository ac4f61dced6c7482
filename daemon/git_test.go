package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/daemon"
	"github.com/anvilpeering/anvil/gitstore"
)

func (w *world) gitWith(env []string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimRight(string(out), "\n")
}

func (w *world) lastTip() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.tips) == 0 {
		return ""
	}
	return w.tips[len(w.tips)-1].String()
}

func (w *world) awaitTip(want string) {
	w.t.Helper()
	w.eventually("the tip "+want+" is handed on", func() bool { return w.lastTip() == want })
}

func TestTipIsHandedOn(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	w.awaitTip(w.head())
	w.write(reply, good("edited"))
	w.awaitCommitted(reply)
	w.awaitTip(w.head())
	// The user's own commit, of a file that is not even a prompt.
	w.must(os.WriteFile(w.dir+"/README.md", []byte("hello\n"), 0o666))
	w.git("add", "README.md")
	w.git("commit", "-qm", "by hand")
	w.awaitTip(w.head())
	if w.count(daemon.EventTip) != 1 {
		t.Errorf("events:%s", w.told())
	}
	w.git("commit", "-q", "--amend", "-m", "by hand, amended")
	w.awaitTip(w.head())
}

func TestTipIsTriedAgain(t *testing.T) {
	w := newWorld(t, "")
	calls := 0
	handed := make(chan gitstore.Hash, 10)
	w.o.OnTip = func(_ context.Context, tip gitstore.Hash) error {
		if calls++; calls < 4 {
			return errors.New("not now")
		}
		handed <- tip
		return nil
	}
	w.launch()
	w.eventually("the trouble is told", func() bool { return strings.Contains(w.d.Status().Trouble, "not now") })
	if w.d.Status().Ready {
		t.Error("ready before a tip was handed on")
	}
	if got := <-handed; got.String() != w.head() {
		t.Errorf("handed on %s", got)
	}
	w.eventually("the daemon is ready", func() bool { s := w.d.Status(); return s.Ready && s.Trouble == "" })
}

func TestStartupCommitsWhatChangedMeanwhile(t *testing.T) {
	w := newWorld(t, "")
	w.write(reply, good("while nobody watched"))
	w.remove("support/triage/classify.yaml")
	w.start()
	w.awaitCommitted(reply, "support/triage/classify.yaml")
	w.rest()
	if got := w.git("log", "-1", "--format=%(trailers:key=Anvil-Source,valueonly)"); strings.TrimSpace(got) != "startup" {
		t.Errorf("Anvil-Source: %q", got)
	}
}

func TestAuthorAndCommitter(t *testing.T) {
	t.Run("git's", func(t *testing.T) {
		w := newWorld(t, "")
		w.start()
		w.write(reply, good("edited"))
		w.awaitCommitted(reply)
		if got := w.git("log", "-1", "--format=%an <%ae>|%cn <%ce>"); got != "Ada <ada@example.com>|Anvil <anvil@localhost>" {
			t.Errorf("author and committer: %s", got)
		}
	})
	t.Run("the organisation's", func(t *testing.T) {
		w := newWorld(t, "")
		w.write("anvil.yaml", "organisation: acme\nformat: 1\ncommit:\n  author: Prompt Team <prompts@example.com>\n  prefix: \"prompts:\"\n")
		w.git("commit", "-qam", "settings")
		w.git("config", "--unset", "user.name")
		w.git("config", "--unset", "user.email")
		w.start()
		w.write(reply, good("edited"))
		w.awaitCommitted(reply)
		if got := w.git("log", "-1", "--format=%an <%ae>|%s"); got != "Prompt Team <prompts@example.com>|prompts: update support/triage/reply" {
			t.Errorf("author and subject: %s", got)
		}
	})
	t.Run("the system's", func(t *testing.T) {
		w := newWorld(t, "")
		w.git("config", "--unset", "user.name")
		w.git("config", "--unset", "user.email")
		w.start()
		w.write(reply, good("edited"))
		w.awaitCommitted(reply)
		w.write(reply, good("edited again"))
		w.awaitCommitted(reply)
		if got := w.git("log", "-1", "--format=%an <%ae>"); strings.HasPrefix(got, " ") || !strings.Contains(got, "@") {
			t.Errorf("author: %s", got)
		}
		if said := w.count(daemon.EventNotice); said != 1 {
			t.Errorf("the fallback was said %d times", said)
		}
	})
	t.Run("nobody", func(t *testing.T) {
		w := newWorld(t, "")
		w.git("config", "--unset", "user.name")
		w.git("config", "user.useConfigOnly", "true")
		w.start()
		before := w.head()
		w.write(reply, good("edited"))
		if out, err := w.tryGit("commit", "--allow-empty", "-m", "m"); err == nil || !strings.Contains(out, "no name was given") {
			t.Fatalf("git commits all the same: %v, %s", err, out)
		}
		w.eventually("the reason is told", func() bool { return w.count(daemon.EventPaused) == 1 })
		if s := w.d.Status(); !strings.Contains(s.Paused, "useConfigOnly") || s.Waiting != 1 || w.head() != before {
			t.Errorf("status: %+v", s)
		}
		w.git("config", "user.name", "Ada")
		w.awaitCommitted(reply)
		w.eventually("the end is told", func() bool { return w.count(daemon.EventResumed) == 1 })
	})
}

// TestUnborn begins in a repository without a commit.
func TestUnborn(t *testing.T) {
	w := newWorld(t, "")
	w.git("update-ref", "-d", "HEAD")
	w.git("rm", "-r", "-q", "--cached", ".")
	w.start()
	w.awaitCommitted("anvil.yaml", reply)
	w.rest()
	if got := w.git("rev-list", "--count", "HEAD"); got != "1" {
		t.Errorf("%s commits, want 1", got)
	}
}

// TestMergeInProgress: nothing is committed in the middle of it.
func TestMergeInProgress(t *testing.T) {
	w := newWorld(t, "")
	w.git("checkout", "-qb", "other")
	w.write(reply, good("theirs"))
	w.git("commit", "-qam", "theirs")
	w.git("checkout", "-q", "main")
	w.write(reply, good("ours"))
	w.git("commit", "-qam", "ours")
	w.start()
	before := w.head()
	if out, err := w.tryGit("merge", "other"); err == nil {
		t.Fatalf("the merge has no conflict: %s", out)
	}
	w.eventually("the daemon waits", func() bool { return strings.Contains(w.d.Status().Paused, "merge") })
	w.write("support/triage/classify.yaml", good("saved in the middle"))
	w.write(reply, good("resolved"))
	w.awaitWaiting(2)
	if w.head() != before {
		t.Fatal("committed in the middle of a merge")
	}
	w.git("add", reply)
	w.git("commit", "-qm", "merged")
	if got := w.git("log", "-1", "--format=%s"); got != "merged" {
		t.Fatalf("the merge's commit is %s", got)
	}
	w.awaitCommitted("support/triage/classify.yaml", reply)
	if got := w.git("rev-list", "--count", "--merges", "HEAD"); got != "1" {
		t.Errorf("%s merges", got)
	}
}

// TestRebase: a rebase that stops, and goes on, finds its files as it left them.
func TestRebase(t *testing.T) {
	w := newWorld(t, "")
	w.git("checkout", "-qb", "topic")
	w.write(reply, good("topic"))
	w.git("commit", "-qam", "topic")
	w.git("checkout", "-q", "main")
	w.write(reply, good("main"))
	w.git("commit", "-qam", "main")
	w.git("checkout", "-q", "topic")
	w.start()
	if out, err := w.tryGit("rebase", "main"); err == nil {
		t.Fatalf("the rebase has no conflict: %s", out)
	}
	w.eventually("the daemon waits", func() bool { return strings.Contains(w.d.Status().Paused, "rebase") })
	w.write(reply, good("both"))
	w.awaitWaiting(1)
	w.git("add", reply)
	w.gitWith([]string{"GIT_EDITOR=true"}, "rebase", "--continue")
	w.eventually("the daemon goes on", func() bool { return w.d.Status().Paused == "" })
	w.awaitTip(w.head())
	w.rest()
	if got := w.git("log", "--format=%s", "-3"); got != "topic\nmain\nbegin" {
		t.Errorf("history: %s", got)
	}
}

// TestCheckout switches between branches while edits come in. No commit on one
// branch may contain what only the other had.
func TestCheckout(t *testing.T) {
	w := newWorld(t, "")
	w.git("checkout", "-qb", "other")
	for i := range 50 {
		w.write(fmt.Sprintf("support/many/p%02d.yaml", i), good(fmt.Sprint("other ", i)))
	}
	w.git("add", ".")
	w.git("commit", "-qm", "other's")
	w.git("checkout", "-q", "main")
	for i := range 50 {
		w.write(fmt.Sprintf("support/many/p%02d.yaml", i), good(fmt.Sprint("main ", i)))
	}
	w.git("add", ".")
	w.git("commit", "-qm", "main's")
	w.start()
	for i := range 6 {
		branch := []string{"other", "main"}[i%2]
		w.git("checkout", "-q", branch)
		w.eventually("the daemon is on "+branch, func() bool { return w.d.Status().Branch == "refs/heads/"+branch })
		if i%3 == 2 {
			continue // and away again at once
		}
		path := fmt.Sprintf("support/edits/%s%d.yaml", branch, i)
		w.write(path, good(branch))
		w.awaitCommitted(path)
	}
	w.rest()
	for branch, foreign := range map[string]string{"main": "other", "other": "main"} {
		if out, err := w.tryGit("grep", "-l", "^  "+foreign+" [0-9]", branch, "--", "support"); err == nil {
			t.Errorf("%s contains what only %s had:\n%s", branch, foreign, out)
		}
		for line := range strings.SplitSeq(w.git("ls-tree", "-r", "--name-only", branch), "\n") {
			if strings.HasPrefix(line, "support/edits/"+foreign) {
				t.Errorf("%s contains %s", branch, line)
			}
		}
	}
}

func TestPinned(t *testing.T) {
	w := newWorld(t, "")
	w.git("branch", "feature")
	w.o.Pinned = true
	w.start()
	main := w.head()
	w.git("checkout", "-q", "feature")
	w.eventually("the daemon pauses", func() bool { return strings.HasPrefix(w.d.Status().Paused, "on feature, serving main@"+main[:7]) })
	w.write(reply, good("on feature"))
	w.awaitWaiting(1)
	if w.head() != main {
		t.Fatal("committed on another branch")
	}
	w.git("commit", "-qam", "by hand, on feature")
	w.awaitWaiting(0)
	if got := w.lastTip(); got != main {
		t.Errorf("handed on %s, which is not main's tip", got)
	}
	w.git("checkout", "-q", "main")
	w.eventually("the daemon goes on", func() bool { return w.d.Status().Paused == "" })
	w.write(reply, good("on main"))
	w.awaitCommitted(reply)
	w.awaitTip(w.head())
	if got := w.git("rev-parse", "HEAD^"); got != main {
		t.Errorf("main's history: %s", w.git("log", "--oneline", "--all", "--graph"))
	}
}

func TestDetachedHead(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	before := w.head()
	w.git("checkout", "-q", "--detach")
	w.eventually("the daemon pauses", func() bool { return strings.Contains(w.d.Status().Paused, "detached") })
	w.write(reply, good("while detached"))
	w.awaitWaiting(1)
	if w.head() != before {
		t.Fatal("committed to a detached HEAD")
	}
	w.git("checkout", "-q", "main")
	w.awaitCommitted(reply)
}

// TestForeignLock: a lock is waited for, and never taken away.
func TestForeignLock(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	before := w.head()
	lock := w.dir + "/.git/index.lock"
	w.must(os.WriteFile(lock, nil, 0o666))
	w.write(reply, good("under a lock"))
	w.eventually("the daemon waits", func() bool { return strings.Contains(w.d.Status().Paused, "index.lock") })
	w.awaitWaiting(1)
	if w.head() != before {
		t.Fatal("committed under somebody's lock")
	}
	w.must(os.Remove(lock))
	w.awaitCommitted(reply)
}

// TestStagingElsewhereStays stages files that are none of the organisation's,
// and a rename of those.
func TestStagingElsewhereStays(t *testing.T) {
	w := newWorld(t, "prompts")
	w.must(os.WriteFile(w.dir+"/code.go", []byte("package code\n"), 0o666))
	w.git("add", "code.go")
	w.git("commit", "-qm", "code")
	w.git("mv", "code.go", "coded.go")
	w.must(os.WriteFile(w.dir+"/new.go", []byte("package code\n"), 0o666))
	w.git("add", "new.go")
	staged := w.git("diff", "--cached", "--name-status")
	w.status = []string{"D  code.go", "A  coded.go", "A  new.go"}
	w.start()
	w.write(reply, good("edited"))
	w.awaitCommitted(reply)
	// git's index follows the branch within the same commit, a moment later.
	w.eventually("the same is staged as before", func() bool { return w.git("diff", "--cached", "--name-status") == staged })
	if got := w.git("show", "--name-only", "--format=", "HEAD"); got != "prompts/"+reply {
		t.Errorf("committed: %s", got)
	}
}

// TestStashResetPull leaves the folder to git, which knows what it does.
func TestStashResetPull(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	before := w.head()
	upstream := t.TempDir()
	w.git("clone", "-q", ".", upstream)
	w.write(reply, bad("held"))
	w.awaitHeld(reply, daemon.HeldProblems)
	w.git("stash", "-q")
	w.awaitNoHolds()
	w.git("stash", "pop", "-q")
	w.awaitHeld(reply, daemon.HeldProblems)
	w.git("reset", "-q", "--hard")
	w.awaitNoHolds()
	w.rest()
	if w.head() != before {
		t.Fatalf("something was committed:\n%s", w.git("log", "--stat"))
	}
	other := exec.Command("git", "-c", "user.name=Eve", "-c", "user.email=eve@example.com", "commit", "-qam", "theirs")
	other.Dir = upstream
	w.must(os.WriteFile(upstream+"/"+reply, []byte(good("pulled")), 0o666))
	if out, err := other.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	w.git("pull", "-q", "--ff-only", upstream, "main")
	w.awaitTip(w.head())
	w.write(reply, good("and edited"))
	w.awaitCommitted(reply)
	w.rest()
	if n := w.commits(before); n != 2 {
		t.Errorf("%d commits, want 2\n%s", n, w.git("log", "--stat"))
	}
}

// TestGitInALoop saves while git is used without a pause.
func TestGitInALoop(t *testing.T) {
	w := newWorld(t, "prompts")
	w.start()
	before := w.head()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if out, err := w.tryGit("status", "--porcelain"); err != nil {
				t.Errorf("git status: %v\n%s", err, out)
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	for i := range 5 {
		w.write(reply, good(fmt.Sprint("round ", i)))
		w.awaitCommitted(reply)
	}
	close(stop)
	<-done
	if n := w.commits(before); n != 5 {
		t.Errorf("%d commits, want 5", n)
	}
}

// TestLinkedWorktree watches a work tree whose .git is a file.
func TestLinkedWorktree(t *testing.T) {
	w := newWorld(t, "")
	linked := t.TempDir() + "/linked"
	w.git("worktree", "add", "-q", "-b", "linked", linked)
	w.dir, w.root = linked, linked
	w.start()
	w.write(reply, good("in a linked work tree"))
	w.awaitCommitted(reply)
	w.git("commit", "-q", "--allow-empty", "-m", "by hand")
	w.awaitTip(w.head())
	if got := w.git("branch", "--show-current"); got != "linked" {
		t.Errorf("on %s", got)
	}
}

func TestPackedRefsAndGC(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	w.git("gc", "-q", "--prune=now")
	w.write(reply, good("after gc"))
	w.awaitCommitted(reply)
	w.git("pack-refs", "--all")
	w.write(reply, good("after pack-refs"))
	w.awaitCommitted(reply)
}

func TestSecondDaemonIsRefused(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	repo, err := gitstore.Open(w.dir, gitstore.Options{})
	w.must(err)
	defer repo.Close()
	_, err = daemon.Open(daemon.Options{Root: w.root, Repo: repo, Library: w.library(repo)})
	var running *daemon.RunningError
	if !errors.As(err, &running) || running.PID != os.Getpid() || running.Root != w.root {
		t.Errorf("a second daemon: %v", err)
	}
}

// TestStop: what was saved before the stop is committed, then or at the next
// start, once.
func TestStop(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	w.write(reply, good("saved, then stopped"))
	time.Sleep(w.o.Quiet / 2)
	w.stop()
	w.start()
	w.awaitCommitted(reply)
	if got := w.git("rev-list", "--count", "HEAD"); got != "2" {
		t.Errorf("history:\n%s", w.git("log", "--oneline"))
	}
}

// TestWhatGitWouldDoBesides: hooks are not run and nothing is signed, which is
// said once.
func TestWhatGitWouldDoBesides(t *testing.T) {
	w := newWorld(t, "")
	hook := filepath.Join(w.dir, ".git", "hooks", "pre-commit")
	w.must(os.MkdirAll(filepath.Dir(hook), 0o755))
	w.must(os.WriteFile(hook, []byte("#!/bin/sh\nexit 1\n"), 0o755))
	w.git("config", "commit.gpgsign", "true")
	w.start()
	w.write(reply, good("edited"))
	w.awaitCommitted(reply)
	if said := w.count(daemon.EventNotice); said != 2 {
		t.Errorf("%d notices, want 2", said)
	}
}

// TestUnreadableTip: a branch whose commit is gone is not one without commits.
func TestUnreadableTip(t *testing.T) {
	w := newWorld(t, "")
	tip := w.head()
	object := filepath.Join(w.dir, ".git", "objects", tip[:2], tip[2:])
	w.must(os.Rename(object, object+".away"))
	w.launch()
	w.eventually("the daemon says that the tip cannot be read", func() bool {
		s := w.d.Status()
		return s.Paused == "the tip cannot be read" && s.Tip.String() == tip && s.Branch == "refs/heads/main"
	})
	w.must(os.Rename(object+".away", object))
	w.write(reply, good("edited"))
	w.awaitCommitted(reply)
}
