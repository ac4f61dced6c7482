package gitstore

import (
	"io/fs"
	"os"
	"strconv"
)

// sharing is core.sharedRepository: the permissions that files in the git folder
// have beside those that the user's umask leaves, so that others of a group, or
// all, may work in the repository. The zero value adds none.
type sharing struct {
	bits  fs.FileMode
	exact bool // bits are all there are, whatever the umask
}

func sharingOf(c config) sharing {
	value, ok := c.lookup("core.sharedrepository")
	n, err := strconv.ParseUint(value, 8, 12)
	switch {
	case !ok, value == "umask", err == nil && n == 0:
		return sharing{}
	case value == "group", err == nil && n == 1:
		return sharing{bits: 0o660}
	case value == "all", value == "world", value == "everybody", err == nil && n == 2:
		return sharing{bits: 0o664}
	case err == nil:
		return sharing{bits: fs.FileMode(n) & 0o666, exact: true}
	case c.boolean("core.sharedrepository", false):
		return sharing{bits: 0o660}
	}
	return sharing{}
}

// adjust gives a file or folder that was just made its permissions. As git does,
// it makes what may be read in a folder also searchable, leaves what is read-only
// so, and lets new files in a folder belong to the folder's group.
func (s sharing) adjust(path string) error {
	if s == (sharing{}) {
		return nil
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	old := info.Mode() & (fs.ModePerm | fs.ModeSetgid)
	bits := s.bits
	if old&0o200 == 0 {
		bits &^= 0o222
	}
	if old&0o100 != 0 {
		bits |= bits & 0o444 >> 2
	}
	mode := old | bits
	if s.exact {
		mode = old&^fs.ModePerm | bits
	}
	if info.IsDir() {
		mode |= mode & 0o444 >> 2
		if mode&0o060 != 0 {
			mode |= fs.ModeSetgid
		}
	}
	if mode == old {
		return nil
	}
	return os.Chmod(path, mode)
}

// Share gives a file or folder that the caller has made in the git folder the
// permissions that core.sharedRepository asks for.
func (r *Repo) Share(path string) error { return r.disk.sharing.adjust(path) }
