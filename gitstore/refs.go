package gitstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// Ref is a name for a commit (or, for an annotated tag, for the tag).
type Ref struct {
	Name string
	Hash Hash
}

const symrefDepth = 5 // git's own limit

// Tip returns what a ref, as refs/heads/main or HEAD, points at; ErrNotFound
// when there is no such ref yet.
func (r *Repo) Tip(ref string) (Hash, error) {
	name := ref
	for range symrefDepth {
		h, target, err := r.readRef(name)
		if err != nil {
			return Hash{}, fmt.Errorf("read ref %s: %w", ref, err)
		}
		if target == "" {
			return h, nil
		}
		name = target
	}
	return Hash{}, fmt.Errorf("read ref %s: symbolic refs are nested too deeply", ref)
}

// refPath returns where a ref lies loose.
func (r *Repo) refPath(ref string) string {
	dir := r.commonDir
	if !strings.HasPrefix(ref, "refs/") || strings.HasPrefix(ref, "refs/bisect/") ||
		strings.HasPrefix(ref, "refs/worktree/") || strings.HasPrefix(ref, "refs/rewritten/") {
		dir = r.gitDir
	}
	return filepath.Join(dir, filepath.FromSlash(ref))
}

// readRef reads one ref without following it: its hash, or the ref that it
// stands for.
func (r *Repo) readRef(ref string) (h Hash, target string, err error) {
	if !validRef(ref) {
		return Hash{}, "", fmt.Errorf("%q is no name for a ref: %w", ref, ErrNotFound)
	}
	raw, err := r.disk.read(r.refPath(ref))
	if err == nil {
		return parseLooseRef(raw)
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNotDir) {
		// A folder of that name is left from refs below it. Whatever else cannot
		// be read is there all the same, and what is packed is older.
		if info, statErr := os.Stat(r.refPath(ref)); statErr != nil || !info.IsDir() {
			return Hash{}, "", err
		}
	}
	packed, err := r.packed.read(&r.disk, r.commonDir)
	if err != nil {
		return Hash{}, "", err
	}
	h, ok := packed.find(ref)
	if !ok {
		return Hash{}, "", ErrNotFound
	}
	return h, "", nil
}

func parseLooseRef(raw []byte) (h Hash, target string, err error) {
	text := strings.TrimRight(string(raw), " \t\r\n")
	if rest, ok := strings.CutPrefix(text, "ref:"); ok {
		target = strings.TrimLeft(rest, " \t")
		if !validRef(target) {
			return Hash{}, "", fmt.Errorf("damaged ref: it stands for %q", target)
		}
		return Hash{}, target, nil
	}
	if h, err = ParseHash(text); err != nil {
		return Hash{}, "", fmt.Errorf("damaged ref: %w", err)
	}
	return h, "", nil
}

// head returns the branch that is checked out, "" when HEAD is detached, and
// the tip, zero when it is not born yet.
func (r *Repo) head() (branch string, tip Hash, err error) {
	tip, branch, err = r.readRef("HEAD")
	if err != nil {
		return "", Hash{}, fmt.Errorf("read HEAD: %w", err)
	}
	if branch == "" {
		return "", tip, nil
	}
	tip, err = r.Tip(branch)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return branch, tip, err
}

