//go:build soak

package gitstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// soakTime is how long a soak runs: ANVIL_SOAK, else the short form.
func soakTime(t *testing.T) time.Duration {
	text := os.Getenv("ANVIL_SOAK")
	if text == "" {
		return 40 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("ANVIL_SOAK: %v", err)
	}
	return d
}

// soakSeed is ANVIL_SEED, else a new one. Each actor draws from a source of its
// own, so that a seed gives each the same choices again; how they interleave is
// the machine's.
func soakSeed(t *testing.T) uint64 {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("ANVIL_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("ANVIL_SEED: %v", err)
		}
	}
	t.Logf("ANVIL_SEED=%d", seed)
	return seed
}

// A user works with git without a pause, and somebody maintains the repository,
// while two processes' worth of Anvil commit what is saved below ours-0 and
// ours-1, and readers read. Every few seconds all stop, and what is there is
// held against what was said.
func TestSoakShared(t *testing.T) {
	s := newShared(t, soakSeed(t))
	end := time.Now().Add(soakTime(t))
	for rounds := 0; time.Now().Before(end) && !t.Failed(); rounds++ {
		until := time.Now().Add(6 * time.Second)
		var group sync.WaitGroup
		for _, actor := range s.actors {
			group.Go(func() {
				for time.Now().Before(until) && !t.Failed() {
					actor()
				}
			})
		}
		group.Wait()
		s.inspect()
	}
	for _, c := range s.committers {
		c.flush()
	}
	s.inspect()
	s.report()
}

// shared is a work tree that several work in, and what each was told.
type shared struct {
	*work
	seed       uint64
	user       *user
	committers []*committer
	actors     []func()
	seen       map[string]bool // commits that were inspected

	mu      sync.Mutex
	told    map[string]bool // subjects of commits that somebody was told are made
	made    map[Hash]made   // of those made here
	done    map[string]int
	refused map[string]int
}

// made is a commit of ours as it was acknowledged.
type made struct {
	branch  string
	parent  Hash
	content map[string]Hash // by path; zero where it was removed
}

