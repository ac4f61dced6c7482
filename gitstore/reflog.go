package gitstore

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// reflogPolicy is core.logAllRefUpdates: which refs get a reflog that have none
// yet.
type reflogPolicy int

const (
	reflogExisting reflogPolicy = iota
	reflogUsual                 // HEAD, branches, remotes and notes
	reflogAll
)

func reflogsOf(c config, bare bool) reflogPolicy {
	value, ok := c.lookup("core.logallrefupdates")
	switch {
	case strings.EqualFold(value, "always"):
		return reflogAll
	case c.boolean("core.logallrefupdates", !ok && !bare):
		return reflogUsual
	}
	return reflogExisting
}

func (r *Repo) reflogPath(ref string) string {
	dir := r.commonDir
	if ref == "HEAD" {
		dir = r.gitDir
	}
	return filepath.Join(dir, "logs", filepath.FromSlash(ref))
}

// logs reports whether an update of the ref is written down.
func (r *Repo) logs(ref string) bool {
	usual := ref == "HEAD" || strings.HasPrefix(ref, "refs/heads/") || strings.HasPrefix(ref, "refs/remotes/") ||
		strings.HasPrefix(ref, "refs/notes/")
	if r.reflogs == reflogAll || r.reflogs == reflogUsual && usual {
		return true
	}
	return exists(r.reflogPath(ref))
}

// appendReflogs writes a line into the reflog of each ref; undo takes the lines
// back.
func (r *Repo) appendReflogs(refs []string, line string) (undo func(), err error) {
	var undos []func()
	undo = func() {
		for _, u := range undos {
			u()
		}
	}
	for _, ref := range refs {
		if !r.logs(ref) {
			continue
		}
		u, err := r.disk.append(r.reflogPath(ref), []byte(line))
		if info, statErr := os.Stat(r.reflogPath(ref)); err != nil && statErr == nil && info.IsDir() {
			removeEmptyFolders(r.reflogPath(ref)) // left from the reflog of a deleted ref
			u, err = r.disk.append(r.reflogPath(ref), []byte(line))
		}
		if err != nil {
			undo()
			return nil, fmt.Errorf("write reflog of %s: %w", ref, err)
		}
		undos = append(undos, u)
	}
	return undo, nil
}

func reflogLine(old, new Hash, who Signature, message string) string {
	message = strings.Join(strings.Fields(message), " ")
	return fmt.Sprintf("%s %s %s\t%s\n", old, new, who, message)
}
