//go:build unix

package httpapi

import "syscall"

// Descriptors that clients leave for the local socket, git and the database.
const (
	reserved  = 128
	fewest    = 16
	unbounded = 1 << 20
)

// maxConnections is how many TCP connections may be open at the same time: so
// many that the rest of the process still gets a file descriptor.
func maxConnections() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > unbounded {
		return unbounded
	}
	return max(int(limit.Cur)-reserved, int(limit.Cur)/2, fewest)
}