func newShared(t *testing.T, seed uint64) *shared {
	s := &shared{
		work: newWork(t), seed: seed, seen: map[string]bool{},
		told: map[string]bool{}, made: map[Hash]made{}, done: map[string]int{}, refused: map[string]int{},
	}
	hook := filepath.Join(s.dir, ".git", "hooks", "pre-commit")
	if err := os.WriteFile(hook, []byte("#!/bin/sh\n[ -z \"$SLOW_HOOK\" ] || sleep 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		s.write(fmt.Sprintf("still/%d/file.txt", i), "0\n")
	}
	s.write("user/f0.txt", "0\n")
	s.git("add", ".")
	s.git("commit", "-q", "-m", "start")
	s.git("branch", "topic")
	s.user = &user{shared: s, random: s.source(1), staged: map[string]bool{}}
	s.actors = append(s.actors, s.user.act)
	for i := range 2 {
		w := &work{t: t, dir: s.dir}
		w.open()
		c := &committer{shared: s, repo: w.repo, random: s.source(uint64(10 + i)), number: i, spare: t.TempDir()}
		s.committers = append(s.committers, c)
		s.actors = append(s.actors, c.act)
	}
	keeper, reader, looker := s.source(2), s.source(3), s.source(4)
	s.actors = append(s.actors, func() { s.maintain(keeper) }, func() { s.read(reader) }, func() { s.look(looker) })
	return s
}

func (s *shared) source(actor uint64) *rand.Rand { return rand.New(rand.NewPCG(s.seed, actor)) }

func (s *shared) count(what map[string]int, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what[name]++
}

// run is a git command that may be refused, as git may beside somebody else;
// what it may not see is anything torn.
func (s *shared) run(args ...string) bool {
	out, err := s.tryGit(args...)
	return s.judge(args, out, err)
}

func (s *shared) judge(args []string, out string, err error) bool {
	name := "git " + args[0]
	if err == nil {
		s.count(s.done, name)
		return true
	}
	s.count(s.refused, name)
	if !politely(err) {
		s.t.Errorf("git %s saw something torn: %v\n%s", strings.Join(args, " "), err, out)
	}
	return false
}

// politely reports whether git refused for a reason that it may have beside
// somebody else who works in the same repository.
func politely(err error) bool {
	for _, torn := range []string{"corrupt", "signature", "smaller than expected", "null sha1", "bad ", "unable to read", "malformed"} {
		if strings.Contains(err.Error(), torn) {
			return false
		}
	}
	if strings.HasSuffix(err.Error(), "exit status 1: ") {
		return true // git stash does not say that it found a lock
	}
	for _, what := range []string{
		".lock': File exists", "cannot lock ref", "unable to create temporary file",
		"nothing to commit", "nothing added", "no changes added", "did not match any file",
		"would be overwritten", "would be removed", "nstaged changes", "ncommitted changes", "commit your changes", "could not apply", "CONFLICT",
		"No local changes", "No stash entries", "needs merge", "unmerged", "already exists", "is not possible because",
		"no rebase in progress", "No rebase in progress", "There is no merge to abort", "You asked to amend the most recent commit",
		"conflicts in index", "The stash entry is kept", "Could not reset", "Cannot autostash",
		"could not detach HEAD",
		"ambiguous argument 'HEAD~1'", // there is only one commit
	} {
		if strings.Contains(err.Error(), what) {
			return true
		}
	}
	return false
}

// committer is what the daemon is to gitstore: it commits what differs from the
// tip in a folder of its own, unless git is at work.
type committer struct {
	*shared
	repo   *Repo
	random *rand.Rand
	number int
	saves  int
	spare  string
}

func (c *committer) dir() string { return fmt.Sprintf("ours-%d", c.number) }

func (c *committer) act() {
	if c.random.IntN(2) == 0 {
		c.save()
	}
	c.commit()
	time.Sleep(time.Duration(5+c.random.IntN(40)) * time.Millisecond)
}

// save is an author at work: the file comes by a rename, as from an editor.
func (c *committer) save() {
	c.saves++
	path := filepath.Join(c.work.dir, c.dir(), fmt.Sprintf("s%d", c.random.IntN(4)), fmt.Sprintf("f%d.yaml", c.random.IntN(400)))
	if c.random.IntN(6) == 0 {
		_ = os.Remove(path)
		return
	}
	temp := filepath.Join(c.spare, "file")
	err := os.WriteFile(temp, []byte(fmt.Sprintf("%d %d\n", c.number, c.saves)), 0o666)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o777)
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) { // a checkout took the folder away
		c.t.Error(err)
	}
}

// commit commits what differs, and reports whether nothing is left to be
// committed.
func (c *committer) commit() bool {
	state, err := c.repo.State()
	if err != nil {
		c.t.Errorf("state: %v", err)
		return false
	}
	if state.Busy != "" || state.Branch == "" {
		c.count(c.refused, "busy before")
		return false
	}
	edits, err := c.scan(state.Tip)
	if err != nil {
		c.t.Errorf("scan: %v", err)
		return false
	}
	if len(edits) == 0 {
		return true
	}
	c.saves++
	subject := fmt.Sprintf("ours %d %d", c.number, c.saves)
	h, err := c.repo.Commit(context.Background(), NewCommit{Branch: state.Branch, WorkTree: true, Tip: state.Tip, Message: subject, Author: ada, Edits: edits})
	switch {
	case err == nil:
		m := made{state.Branch, state.Tip, map[string]Hash{}}
		for _, e := range edits {
			if m.content[e.Path] = BlobHash(e.Content); e.Removed {
				m.content[e.Path] = Hash{}
			}
		}
		c.mu.Lock()
		c.made[h], c.told[subject] = m, true
		c.mu.Unlock()
		c.count(c.done, "our commit")
	case errors.Is(err, ErrMoved):
		c.count(c.refused, "our commit: moved")
	case errors.Is(err, ErrBusy):
		c.count(c.refused, "our commit: busy")
	default:
		c.t.Errorf("our commit: %v", err)
	}
	return false
}

