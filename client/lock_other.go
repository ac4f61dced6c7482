//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package client

import (
	"errors"
	"os"
)

// tryLock has nothing to lock with here: a folder is then for one process.
func tryLock(*os.File, bool) (bool, error) {
	return false, errors.ErrUnsupported
}
