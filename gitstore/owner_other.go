//go:build !unix

package gitstore

// owned reports whether a file belongs to the user of this process, which is
// not asked here.
func owned(string) bool { return true }
