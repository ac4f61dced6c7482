package gitstore

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// Durability says when a commit is on disk.
type Durability int

const (
	// Fsync writes a commit's objects, their folders and the ref through to the
	// disk before Commit returns.
	Fsync Durability = iota
	// NoFsync leaves that to the operating system, as git does unless told
	// otherwise.
	NoFsync
)

// Options are those of Open and Create; the zero value is a good one.
type Options struct {
	// Bare makes Create make a repository without a work tree.
	Bare bool
	// InitialBranch is the branch that Create puts HEAD on; "main" when empty.
	InitialBranch string
	// Durability is Fsync unless told otherwise.
	Durability Durability
	// Logger takes what is handled here and may matter to somebody; silent when
	// nil.
	Logger *slog.Logger
}

// Repo is an open repository. All methods may be called by any number of
// goroutines at once.
type Repo struct {
	root      string // of the work tree, symbolic links resolved; "" when bare
	gitDir    string // HEAD, index and the signs of a merge; of the worktree when it is a linked one
	commonDir string // objects, refs, config
	fileMode  bool   // core.fileMode
	reflogs   reflogPolicy
	log       *slog.Logger
	disk      disk
	objects   *objects
	packed    packedRefs
	shallow   shallow
	commits   chan struct{} // full while this process commits; other processes: the process lock
	indexes   indexCache
}

// Open opens the repository that dir lies in: a work tree, a linked worktree, a
// git folder or a bare repository. ErrNotRepository when there is none,
// ErrUnsupported with a Hint when Anvil could not work in it as git does, or when
// it belongs to another user and safe.directory does not name it.
func Open(dir string, o Options) (*Repo, error) {
	start, err := filepath.Abs(dir)
	if err == nil {
		start, err = filepath.EvalSymlinks(start)
	}
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	found, err := discover(start)
	if err != nil {
		return nil, fmt.Errorf("open repository %s: %w", dir, err)
	}
	if err := found.checkOwner(owned); err != nil {
		return nil, fmt.Errorf("open repository %s: %w", dir, err)
	}
	r, err := open(found, start, o)
	if err != nil {
		return nil, fmt.Errorf("open repository %s: %w", dir, err)
	}
	return r, nil
}

func open(found location, start string, o Options) (*Repo, error) {
	r := &Repo{root: found.root, gitDir: found.gitDir, commonDir: found.commonDir, log: o.Logger, commits: make(chan struct{}, 1)}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.disk.sync = o.Durability == Fsync
	c, err := r.configuration()
	if err != nil {
		return nil, err
	}
	if err := checkFormat(c); err != nil {
		return nil, err
	}
	if bare := c.boolean("core.bare", r.root == ""); bare && r.gitDir == r.commonDir {
		r.root = ""
	} else if r.root == "" && filepath.Base(r.gitDir) == ".git" {
		r.root = filepath.Dir(r.gitDir)
	}
	if tree, ok := c.lookup("core.worktree"); ok && r.root != "" && r.gitDir == r.commonDir {
		if !filepath.IsAbs(tree) {
			tree = filepath.Join(r.gitDir, tree)
		}
		if r.root, err = filepath.EvalSymlinks(tree); err != nil {
			return nil, fmt.Errorf("find work tree: %w", err)
		}
	}
	r.fileMode = c.boolean("core.filemode", true)
	r.reflogs = reflogsOf(c, r.root == "")
	r.disk.sharing = sharingOf(c)
	if r.root != "" {
		if err := r.checkIndex(); err != nil {
			return nil, err
		}
		prefix, err := r.Prefix(start)
		if err != nil {
			prefix = ""
		}
		if err := r.checkConversion(c, prefix); err != nil {
			return nil, err
		}
	}
	if r.objects, err = openObjects(&r.disk, r.commonDir); err != nil {
		return nil, err
	}
	r.recoverAtOpen()
	return r, nil
}

// Create makes a repository at dir, which may exist and hold files, and opens
// it. What is there already is left as it is: a repository at dir is only
// opened.
func Create(dir string, o Options) (*Repo, error) {
	branch := o.InitialBranch
	if branch == "" {
		branch = "main"
	}
	if !validRef("refs/heads/" + branch) {
		return nil, fmt.Errorf("create repository: %q is no name for a branch", branch)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("create repository: %w", err)
	}
	git := filepath.Join(dir, ".git")
	if o.Bare {
		git = dir
	}
	if _, err := os.Lstat(filepath.Join(git, "HEAD")); err == nil {
		return Open(dir, o)
	}
	for _, sub := range []string{"objects/info", "objects/pack", "refs/heads", "refs/tags", "info"} {
		if err := os.MkdirAll(filepath.Join(git, filepath.FromSlash(sub)), 0o777); err != nil {
			return nil, fmt.Errorf("create repository: %w", err)
		}
	}
	settings := fmt.Sprintf("[core]\n\trepositoryformatversion = 0\n\tfilemode = %t\n\tbare = %t\n", hasFileMode, o.Bare)
	if !o.Bare {
		settings += "\tlogallrefupdates = true\n"
	}
	files := []struct{ name, content string }{
		{"config", settings},
		{"description", "Unnamed repository; edit this file 'description' to name the repository.\n"},
		{"HEAD", "ref: refs/heads/" + branch + "\n"}, // last: it makes the folder a repository
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(git, f.name), []byte(f.content), 0o666); err != nil {
			return nil, fmt.Errorf("create repository: %w", err)
		}
	}
	return Open(dir, o)
}

