package daemon

import (
	"path"
	"strings"

	"github.com/anvilpeering/anvil/prompt"
)

// own reports whether a path is one that the daemon commits. An editor's
// leavings have names that no own file can bear, except in .anvil, where any
// name is allowed.
func own(p string) bool { return prompt.Owns(p) && !noise(path.Base(p)) }

// stray reports whether a path is that of a YAML file that is nearly one of the
// organisation's own: misnamed, or in the wrong folder. In a project such a file
// is held, so that whoever wrote it learns why it is not committed.
func stray(p string) bool {
	segments := strings.Split(p, "/")
	if len(segments) < 2 || len(segments) > 3 || prompt.Owns(p) || noise(path.Base(p)) {
		return false
	}
	for _, folder := range segments[:len(segments)-1] {
		if folder == "" || folder[0] == '.' {
			return false
		}
	}
	switch strings.ToLower(path.Ext(p)) {
	case ".yaml", ".yml":
		return true
	}
	return false
}

// watched reports whether a path is looked at: an own file or a stray.
func watched(p string) bool { return own(p) || stray(p) }

// noise reports whether editors, file managers and git itself make files of
// this name and take them away again.
func noise(name string) bool {
	switch name {
	case "4913", ".DS_Store", "Thumbs.db", "desktop.ini":
		return true // 4913 is vim, trying whether it may write
	}
	for _, prefix := range []string{".#", ".goutputstream", ".sb-", ".~lock."} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	for _, suffix := range []string{
		"~", ".swp", ".swx", ".swo", ".swn", ".kate-swp", ".bck", ".tmp", ".orig", ".rej",
		"___jb_tmp___", "___jb_old___", "___jb_bak___", "-go-tmp-umask",
	} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return len(name) > 2 && strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#")
}

// gitSign reports whether a change of this name in git's folder may mean that
// somebody uses git, or stopped using it.
func gitSign(name string) bool {
	switch name {
	case "index", "index.lock", "packed-refs", "rebase-merge", "rebase-apply", "sequencer", "BISECT_LOG", "COMMIT_EDITMSG":
		return true
	}
	return strings.HasSuffix(name, "HEAD") || name == "HEAD.lock"
}
