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