// Close releases the open files. No other method may be called afterwards.
func (r *Repo) Close() error {
	r.objects.close()
	return nil
}

// Root returns the folder of the work tree, absolute and without symbolic
// links; "" for a bare repository.
func (r *Repo) Root() string { return r.root }

// CommonDir returns the absolute git folder that all worktrees of the
// repository share. Anvil's own files lie in its folder "anvil".
func (r *Repo) CommonDir() string { return r.commonDir }

// Prefix returns dir relative to the root of the work tree, slash-separated, ""
// for the root itself. Symbolic links are followed first; a folder outside the
// work tree is an error.
func (r *Repo) Prefix(dir string) (string, error) {
	if r.root == "" {
		return "", fmt.Errorf("find %s in the work tree: the repository is bare", dir)
	}
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return "", fmt.Errorf("find %s in the work tree: %w", dir, err)
	}
	rel, err := filepath.Rel(r.root, abs)
	if err != nil {
		return "", fmt.Errorf("find %s in the work tree: %w", dir, err)
	}
	rel = filepath.ToSlash(rel)
	switch {
	case rel == ".":
		return "", nil
	case rel == "..", strings.HasPrefix(rel, "../"):
		return "", fmt.Errorf("find %s in the work tree: it lies outside of %s", dir, r.root)
	}
	return rel, nil
}

// configuration reads git's configuration for this repository as it is now.
func (r *Repo) configuration() (config, error) {
	source := configSource{gitDir: r.gitDir, commonDir: r.commonDir}
	if raw, err := os.ReadFile(filepath.Join(r.gitDir, "HEAD")); err == nil {
		source.branch, _ = strings.CutPrefix(strings.TrimSpace(string(raw)), "ref: ")
	}
	return source.load()
}

// location is where a repository was found.
type location struct{ root, gitDir, commonDir string }

// discover looks for a repository in dir and the folders above it.
func discover(dir string) (location, error) {
	for at := dir; ; at = filepath.Dir(at) {
		dotGit := filepath.Join(at, ".git")
		info, err := os.Stat(dotGit)
		switch {
		case err == nil && info.IsDir() && isGitDir(dotGit):
			return location{at, dotGit, dotGit}, nil
		case err == nil && info.Mode().IsRegular():
			return linked(at, dotGit)
		case isGitDir(at):
			return location{"", at, at}, nil
		}
		if at == filepath.Dir(at) {
			return location{}, ErrNotRepository
		}
	}
}

// linked follows a .git file to the git folder that it names, of a linked
// worktree or a submodule.
func linked(root, dotGit string) (location, error) {
	raw, err := os.ReadFile(dotGit)
	if err != nil {
		return location{}, err
	}
	target, ok := strings.CutPrefix(strings.TrimRight(string(raw), "\r\n"), "gitdir: ")
	if !ok {
		return location{}, fmt.Errorf("%w: %s names no git folder", ErrNotRepository, dotGit)
	}
	gitDir := resolveFrom(root, target)
	common := gitDir
	raw, err = os.ReadFile(filepath.Join(gitDir, "commondir"))
	if err == nil {
		common = resolveFrom(gitDir, strings.TrimRight(string(raw), "\r\n"))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return location{}, err
	}
	if _, err := os.Stat(filepath.Join(common, "objects")); err != nil {
		return location{}, fmt.Errorf("%w: %s names %s", ErrNotRepository, dotGit, target)
	}
	return location{root, gitDir, common}, nil
}

func resolveFrom(dir, path string) string {
	path = filepath.FromSlash(path)
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Clean(path)
}

func isGitDir(dir string) bool {
	for _, name := range []string{"objects", "refs"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || !info.IsDir() {
			return false
		}
	}
	_, err := os.Lstat(filepath.Join(dir, "HEAD"))
	return err == nil
}

// checkFormat refuses repositories in formats that are not read or written
// here.
func checkFormat(c config) error {
	version, _ := c.lookup("core.repositoryformatversion")
	if version != "" && version != "0" && version != "1" {
		return unsupported("use a repository of format version 0 or 1", "repository format version %s", version)
	}
	for _, v := range c {
		name, ok := strings.CutPrefix(v.key, "extensions.")
		if !ok {
			continue
		}
		value := strings.ToLower(v.value)
		switch {
		case name == "objectformat" && value != "sha1":
			return unsupported("make the repository with: git init --object-format=sha1", "its objects are named by %s", v.value)
		case name == "refstorage" && value != "files":
			return unsupported("convert it with: git refs migrate --ref-format=files", "its refs are stored as %s", v.value)
		case name == "partialclone":
			return unsupported("clone it again without --filter", "it is a partial clone, whose objects may be missing")
		case version == "1" && !knownExtension(name):
			return unsupported("clone it with an older git", "it uses the extension %s", name)
		}
	}
	if c.boolean("core.splitindex", false) {
		return unsupported("turn it off with: git config core.splitIndex false && git update-index --no-split-index", "its index is split")
	}
	if c.boolean("index.sparse", false) {
		return unsupported("turn it off with: git sparse-checkout reapply --no-sparse-index", "its index is sparse")
	}
	return nil
}

func knownExtension(name string) bool {
	switch name {
	case "objectformat", "refstorage", "noop", "preciousobjects", "worktreeconfig", "relativeworktrees":
		return true
	}
	return false
}
