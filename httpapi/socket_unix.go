//go:build unix

package httpapi

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// checkPrivate refuses a folder that is not this user's or that others may
// enter. A symbolic link is refused: its owner could turn it elsewhere.
func checkPrivate(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder", dir)
	case !ok || int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to another user", dir)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s is open to other users (mode %03o)", dir, info.Mode().Perm())
	}
	return nil
}

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