// Refs returns the refs whose name begins with prefix, as refs/heads/ or
// refs/tags/v, sorted by name. Broken ones are left out.
func (r *Repo) Refs(prefix string) ([]Ref, error) {
	names := map[string]bool{}
	root := filepath.Join(r.commonDir, "refs")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(r.commonDir, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if entry.IsDir() {
			if !strings.HasPrefix(name+"/", prefix) && !strings.HasPrefix(prefix, name+"/") {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasPrefix(name, prefix) && validRef(name) {
			names[name] = true
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list refs: %w", err)
	}
	packed, err := r.packed.read(&r.disk, r.commonDir)
	if err != nil {
		return nil, fmt.Errorf("list refs: %w", err)
	}
	for name := range packed.withPrefix(prefix) {
		names[name] = true
	}
	refs := make([]Ref, 0, len(names))
	for name := range names {
		h, err := r.Tip(name)
		if err != nil {
			continue // deleted since, or broken
		}
		refs = append(refs, Ref{Name: name, Hash: h})
	}
	sort.Slice(refs, func(i, j int) bool { return refs[i].Name < refs[j].Name })
	return refs, nil
}

// validRef reports whether name is one that git would accept: HEAD and its
// like, or refs/….
func validRef(name string) bool {
	if name == "" || len(name) > 1000 || strings.HasSuffix(name, "/") || strings.HasSuffix(name, ".") || name == "@" {
		return false
	}
	if strings.Contains(name, "..") || strings.Contains(name, "@{") || strings.Contains(name, "//") {
		return false
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c == 0x7f || strings.IndexByte("~^:?*[\\", c) >= 0 {
			return false
		}
	}
	if !strings.HasPrefix(name, "refs/") {
		return strings.IndexFunc(name, func(c rune) bool { return (c < 'A' || c > 'Z') && c != '_' }) < 0
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}

// Resolve returns the commit that a name stands for: HEAD, a branch, a tag, a
// full hash or the beginning of one that no other commit has, each with git's
// suffixes ~N and ^N. ErrNotFound when there is none.
func (r *Repo) Resolve(name string) (Hash, error) {
	h, err := r.resolve(name)
	if err != nil {
		return Hash{}, fmt.Errorf("resolve %q: %w", name, err)
	}
	return h, nil
}

func (r *Repo) resolve(name string) (Hash, error) {
	base, steps := name, ""
	if i := strings.IndexAny(name, "~^"); i >= 0 {
		base, steps = name[:i], name[i:]
	}
	h, err := r.resolveBase(base)
	for err == nil && steps != "" {
		step := steps[0]
		steps = steps[1:]
		end := 0
		for end < len(steps) && isDigit(steps[end]) {
			end++
		}
		n := 1
		if end > 0 {
			if n, err = strconv.Atoi(steps[:end]); err != nil {
				return Hash{}, ErrNotFound
			}
		}
		steps = steps[end:]
		h, err = r.step(h, step, n)
	}
	return h, err
}

// step follows first parents n times for ~, or goes to the n-th parent for ^.
func (r *Repo) step(h Hash, step byte, n int) (Hash, error) {
	parent, times := 1, n
	switch {
	case step == '^' && n == 0:
		times = 0
	case step == '^':
		parent, times = n, 1
	case step != '~':
		return Hash{}, ErrNotFound
	}
	for range times {
		c, err := r.CommitAt(h)
		if err != nil {
			return Hash{}, err
		}
		if len(c.Parents) < parent {
			return Hash{}, ErrNotFound
		}
		h = c.Parents[parent-1]
	}
	return h, nil
}

func (r *Repo) resolveBase(name string) (Hash, error) {
	if h, err := ParseHash(name); err == nil {
		return r.peel(h)
	}
	if name == "@" {
		name = "HEAD"
	}
	for _, pattern := range []string{"%s", "refs/%s", "refs/tags/%s", "refs/heads/%s", "refs/remotes/%s"} {
		full := fmt.Sprintf(pattern, name)
		if !validRef(full) {
			continue
		}
		h, err := r.Tip(full)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return Hash{}, err
		}
		return r.peel(h)
	}
	digits := strings.ToLower(name)
	if len(digits) < 4 || len(digits) > 40 || strings.Trim(digits, "0123456789abcdef") != "" {
		return Hash{}, ErrNotFound
	}
	candidates, err := r.objects.abbreviated(digits)
	if err != nil {
		return Hash{}, err
	}
	var found []Hash
	for _, h := range candidates {
		if o, err := r.objects.read(h); err == nil && o.kind == kindCommit {
			found = append(found, h)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Hash{}, ErrNotFound
	}
	return Hash{}, &hinted{fmt.Errorf("%d commits begin so: %w", len(found), ErrNotFound), "give more digits of the hash"}
}

// peel follows annotated tags to the commit.
func (r *Repo) peel(h Hash) (Hash, error) {
	for range symrefDepth {
		o, err := r.objects.read(h)
		switch {
		case err != nil:
			return Hash{}, err
		case o.kind == kindCommit:
			return h, nil
		case o.kind != kindTag:
			return Hash{}, fmt.Errorf("it is a %s: %w", o.kind, ErrNotFound)
		}
		line, _, _ := strings.Cut(string(o.data), "\n")
		if h, err = ParseHash(strings.TrimPrefix(line, "object ")); err != nil {
			return Hash{}, err
		}
	}
	return Hash{}, fmt.Errorf("tags are nested too deeply: %w", ErrNotFound)
}
