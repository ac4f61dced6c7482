package gitstore

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const errNotDir = syscall.ENOTDIR

// running looks for a git command of this user that is about to move the branch
// or the files of this work tree: a `git commit` that waits in its editor or in
// a slow hook holds no lock at all. It returns "git commit (pid 123)".
func (r *Repo) running() string {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return ""
	}
	uid := uint32(os.Getuid())
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		dir := "/proc/" + e.Name()
		comm, err := os.ReadFile(dir + "/comm")
		if err != nil || !strings.HasPrefix(string(comm), "git") {
			continue
		}
		info, err := os.Stat(dir)
		if err != nil {
			continue
		}
		if sys, ok := info.Sys().(*syscall.Stat_t); !ok || sys.Uid != uid {
			continue
		}
		line, err := os.ReadFile(dir + "/cmdline")
		if err != nil || len(line) == 0 {
			continue
		}
		cwd, err := os.Readlink(dir + "/cwd")
		if err != nil {
			continue
		}
		command, where := gitCommand(strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00"), cwd)
		if command != "" && r.holds(where) {
			return fmt.Sprintf("git %s (pid %d)", command, pid)
		}
	}
	return ""
}

// gitCommand reads a command line: the subcommand, if it is one that moves
// branches or files, and the folder that it works in.
func gitCommand(args []string, cwd string) (command, where string) {
	where = cwd
	if len(args) == 0 {
		return "", where
	}
	name := filepath.Base(args[0])
	rest := args[1:]
	if sub, ok := strings.CutPrefix(name, "git-"); ok {
		return moving(sub), where
	}
	if name != "git" {
		return "", where
	}
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
		option, value, joined := strings.Cut(rest[0], "=")
		takes := option == "-C" || option == "-c" || option == "--git-dir" || option == "--work-tree" ||
			option == "--namespace" || option == "--exec-path" || option == "--config-env" || option == "--super-prefix"
		rest = rest[1:]
		if takes && !joined && option != "--exec-path" {
			if len(rest) == 0 {
				return "", where
			}
			value, rest = rest[0], rest[1:]
		}
		if option == "-C" || option == "--git-dir" || option == "--work-tree" {
			if !filepath.IsAbs(value) {
				value = filepath.Join(where, value)
			}
			where = value
		}
	}
	if len(rest) == 0 {
		return "", where
	}
	return moving(rest[0]), where
}

func moving(command string) string {
	switch command {
	case "commit", "merge", "rebase", "am", "cherry-pick", "revert", "checkout", "switch", "restore", "reset", "stash", "pull":
		return command
	}
	return ""
}

// holds reports whether a folder is in this work tree, and in no other
// repository within it, or is its git folder.
func (r *Repo) holds(dir string) bool {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	found, err := discover(dir)
	if err != nil {
		return false
	}
	return found.gitDir == r.gitDir
}
