package client

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryLock locks a file against other openings of it, here or in another process,
// until it is closed. It does not wait.
func tryLock(f *os.File, exclusive bool) (taken bool, err error) {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err = windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}
