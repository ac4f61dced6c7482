package bundle

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	contentFolder = "content/"
	resourcesFile = "resources.json"

	maxPath    = 512 // bytes
	maxSegment = 255
)

// checkPath holds one path of the sums to the policy: it means the same file, and
// a harmless one, on every file system and in git.
func checkPath(path string) error {
	bad := func(rule, format string, args ...any) error {
		return refuse(ErrFormat, rule, path, format, args...)
	}
	if len(path) > maxPath {
		return bad("path-length", "a path has at most %d bytes", maxPath)
	}
	if !utf8.ValidString(path) {
		return bad("path-utf8", "a path is UTF-8")
	}
	if !norm.NFC.IsNormalString(path) {
		return bad("path-normal", "a path is in Unicode's normal form C")
	}
	if i := strings.IndexFunc(path, forbidden); i >= 0 {
		r, _ := utf8.DecodeRuneInString(path[i:])
		return bad("path-character", "a path has no %U", r)
	}
	depth := 0
	for segment := range strings.SplitSeq(path, "/") {
		depth++
		switch {
		case segment == "":
			return bad("path-segment", "a path has no empty segment and does not start or end with a slash")
		case segment[0] == '.':
			return bad("path-hidden", "no segment of a path starts with a dot")
		case len(segment) > maxSegment:
			return bad("path-length", "a segment of a path has at most %d bytes", maxSegment)
		case segment[0] == ' ', strings.HasSuffix(segment, " "), strings.HasSuffix(segment, "."):
			return bad("path-edge", "no segment of a path starts with a space or ends with a space or a dot")
		case reserved(segment):
			return bad("path-reserved", "%q is a device on Windows", segment)
		}
	}
	if path == resourcesFile {
		return nil
	}
	if !strings.HasPrefix(path, contentFolder) || depth < 3 || !strings.HasSuffix(path, ".yaml") {
		return bad("path-place", "only .yaml files in folders below content/ have a place here")
	}
	return nil
}

// forbidden are characters that a file system, a shell, a terminal or a reader's
// eye may take for something else. ':' and '~' also name NTFS streams and 8.3
// names.
func forbidden(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '/':
		return false
	case r < utf8.RuneSelf:
		return r < ' ' || r == 0x7f || strings.ContainsRune("\\:~<>\"|?*", r)
	}
	return !unicode.IsGraphic(r) || unicode.Is(unicode.Zs, r) || r == utf8.RuneError ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// reserved reports whether Windows takes the segment for a device, whatever its
// extension.
func reserved(segment string) bool {
	stem, _, _ := strings.Cut(segment, ".")
	stem = strings.TrimRight(stem, " ")
	if len(stem) < len("CON") || len(stem) > len("CONOUT$") {
		return false
	}
	switch port := stem[3:]; port {
	case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
		return strings.EqualFold(stem[:3], "COM") || strings.EqualFold(stem[:3], "LPT")
	}
	for _, device := range [...]string{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"} {
		if strings.EqualFold(stem, device) {
			return true
		}
	}
	return false
}

// collisions finds paths that some file system takes for one another: equal up
// to case and compatibility, their parent folders included, or a file where
// another path has a folder.
type collisions struct {
	seen map[string]place // by folded path
	last string           // the folder whose parents were all seen
}

type place struct {
	path   string
	folder bool
}

func newCollisions(size int) *collisions {
	return &collisions{seen: make(map[string]place, size+size/4)}
}

func (c *collisions) add(path string) error {
	if i := strings.LastIndexByte(path, '/'); i >= 0 && path[:i] != c.last {
		for j := range i {
			if path[j] == '/' {
				if err := c.put(path[:j], path, true); err != nil {
					return err
				}
			}
		}
		if err := c.put(path[:i], path, true); err != nil {
			return err
		}
		c.last = path[:i]
	}
	return c.put(path, path, false)
}

func (c *collisions) put(part, path string, folder bool) error {
	key := folded(part)
	old, ok := c.seen[key]
	switch {
	case !ok:
		c.seen[key] = place{part, folder}
		return nil
	case old.path == part && old.folder && folder:
		return nil
	case old.path == part && old.folder != folder:
		return refuse(ErrFormat, "path-clash", path, "%q is a file and a folder", part)
	case old.path == part:
		return refuse(ErrFormat, "path-duplicate", path, "it stands there twice")
	}
	return refuse(ErrFormat, "path-collision", path, "%q and %q are one name on some file systems", old.path, part)
}

func folded(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			fold := cases.Fold()
			return norm.NFKC.String(fold.String(norm.NFKC.String(fold.String(norm.NFKC.String(s)))))
		}
	}
	return strings.ToLower(s)
}

// checkPaths holds all paths of the sums to the policy.
func (s Sums) checkPaths() error {
	seen := newCollisions(len(s.lines))
	for i := range s.lines {
		if err := checkPath(s.lines[i].path); err != nil {
			return err
		}
		if err := seen.add(s.lines[i].path); err != nil {
			return err
		}
	}
	return nil
}
