//go:build !linux && !darwin

package gitstore

import "io/fs"

const hasFileMode = false

func statOf(info fs.FileInfo) fileStat {
	return fileStat{mtime: info.ModTime(), ctime: info.ModTime()}
}
