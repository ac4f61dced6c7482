package gitstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// NewCommit is a commit to be made.
type NewCommit struct {
	// Branch is the ref that moves, as refs/heads/main. When it is checked out
	// in the work tree, the index entries of the edited paths move with it.
	Branch string
	// Tip is what the branch must be now, and the commit's parent; zero: there
	// must be no such branch.
	Tip Hash
	// Parents are further parents, as of a merge.
	Parents []Hash
	// WorkTree says that the edits were made in this work tree: the branch must be
	// checked out there until the commit is made, else ErrMoved. What was read while
	// one branch was checked out does not belong on another.
	WorkTree bool
	// Orphan starts from no parent and the empty tree, though the branch is at
	// Tip. Not for a branch that is checked out.
	Orphan bool
	// Edits are what the commit changes; a path may occur once.
	Edits   []Edit
	Message string
	// Author and Committer; a zero When is now, an empty Committer is the
	// Author.
	Author, Committer Signature
	// AllowEmpty makes a commit also when the tree is the tip's.
	AllowEmpty bool
	// Sign, when set, is given the commit as it would be stored without a
	// signature and returns the armoured one (an SSHSIG of the namespace "git",
	// or what else git verify-commit knows). It is called before any lock is
	// taken.
	Sign func(commit []byte) (string, error)
}

// Edit adds, replaces or removes one file.
type Edit struct {
	// Path is slash-separated from the root of the repository.
	Path    string
	Content []byte
	// Blob, when set, is put instead of Content: an object that the repository
	// holds already, and that a ref keeps there.
	Blob Hash
	// Mode is that of the entry; zero: as Info says, else as the tip has it, else
	// a plain file.
	Mode Mode
	// Removed takes the file away; it is no error when there is none.
	Removed bool
	// Info is the stat of the file as it was when Content was read from it; nil
	// when it was not read from a file. It goes to the index, so that git need
	// not read the file again, and says whether the file is executable.
	Info fs.FileInfo
}

// Commit makes a commit and moves the branch to it. It is durable when Commit
// returns, unless Options say otherwise.
//
// ErrMoved when the branch is not at Tip or no longer checked out, ErrUnchanged
// when the tree would be the tip's, ErrBusy when git is at work in the
// repository or another worktree has the branch checked out, a StagedError when
// the user has staged one of the paths with other content, ErrUnsupported when
// attributes would convert one. In all these cases, and whenever the error is
// another, nothing has changed; only when the disk fails in the very last step,
// the branch may have moved, which the next attempt learns as ErrMoved.
//
// Commits of one repository wait for each other, also those of several
// processes. Canceling ctx ends the waiting for locks, not a commit that holds
// them.
func (r *Repo) Commit(ctx context.Context, c NewCommit) (Hash, error) {
	h, err := r.commit(ctx, c)
	if err != nil {
		return Hash{}, fmt.Errorf("commit to %s: %w", strings.TrimPrefix(c.Branch, "refs/heads/"), err)
	}
	return h, nil
}

func (r *Repo) commit(ctx context.Context, c NewCommit) (Hash, error) {
	if !validRef(c.Branch) || !strings.HasPrefix(c.Branch, "refs/heads/") {
		return Hash{}, fmt.Errorf("%q is no branch", c.Branch)
	}
	settings, err := r.configuration()
	if err != nil {
		return Hash{}, err
	}
	edits, blobs, err := r.prepare(c.Edits, settings)
	if err != nil {
		return Hash{}, err
	}
	unlock, err := r.beginCommit(ctx)
	if err != nil {
		return Hash{}, err
	}
	defer unlock()

	here, err := r.checksOut(c, settings)
	if err != nil {
		return Hash{}, err
	}
	if err := r.compare(c.Branch, c.Tip); err != nil {
		return Hash{}, err
	}
	base := c.Tip
	if c.Orphan {
		base = Hash{}
	}
	tree, err := r.treeOf(base)
	if err != nil {
		return Hash{}, err
	}
	root := newFolder()
	for _, e := range edits {
		root.put(e)
	}
	w := rewriter{objects: r.objects}
	if err := w.rewrite(root, tree, ""); err != nil {
		return Hash{}, err
	}
	if root.new.IsZero() {
		root.new = emptyTree
		w.made = append(w.made, objectOf(kindTree, nil))
	}
	if root.new == tree && !c.AllowEmpty {
		return Hash{}, ErrUnchanged
	}

	made := &Commit{Tree: root.new, Author: c.Author, Committer: c.Committer, Message: c.Message}
	if made.Committer.Name == "" && made.Committer.Email == "" {
		made.Committer = Signature{Name: c.Author.Name, Email: c.Author.Email, When: c.Committer.When}
	}
	now := time.Now()
	for _, s := range []*Signature{&made.Author, &made.Committer} {
		if s.When.IsZero() {
			s.When = now
		}
	}
	if !base.IsZero() {
		made.Parents = append(made.Parents, base)
	}
	made.Parents = append(made.Parents, c.Parents...)
	encoded := encodeCommit(made)
	if c.Sign != nil {
		signature, err := c.Sign(encoded)
		if err != nil {
			return Hash{}, fmt.Errorf("sign: %w", err)
		}
		encoded = withSignature(encoded, signature)
	}
	head := objectOf(kindCommit, encoded)

	s := swap{ref: c.Branch, old: c.Tip, new: head.hash, who: made.Committer, message: "commit: " + made.Subject()}
	if len(made.Parents) == 0 {
		s.message = "commit (initial): " + made.Subject()
	} else if len(made.Parents) > 1 {
		s.message = "commit (merge): " + made.Subject()
	}
	s.objects = append(append(blobs, w.made...), head)
	if here {
		s.index = func(x *index, spare []byte) (*index, error) { return x.patch(edits, root, spare) }
	}
	if err := r.swap(ctx, s); err != nil {
		return Hash{}, err
	}
	return head.hash, nil
}

