//go:build !windows

package client

import (
	"os"
	"syscall"
)

// doNotWait opens a pipe without a writer at once.
const doNotWait = syscall.O_NONBLOCK

// syncFolder makes the names in a folder durable.
func syncFolder(root *os.Root, path string) error {
	f, err := root.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
