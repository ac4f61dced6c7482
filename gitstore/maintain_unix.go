//go:build unix

package gitstore

import (
	"os/exec"
	"syscall"
)

// prepareNiced gives a command a group of its own, so that what it starts ends
// with it.
func prepareNiced(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
}

// lowerPriority lets everything else go first. It is a courtesy: where it
// fails, git runs as any command.
func lowerPriority(group int) {
	_ = syscall.Setpriority(syscall.PRIO_PGRP, group, 19)
	lowerDiskPriority(group)
}
