package daemon

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// swap exchanges two files at once.
func swap(a, b string) error {
	err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EXDEV) {
		return errors.ErrUnsupported
	}
	if err != nil {
		return fmt.Errorf("swap %s: %w", b, err)
	}
	return nil
}
