//go:build unix

package daemon

import (
	"errors"
	"os"
	"syscall"
)

// openFile opens a file for reading, but no link, and without waiting for the
// other end should it have become a pipe.
func openFile(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}

func isLink(err error) bool      { return errors.Is(err, syscall.ELOOP) }
func isNotFolder(err error) bool { return errors.Is(err, syscall.ENOTDIR) }

// exhausted says that the system has no more watches, or no more open files,
// to give.
func exhausted(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
