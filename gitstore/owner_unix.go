//go:build unix

package gitstore

import (
	"os"
	"strconv"
	"syscall"
)

// owned reports whether a file belongs to the user of this process. What cannot
// be looked at does not.
func owned(path string) bool {
	info, err := os.Lstat(path)
	if err != nil {
		return false
	}
	sys, ok := info.Sys().(*syscall.Stat_t)
	return ok && (int(sys.Uid) == os.Geteuid() || strconv.Itoa(int(sys.Uid)) == sudoer())
}

// sudoer is the user that root works for under sudo, whose repositories git
// lets root work in; "" when there is none.
func sudoer() string {
	if os.Geteuid() != 0 {
		return ""
	}
	return os.Getenv("SUDO_UID")
}