// beginCommit waits for other commits of this and of other processes and
// recovers what a crash left.
func (r *Repo) beginCommit(ctx context.Context) (unlock func(), err error) {
	select {
	case r.commits <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for another commit: %w", context.Cause(ctx))
	}
	if _, err := r.disk.mkdir(r.ownDir()); err != nil {
		<-r.commits
		return nil, err
	}
	process, err := r.processLock(ctx, 10*time.Second)
	if err != nil {
		<-r.commits
		return nil, err
	}
	unlock = func() {
		_ = process.Unlock()
		<-r.commits
	}
	if err := r.recoverJournal(); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// prepare checks the edits, hashes them and sorts them by path.
func (r *Repo) prepare(list []Edit, settings config) ([]*fileEdit, []newObject, error) {
	now := time.Now()
	edits := make([]*fileEdit, 0, len(list))
	blobs := make([]newObject, 0, len(list))
	var conversion *attributes
	if r.root != "" {
		conversion = r.attributes(settings)
	}
	for _, e := range list {
		if !validPath(e.Path) {
			return nil, nil, fmt.Errorf("%q is no path that git takes", e.Path)
		}
		edit := &fileEdit{path: e.Path, removed: e.Removed}
		edits = append(edits, edit)
		if e.Removed {
			continue
		}
		content := e.Content
		if !e.Blob.IsZero() && e.Mode != ModeGitlink {
			var err error
			if content, err = r.Blob(e.Blob); err != nil {
				return nil, nil, err
			}
		}
		if conversion != nil && e.Mode != ModeSymlink && e.Mode != ModeGitlink {
			if err := conversion.refuseContent(e.Path, content); err != nil {
				return nil, nil, err
			}
		}
		edit.mode, edit.stat = e.Mode, statForIndex(e.Info, now)
		if edit.hash = e.Blob; edit.hash.IsZero() {
			blob := objectOf(kindBlob, content)
			blobs = append(blobs, blob)
			edit.hash = blob.hash
		}
		if edit.mode == 0 && e.Info != nil && r.fileMode {
			edit.mode = ModeFile
			if e.Info.Mode()&0o100 != 0 {
				edit.mode = ModeExecutable
			}
		}
	}
	sort.Slice(edits, func(i, j int) bool { return edits[i].path < edits[j].path })
	for i := 1; i < len(edits); i++ {
		if edits[i].path == edits[i-1].path {
			return nil, nil, fmt.Errorf("%s occurs twice", edits[i].path)
		}
	}
	return edits, blobs, nil
}

// validPath reports whether git would take a path into a tree.
func validPath(path string) bool {
	if strings.ContainsRune(path, 0) {
		return false
	}
	for part := range strings.SplitSeq(path, "/") {
		switch strings.ToLower(part) {
		case "", ".", "..", ".git", "git~1":
			return false
		}
	}
	return true
}

// checksOut reports whether the branch is checked out in this work tree, and
// refuses what the index could not follow.
func (r *Repo) checksOut(c NewCommit, settings config) (bool, error) {
	where, err := r.checkedOut(c.Branch, settings, false)
	if err != nil {
		return false, err
	}
	if where != "" {
		return false, &hinted{busy("it is checked out in %s", where), "commit there, or switch to another branch there"}
	}
	if r.root == "" {
		return false, r.conflicting(c.Branch)
	}
	_, branch, err := r.readRef("HEAD")
	if err != nil {
		return false, fmt.Errorf("read HEAD: %w", err)
	}
	if branch != c.Branch && c.WorkTree {
		return false, notCheckedOut(c.Branch)
	}
	if branch != c.Branch {
		return false, r.conflicting(c.Branch)
	}
	if c.Orphan {
		return false, errors.New("a branch that is checked out cannot start anew")
	}
	if what := r.operation(); what != "" {
		return false, busy("%s", what)
	}
	return true, nil
}

// rebases reports whether a worktree is in the middle of rebasing a branch: HEAD is
// detached then, and comes back to it.
func rebases(gitDir, branch string) bool {
	for _, name := range []string{"rebase-merge/head-name", "rebase-apply/head-name"} {
		raw, err := os.ReadFile(filepath.Join(gitDir, filepath.FromSlash(name)))
		if err == nil && strings.TrimSpace(string(raw)) == branch {
			return true
		}
	}
	return false
}

// checkedOut returns the git folder of a worktree that has the branch checked
// out; this one counts only if asked.
func (r *Repo) checkedOut(branch string, settings config, own bool) (string, error) {
	entries, err := os.ReadDir(filepath.Join(r.commonDir, "worktrees"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("list worktrees: %w", err)
	}
	var dirs []string
	for _, e := range entries {
		dirs = append(dirs, filepath.Join(r.commonDir, "worktrees", e.Name()))
	}
	if !settings.boolean("core.bare", r.root == "" && r.gitDir == r.commonDir) {
		dirs = append(dirs, r.commonDir)
	}
	for _, dir := range dirs {
		if dir == r.gitDir && !own {
			continue
		}
		raw, err := r.disk.read(filepath.Join(dir, "HEAD"))
		if errors.Is(err, fs.ErrNotExist) {
			continue // the worktree is gone
		}
		if err != nil {
			return "", fmt.Errorf("read HEAD of a worktree: %w", err)
		}
		if _, target, err := parseLooseRef(raw); err == nil && target == branch || rebases(dir, branch) {
			return dir, nil
		}
	}
	return "", nil
}
