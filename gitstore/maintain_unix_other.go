//go:build unix && !linux

package gitstore

func lowerDiskPriority(int) {}