// scan compares the folder with a commit.
func (c *committer) scan(tip Hash) ([]Edit, error) {
	there := map[string]Hash{}
	for e, err := range c.repo.Walk(tip, c.dir()) {
		if err != nil {
			return nil, err
		}
		there[e.Path] = e.Hash
	}
	var edits []Edit
	files, err := filepath.Glob(filepath.Join(c.work.dir, c.dir(), "*", "*.yaml"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		info, err := os.Lstat(file)
		var content []byte
		if err == nil {
			content, err = os.ReadFile(file)
		}
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		path, err := filepath.Rel(c.work.dir, file)
		if err != nil {
			return nil, err
		}
		if h, ok := there[path]; !ok || h != BlobHash(content) {
			edits = append(edits, Edit{Path: path, Content: content, Info: info})
		}
		delete(there, path)
	}
	for path := range there {
		edits = append(edits, Edit{Path: path, Removed: true})
	}
	return edits, nil
}

// flush commits what is left to be committed.
func (c *committer) flush() {
	for deadline := time.Now().Add(10 * time.Second); !c.commit(); {
		if time.Now().After(deadline) {
			c.t.Fatal("nobody is at work, and our commit does not go through")
		}
	}
}

// user is a person who uses git, one command after the other.
type user struct {
	*shared
	random *rand.Rand
	n      int
	staged map[string]bool
	index  string // what differs between the tip and the index by the user's doing
}

func (u *user) act() {
	switch p := u.random.IntN(100); {
	case p < 40:
		u.commit()
	case p < 50:
		u.add()
	case p < 58:
		u.run("status", "--porcelain")
	case p < 68:
		u.stash()
	case p < 78:
		u.checkout()
	case p < 84:
		u.amend()
	case p < 90:
		u.reset()
	case p < 96:
		u.rebase()
	default:
		u.run("rm", "-q", "-f", fmt.Sprintf("user/f%d.txt", u.random.IntN(30)))
	}
	u.index = u.differs()
}

// differs is what the user has staged.
func (u *user) differs() string {
	out, err := u.tryGit("diff", "--cached", "--raw", "--abbrev=40", "--no-renames", "--", "user")
	if err != nil {
		u.t.Errorf("git diff --cached: %v", err)
	}
	return out
}

func (u *user) add() bool {
	u.n++
	path := fmt.Sprintf("user/f%d.txt", u.random.IntN(30))
	file := filepath.Join(u.dir, path)
	err := os.MkdirAll(filepath.Dir(file), 0o777)
	if err == nil {
		err = os.WriteFile(file, []byte(fmt.Sprintf("user %d\n", u.n)), 0o666)
	}
	if err != nil {
		u.t.Error(err)
	}
	return u.run("add", path)
}

func (u *user) commit() {
	if !u.add() {
		return
	}
	if u.random.IntN(12) == 0 {
		if err := os.Setenv("SLOW_HOOK", "1"); err != nil {
			u.t.Error(err)
		}
		defer os.Unsetenv("SLOW_HOOK")
	}
	subject := fmt.Sprintf("user %d", u.n)
	if u.run("commit", "-q", "-m", subject) {
		u.tell(subject)
	}
}

func (u *user) tell(subject string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.told[subject] = true
}

func (u *user) amend() {
	if u.random.IntN(2) == 0 && !u.add() {
		return
	}
	u.n++
	subject := fmt.Sprintf("amend %d", u.n)
	if u.run("commit", "-q", "--amend", "-m", subject) {
		u.tell(subject)
	}
}

func (u *user) stash() {
	if u.random.IntN(2) == 0 {
		u.add()
	}
	if !u.run("stash", "push", "-q") {
		return
	}
	if u.random.IntN(3) == 0 {
		u.add()
	}
	if u.run("stash", "pop", "-q") {
		return
	}
	// It conflicts, or a lock was held: the user gives it up.
	u.insist("reset", "-q", "--hard")
	u.run("stash", "drop", "-q")
}

// insist repeats a command that a lock may refuse.
func (u *user) insist(args ...string) {
	for range 200 {
		if u.run(args...) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	u.t.Errorf("git %s never went through", strings.Join(args, " "))
}

func (u *user) checkout() {
	branch := []string{"main", "topic", "other"}[u.random.IntN(3)]
	if _, err := u.tryGit("rev-parse", "-q", "--verify", branch); err != nil {
		u.run("checkout", "-q", "-b", branch)
		return
	}
	u.run("checkout", "-q", branch)
}

func (u *user) reset() {
	switch u.random.IntN(3) {
	case 0:
		u.run("reset", "-q", "--hard", "HEAD~1")
	case 1:
		u.run("reset", "-q", "HEAD~1")
	default:
		u.run("reset", "-q")
	}
}

// rebase brings a branch on top of another, and then the other forward to it, so
// that they do not part for good.
func (u *user) rebase() {
	there := false
	for range 20 {
		if there = u.run("checkout", "-q", "topic"); there {
			break
		}
		u.run("stash", "push", "-q") // what is in the way
	}
	if !there {
		return
	}
	if !u.run("rebase", "-q", "--autostash", "main") {
		for _, dir := range []string{"rebase-merge", "rebase-apply"} {
			state := filepath.Join(u.dir, ".git", dir)
			switch {
			case exists(filepath.Join(state, "head-name")):
				u.insist("rebase", "--abort")
			case exists(state): // git could not even begin, and left this
				if err := os.RemoveAll(state); err != nil {
					u.t.Error(err)
				}
			}
		}
		return
	}
	if u.run("checkout", "-q", "main") {
		u.run("merge", "-q", "--no-edit", "--ff-only", "topic")
	}
}

// maintain is what others do for a repository in the background. Nothing is
// pruned at once: git itself does not bear that beside its own commands.
func (s *shared) maintain(random *rand.Rand) {
	all := [][]string{
		{"gc", "-q"},
		{"repack", "-q", "-A", "-d"},
		{"repack", "-q", "-d"},
		{"pack-refs", "--all", "--prune"},
		{"pack-refs", "--all"},
		{"prune-packed", "-q"},
		{"maintenance", "run", "--quiet", "--task=loose-objects"},
		{"maintenance", "run", "--quiet", "--task=pack-refs"},
		{"maintenance", "run", "--quiet", "--task=gc"},
	}
	s.run(all[random.IntN(len(all))]...)
	time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond) // the others shall get a turn
}

// look are commands of git that only read, and are never refused.
func (s *shared) look(random *rand.Rand) {
	all := [][]string{
		{"status", "--porcelain"},
		{"log", "-3", "--format=%H %s", "--stat"},
		{"ls-files", "-s"},
		{"for-each-ref"},
		{"diff", "--cached", "--stat"},
		{"rev-parse", "HEAD", "HEAD^{tree}"},
	}
	args := all[random.IntN(len(all))]
	if out, err := s.tryGit(args...); err != nil {
		s.t.Errorf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// read reads here what is there at the moment.
func (s *shared) read(random *rand.Rand) {
	refs, err := s.repo.Refs("refs/heads/")
	if err != nil || len(refs) == 0 {
		s.t.Errorf("refs: %v, %v", refs, err)
		return
	}
	tip, err := s.repo.Tip("HEAD")
	if random.IntN(2) == 0 {
		tip = refs[random.IntN(len(refs))].Hash
	}
	if err != nil {
		s.t.Errorf("tip: %v", err)
		return
	}
	files := 0
	for e, err := range s.repo.Walk(tip, "") {
		if err == nil && random.IntN(10) == 0 {
			_, err = s.repo.Blob(e.Hash)
		}
		if err != nil {
			s.t.Errorf("walk %s: %v", tip, err)
			return
		}
		files++
	}
	if files < 201 {
		s.t.Errorf("%s has %d files", tip, files)
	}
	n := 0
	for _, err := range s.repo.Log(tip, "") {
		if err != nil {
			s.t.Errorf("log: %v", err)
			return
		}
		if n++; n == 50 {
			break
		}
	}
	blobs, _, err := s.repo.IndexBlobs("")
	if err != nil || len(blobs) < 201 {
		s.t.Errorf("index: %d entries, %v", len(blobs), err)
	}
	if _, err := s.repo.State(); err != nil {
		s.t.Errorf("state: %v", err)
	}
}

// inspect holds the repository, in which nobody works now, against what all
// were told.
func (s *shared) inspect() {
	s.t.Helper()
	s.fsck()
	s.noLocks()
	s.locks()
	s.rewrittenIndex() // git finds its cached trees right; entries of this moment it marks as such
	if got := s.user.differs(); got != s.user.index {
		s.t.Errorf("the user staged\n%s\nand finds\n%s", s.user.index, got)
	}
	if got := s.git("diff", "--cached", "--name-status", "--", "ours-0", "ours-1", "still"); got != "" {
		s.t.Errorf("nobody staged\n%s", got)
	}
	graph := s.graph()
	logged := map[string]int{} // subjects of commits in the reflogs of branches
	moved := map[Hash]made{}   // by reflog line
	for _, branch := range strings.Fields(s.git("for-each-ref", "--format=%(refname)", "refs/heads")) {
		for _, l := range s.reflog(branch) {
			what, subject, _ := strings.Cut(l.message, ": ")
			forward := true
			switch what {
			case "commit", "commit (initial)":
				logged[subject]++
				moved[l.new] = made{branch: branch, parent: l.old}
				if parents := graph[l.new]; !l.old.IsZero() && (len(parents) == 0 || parents[0] != l.old) {
					s.t.Errorf("%s: %s was made on top of %v, and the branch was at %s", branch, l.new, parents, l.old)
				}
			case "commit (amend)":
				logged[subject]++
				forward = false
			case "reset", "rebase (finish)":
				forward = false
			}
			if forward && !l.old.IsZero() && !graph.reaches(l.new, l.old) {
				s.t.Errorf("%s: %q lost %s", branch, l.message, l.old)
			}
		}
	}
	s.reflog("HEAD")
	for subject := range s.told {
		if logged[subject] != 1 {
			s.t.Errorf("%q was acknowledged and stands %d times in the reflogs", subject, logged[subject])
		}
	}
	for h, m := range s.made {
		if got := moved[h]; got.branch != m.branch || got.parent != m.parent {
			s.t.Errorf("%s was committed to %s at %s, and the reflog says %s at %s", h, m.branch, m.parent, got.branch, got.parent)
		}
	}
	s.contents()
}

// locks finds locks, of whomever: nobody is at work.
func (s *shared) locks() {
	s.t.Helper()
	for _, pattern := range []string{"*.lock", "refs/heads/*.lock", "refs/*.lock", "logs/*.lock", "logs/refs/heads/*.lock"} {
		found, err := filepath.Glob(filepath.Join(s.dir, ".git", filepath.FromSlash(pattern)))
		if err != nil || len(found) > 0 {
			s.t.Errorf("left: %v, %v", found, err)
		}
	}
}

// parents are the parents of every commit that a ref or a reflog names.
type parents map[Hash][]Hash

func (s *shared) graph() parents {
	s.t.Helper()
	all := parents{}
	for line := range strings.Lines(s.git("rev-list", "--parents", "--all", "--reflog")) {
		var list []Hash
		for _, field := range strings.Fields(line) {
			h, err := ParseHash(field)
			if err != nil {
				s.t.Fatal(err)
			}
			list = append(list, h)
		}
		all[list[0]] = list[1:]
	}
	return all
}

func (p parents) reaches(from, to Hash) bool {
	seen := map[Hash]bool{}
	for queue := []Hash{from}; len(queue) > 0; {
		h := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if h == to {
			return true
		}
		if !seen[h] {
			seen[h] = true
			queue = append(queue, p[h]...)
		}
	}
	return false
}

type logLine struct {
	old, new Hash
	message  string
}

// reflog reads the reflog of a ref, which must be a chain without a gap that
// ends where the ref is.
func (w *work) reflog(ref string) []logLine {
	w.t.Helper()
	raw, err := os.ReadFile(w.repo.reflogPath(ref))
	if err != nil {
		w.t.Errorf("reflog: %v", err)
		return nil
	}
	if len(raw) > 0 && raw[len(raw)-1] != '\n' {
		w.t.Errorf("the reflog of %s ends in %q", ref, raw[max(0, len(raw)-100):])
	}
	var lines []logLine
	for text := range strings.Lines(string(raw)) {
		fields, message, ok := strings.Cut(strings.TrimRight(text, "\n"), "\t")
		parts := strings.SplitN(fields, " ", 3)
		if len(parts) < 3 {
			w.t.Errorf("the reflog of %s has %q", ref, text)
			continue
		}
		old, oldErr := ParseHash(parts[0])
		new, newErr := ParseHash(parts[1])
		if !ok || oldErr != nil || newErr != nil || !strings.Contains(parts[2], "> ") {
			w.t.Errorf("the reflog of %s has %q", ref, text)
			continue
		}
		if n := len(lines); n > 0 && lines[n-1].new != old {
			w.t.Errorf("the reflog of %s has a gap between %s and %q; before it\n%s", ref, lines[n-1].new, text, w.git("log", "-1", "--format=%H %P %cd %s", old.String()))
			for _, branch := range []string{"HEAD", "refs/heads/main", "refs/heads/topic", "refs/heads/other"} {
				if raw, err := os.ReadFile(w.repo.reflogPath(branch)); err == nil {
					at := bytes.Index(raw, []byte(old.String()))
					w.t.Logf("%s:\n%s", branch, raw[max(0, at-2000):min(len(raw), max(0, at)+1500)])
				}
			}
		}
		lines = append(lines, logLine{old, new, message})
	}
	tip, err := w.repo.Tip(ref)
	if err != nil || len(lines) > 0 && lines[len(lines)-1].new != tip {
		w.t.Errorf("%s is at %s, %v, and its reflog ends with %v", ref, tip, err, lines[len(lines)-1])
	}
	return lines
}

// contents checks that a commit changes what its author changed and nothing
// else: neither is another's stage swept in, nor another's commit undone.
func (s *shared) contents() {
	s.t.Helper()
	changes := map[string]map[string]Hash{}
	for block := range strings.SplitSeq(s.git("log", "--all", "--reflog", "--format=%x01%H %P%x02%s", "--raw", "--abbrev=40", "--no-renames", "--root", "-m", "--first-parent"), "\x01") {
		header, rest, ok := strings.Cut(block, "\n")
		if !ok {
			header, rest = block, ""
		}
		hashes, subject, ok := strings.Cut(strings.TrimSpace(header), "\x02")
		if !ok {
			continue
		}
		id := strings.Fields(hashes)[0]
		var list []string
		changed := map[string]Hash{}
		for line := range strings.Lines(rest) {
			meta, path, ok := strings.Cut(strings.TrimRight(line, "\n"), "\t")
			if fields := strings.Fields(meta); ok && len(fields) == 5 {
				h, err := ParseHash(fields[3])
				if err != nil {
					s.t.Fatal(err)
				}
				changed[path] = h
				list = append(list, path)
			}
		}
		changes[id] = changed
		if s.seen[id] {
			continue
		}
		s.seen[id] = true
		sort.Strings(list)
		kind, number, _ := strings.Cut(subject, " ")
		allowed := ""
		switch kind {
		case "user":
			allowed = "user/"
		case "ours":
			allowed = "ours-" + number[:1] + "/"
		default:
			continue // an amended commit has what the user amended, and a stash what there was
		}
		for _, path := range list {
			if !strings.HasPrefix(path, allowed) {
				s.t.Errorf("%s %q also changes %s, after\n%s\nand the reflog\n%s", id[:7], subject, path,
					s.git("log", "-3", "--format=%h %cd %s", "--date=iso", id, "--", path), s.git("reflog", "-40", "HEAD", "--date=iso"))
			}
		}
	}
	for h, m := range s.made {
		got, ok := changes[h.String()]
		if !ok || len(got) != len(m.content) {
			s.t.Errorf("%s changes %v, and was to change %v", h, got, m.content)
			continue
		}
		for path, want := range m.content {
			if got[path] != want {
				s.t.Errorf("%s has %s at %s, and was to have %s", h, got[path], path, want)
			}
		}
	}
}

func (s *shared) report() {
	for _, n := range []string{"our commit", "git commit", "git stash", "git checkout", "git rebase", "git gc"} {
		tried := s.done[n]
		if n == "git rebase" { // it may find conflicts each time
			tried += s.refused[n]
		}
		if tried == 0 {
			s.t.Errorf("%s never went through: done %v, refused %v", n, s.done, s.refused)
		}
	}
	s.t.Logf("done %v\nrefused %v", s.done, s.refused)
}
