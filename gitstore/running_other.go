//go:build !linux

package gitstore

import "syscall"

const errNotDir = syscall.ENOTDIR

// running is only known on Linux; elsewhere the caller waits for a quiet
// period.
func (r *Repo) running() string { return "" }
