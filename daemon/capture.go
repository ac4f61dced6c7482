package daemon

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
)

// presence is what lies in the folder under a path.
type presence int

const (
	missing presence = iota // nothing
	present                 // a regular file, read whole
	unfit                   // something that is not committed: a link, too large, unreadable
	moving                  // being written: look again
)

// captured is what a path held when it stood still.
type captured struct {
	is      presence
	stat    stat
	info    fs.FileInfo // of a present file, for git's index
	content []byte
	hash    gitstore.Hash
	reason  string // of an unfit one
	hint    string
}

// stat tells two states of a file apart without reading it.
type stat struct {
	size         int64
	mtime, ctime int64 // nanoseconds
	inode        uint64
}

// capture reads the file at path below root. Links are never followed. A file
// that changed during the reading, or less than minAge before now, is moving:
// a second write within the same tick of the clock would not show. A
// modification time in the future says nothing about age; such a file must
// look as it did at the look before.
func capture(root, path string, minAge time.Duration, before *stat) captured {
	full := filepath.Join(root, filepath.FromSlash(path))
	if c, ok := parents(root, path); !ok {
		return c
	}
	info, err := os.Lstat(full)
	if err != nil {
		return failed(err)
	}
	if !info.Mode().IsRegular() {
		return captured{is: unfit, reason: describe(info.Mode()), hint: "only regular files are committed"}
	}
	if info.Size() > MaxFile {
		return captured{is: unfit, stat: statOf(info), reason: "is larger than 1 MiB", hint: "split it"}
	}
	f, err := openFile(full)
	if err != nil {
		return failed(err)
	}
	defer f.Close()
	opened, err := f.Stat()
	if err != nil {
		return failed(err)
	}
	if !opened.Mode().IsRegular() || statOf(opened) != statOf(info) {
		return captured{is: moving}
	}
	content, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return failed(err)
	}
	after, err := f.Stat()
	if err != nil {
		return failed(err)
	}
	s := statOf(after)
	if s != statOf(info) || int64(len(content)) != s.size {
		return captured{is: moving, stat: s}
	}
	age := time.Since(after.ModTime())
	if age < minAge && (age >= 0 || before == nil || *before != s) {
		return captured{is: moving, stat: s}
	}
	return captured{is: present, stat: s, info: after, content: content, hash: gitstore.BlobHash(content)}
}

func lstat(root, path string) (fs.FileInfo, error) {
	return os.Lstat(filepath.Join(root, filepath.FromSlash(path)))
}

// parents looks at the folders on the way to path, which may not be links.
func parents(root, path string) (captured, bool) {
	for i := range len(path) {
		if path[i] != '/' {
			continue
		}
		folder := path[:i]
		info, err := os.Lstat(filepath.Join(root, filepath.FromSlash(folder)))
		if err != nil {
			return failed(err), false
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			return captured{is: unfit, reason: "lies in " + folder + ", which is a symbolic link", hint: "only regular files in regular folders are committed"}, false
		}
	}
	return captured{}, true
}

func failed(err error) captured {
	switch {
	case errors.Is(err, fs.ErrNotExist), isNotFolder(err):
		return captured{is: missing}
	case isLink(err):
		return captured{is: moving} // it was a file a moment ago
	}
	reason := err.Error()
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		reason = pathError.Err.Error()
	}
	return captured{is: unfit, reason: "cannot be read: " + strings.ToLower(reason), hint: "make it readable for the user that runs anvil"}
}

func describe(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "is a symbolic link"
	case m.IsDir():
		return "is a folder"
	case m&fs.ModeNamedPipe != 0:
		return "is a named pipe"
	case m&fs.ModeSocket != 0:
		return "is a socket"
	}
	return "is not a regular file"
}
