package gitstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// reflogPolicy is core.logAllRefUpdates: which refs get a reflog that have none
// yet.
type reflogPolicy int

const (
	reflogExisting reflogPolicy = iota
	reflogUsual                 // HEAD, branches, remotes and notes
	reflogAll
)

func reflogsOf(c config, bare bool) reflogPolicy {
	value, ok := c.lookup("core.logallrefupdates")
	switch {
	case strings.EqualFold(value, "always"):
		return reflogAll
	case c.boolean("core.logallrefupdates", !ok && !bare):
		return reflogUsual
	}
	return reflogExisting
}

func (r *Repo) reflogPath(ref string) string {
	dir := r.commonDir
	if ref == "HEAD" {
		dir = r.gitDir
	}
	return filepath.Join(dir, "logs", filepath.FromSlash(ref))
}

// logs reports whether an update of the ref is written down.
func (r *Repo) logs(ref string) bool {
	usual := ref == "HEAD" || strings.HasPrefix(ref, "refs/heads/") || strings.HasPrefix(ref, "refs/remotes/") ||
		strings.HasPrefix(ref, "refs/notes/")
	if r.reflogs == reflogAll || r.reflogs == reflogUsual && usual {
		return true
	}
	return exists(r.reflogPath(ref))
}

// appendReflogs writes a line into the reflog of each ref; undo takes the lines
// back.
func (r *Repo) appendReflogs(refs []string, line string) (undo func(), err error) {
	var undos []func()
	undo = func() {
		for _, u := range undos {
			u()
		}
	}
	for _, ref := range refs {
		if !r.logs(ref) {
			continue
		}
		u, err := r.disk.append(r.reflogPath(ref), []byte(line))
		if info, statErr := os.Stat(r.reflogPath(ref)); err != nil && statErr == nil && info.IsDir() {
			removeEmptyFolders(r.reflogPath(ref)) // left from the reflog of a deleted ref
			u, err = r.disk.append(r.reflogPath(ref), []byte(line))
		}
		if err != nil {
			undo()
			return nil, fmt.Errorf("write reflog of %s: %w", ref, err)
		}
		undos = append(undos, u)
	}
	return undo, nil
}

func reflogLine(old, new Hash, who Signature, message string) string {
	message = strings.Join(strings.Fields(message), " ")
	return fmt.Sprintf("%s %s %s\t%s\n", old, new, who, message)
}

// cutReflog takes back the line, or the part of it, that an interrupted commit
// appended before its ref moved.
func (r *Repo) cutReflog(path string, j journal) error {
	raw, err := r.disk.read(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotDir) {
		return nil
	}
	if err != nil {
		return err
	}
	end := bytes.LastIndexByte(bytes.TrimSuffix(raw, []byte("\n")), '\n') + 1
	last, ours := raw[end:], []byte(j.Old.String()+" "+j.New.String()+" ")
	torn := !bytes.HasSuffix(last, []byte("\n")) && bytes.HasPrefix(ours, last)
	if len(last) == 0 || !torn && !bytes.HasPrefix(last, ours) {
		return nil
	}
	if end == 0 && j.Old.IsZero() { // a ref that was never there has none
		return r.disk.remove(path)
	}
	if err := r.disk.ask("truncate", path); err != nil {
		return err
	}
	return os.Truncate(path, int64(end))
}

// reflogEntry is one line of a reflog: at When the ref went from Old to New.
type reflogEntry struct {
	Old, New Hash
	When     time.Time
}

const (
	reflogBlock = 64 << 10 // is read at once, from the end
	reflogLimit = 1 << 20  // of one line; git writes no longer ones
)

// readReflog yields the entries of the reflog of a ref, the newest first; it
// reads no more of the file than is asked for, because nothing but gc shortens
// it. A line that is no entry is passed over, as git does. No reflog is
// ErrNotFound.
func (r *Repo) readReflog(ref string) iter.Seq2[reflogEntry, error] {
	return func(yield func(reflogEntry, error) bool) {
		f, err := os.Open(r.reflogPath(ref))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotDir) {
			err = ErrNotFound
		}
		if err == nil {
			defer f.Close()
			err = linesFromEnd(f, func(line []byte) bool {
				e, ok := parseReflogEntry(line)
				return !ok || yield(e, nil)
			})
		}
		if err != nil {
			yield(reflogEntry{}, fmt.Errorf("read reflog of %s: %w", ref, err))
		}
	}
}

// linesFromEnd calls found with the lines of a file, the last one first, until
// it wants no more.
func linesFromEnd(f *os.File, found func(line []byte) bool) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() { // left from the reflogs of deleted refs
		return ErrNotFound
	}
	var tail []byte // the beginning of a line that the block before goes on to
	for at := info.Size(); at > 0; {
		n := min(at, reflogBlock)
		at -= n
		block := make([]byte, n, int(n)+len(tail))
		if _, err := f.ReadAt(block, at); err != nil {
			return err
		}
		block = append(block, tail...)
		for {
			i := bytes.LastIndexByte(bytes.TrimSuffix(block, []byte("\n")), '\n')
			if i < 0 {
				break
			}
			if !found(block[i+1:]) {
				return nil
			}
			block = block[:i+1]
		}
		if tail = block; len(tail) > reflogLimit {
			return fmt.Errorf("a line of more than %d bytes", reflogLimit)
		}
	}
	if len(tail) > 0 {
		found(tail)
	}
	return nil
}

// parseReflogEntry reads "old new name <address> seconds zone", a tab and the
// message.
func parseReflogEntry(line []byte) (e reflogEntry, ok bool) {
	if len(line) < 83 || line[40] != ' ' || line[81] != ' ' {
		return e, false
	}
	var err error
	if e.Old, err = ParseHash(string(line[:40])); err != nil {
		return e, false
	}
	if e.New, err = ParseHash(string(line[41:81])); err != nil {
		return e, false
	}
	head, _, _ := bytes.Cut(line[82:], []byte("\t"))
	who, err := parseSignature(strings.TrimRight(string(head), "\n"))
	if err != nil || who.When.Unix() == 0 {
		return e, false
	}
	e.When = who.When
	return e, true
}
