package gitstore

import "syscall"

// lowerDiskPriority lets the group read and write only when nobody else wants
// to, as ionice -c3 does; see ioprio_set(2).
func lowerDiskPriority(group int) {
	const ofGroup, idle, classShift = 2, 3, 13
	_, _, _ = syscall.Syscall(syscall.SYS_IOPRIO_SET, ofGroup, uintptr(group), idle<<classShift)
}
