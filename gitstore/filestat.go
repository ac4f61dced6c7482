package gitstore

import (
	"encoding/binary"
	"io/fs"
	"time"
)

// fileStat is what the index keeps of a file, so that git need not read it
// again: seconds and nanoseconds, and the low 32 bits of the rest. Where the
// operating system has no such number it is zero, as git for Windows writes it.
type fileStat struct {
	ctime, mtime       time.Time
	dev, ino, uid, gid uint32
	size               uint32
}

// put writes the stat into the fixed part of an index entry; the mode between
// is the entry's.
func (s fileStat) put(fixed []byte) {
	words := []struct {
		at    int
		value uint32
	}{
		{0, uint32(s.ctime.Unix())},
		{4, uint32(s.ctime.Nanosecond())},
		{8, uint32(s.mtime.Unix())},
		{12, uint32(s.mtime.Nanosecond())},
		{16, s.dev},
		{20, s.ino},
		{28, s.uid},
		{32, s.gid},
		{36, s.size},
	}
	for _, w := range words {
		binary.BigEndian.PutUint32(fixed[w.at:], w.value)
	}
}

// racy is how old a file must be for its stat to vouch for its content: within
// a tick of the file system's clock it may be written again and look the same.
const racy = 20 * time.Millisecond

// statForIndex returns what the index shall keep of a file that was captured
// with this info. Nothing at all for a file that was not seen, and no size for
// one that was written just now: git then reads it to know.
func statForIndex(info fs.FileInfo, now time.Time) fileStat {
	epoch := time.Unix(0, 0)
	if info == nil {
		return fileStat{ctime: epoch, mtime: epoch}
	}
	s := statOf(info)
	s.size = uint32(info.Size())
	if now.Sub(info.ModTime()) < racy {
		s.size = 0
	}
	return s
}
