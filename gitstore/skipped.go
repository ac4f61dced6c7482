package gitstore

import (
	"os"
	"path/filepath"
	"runtime"
)

// Skipped tells what git is set up to do at each commit and [Repo.Commit] does
// not: whether it would sign it (commit.gpgsign), and which hooks it would run.
// The caller can sign by itself, see [NewCommit].
func (r *Repo) Skipped() (signature bool, hooks []string, err error) {
	c, err := r.configuration()
	if err != nil {
		return false, nil, err
	}
	dir := filepath.Join(r.commonDir, "hooks")
	if set, ok := c.lookup("core.hookspath"); ok {
		if dir = expandHome(set); !filepath.IsAbs(dir) { // from where hooks are run
			dir = filepath.Join(r.root, dir)
		}
	}
	for _, name := range []string{"pre-commit", "prepare-commit-msg", "commit-msg", "post-commit"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err == nil && info.Mode().IsRegular() && (info.Mode()&0o111 != 0 || runtime.GOOS == "windows") {
			hooks = append(hooks, name)
		}
	}
	return c.boolean("commit.gpgsign", false), hooks, nil
}
