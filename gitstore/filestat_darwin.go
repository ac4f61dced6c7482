package gitstore

import (
	"io/fs"
	"syscall"
	"time"
)

const hasFileMode = true

func statOf(info fs.FileInfo) fileStat {
	s := fileStat{mtime: info.ModTime(), ctime: info.ModTime()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.ctime = time.Unix(int64(sys.Ctimespec.Sec), int64(sys.Ctimespec.Nsec))
		s.dev, s.ino = uint32(sys.Dev), uint32(sys.Ino)
		s.uid, s.gid = sys.Uid, sys.Gid
	}
	return s
}
