package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Sums is SHA256SUMS: the SHA-256 of every file of the content by its path in
// the archive, sorted bytewise. It is immutable; its zero value lists nothing.
type Sums struct {
	lines []sum
	raw   []byte
	root  [sha256.Size]byte
}

type sum struct {
	path string
	hash [sha256.Size]byte
}

// NewSums returns the sums of the given files. Paths that break the path policy
// are refused where the sums are used, by [Write] and every reader.
func NewSums(files map[string][sha256.Size]byte) Sums {
	lines := make([]sum, 0, len(files))
	for path, hash := range files {
		lines = append(lines, sum{path, hash})
	}
	slices.SortFunc(lines, func(a, b sum) int { return strings.Compare(a.path, b.path) })
	return newSums(lines)
}

// SumContent returns the sums of the given files, hashing them.
func SumContent(content map[string][]byte) Sums {
	files := make(map[string][sha256.Size]byte, len(content))
	for path, data := range content {
		files[path] = sha256.Sum256(data)
	}
	return NewSums(files)
}

// newSums takes sorted lines.
func newSums(lines []sum) Sums {
	size := 0
	for i := range lines {
		size += 2*sha256.Size + len("  \n") + len(lines[i].path)
	}
	raw := make([]byte, 0, size)
	for i := range lines {
		raw = hex.AppendEncode(raw, lines[i].hash[:])
		raw = append(raw, "  "...)
		raw = append(raw, lines[i].path...)
		raw = append(raw, '\n')
	}
	return Sums{lines: lines, raw: raw, root: sha256.Sum256(raw)}
}

// Bytes returns the file as it stands in an archive: one line a file,
// "<64 hex>  <path>\n", as sha256sum reads it.
func (s Sums) Bytes() []byte { return slices.Clone(s.raw) }

// Root returns the SHA-256 of [Sums.Bytes], which a manifest commits to.
func (s Sums) Root() [sha256.Size]byte {
	if s.lines == nil {
		return sha256.Sum256(nil)
	}
	return s.root
}

// Len returns how many files are listed.
func (s Sums) Len() int { return len(s.lines) }

// Lookup returns the hash of the file at path.
func (s Sums) Lookup(path string) ([sha256.Size]byte, bool) {
	i, ok := slices.BinarySearchFunc(s.lines, path, func(l sum, p string) int { return strings.Compare(l.path, p) })
	if !ok {
		return [sha256.Size]byte{}, false
	}
	return s.lines[i].hash, true
}

// All yields every path with its hash, sorted.
func (s Sums) All() iter.Seq2[string, [sha256.Size]byte] {
	return func(yield func(string, [sha256.Size]byte) bool) {
		for i := range s.lines {
			if !yield(s.lines[i].path, s.lines[i].hash) {
				return
			}
		}
	}
}

// Summary is what a manifest says about this content, whose files have so many
// bytes together.
func (s Sums) Summary(bytes int64) ContentSummary {
	root := s.Root()
	return ContentSummary{Algorithm: "sha256", SumsSHA256: hex.EncodeToString(root[:]), Files: s.Len(), Bytes: bytes}
}

// ParseSums parses SHA256SUMS. Only the one form that [Sums.Bytes] writes is
// accepted, with paths that keep to the path policy.
func ParseSums(raw []byte) (Sums, error) {
	if len(raw) > MaxSums {
		return Sums{}, refuse(ErrTooLarge, "sums-size", "SHA256SUMS", "%d bytes, at most %d are read", len(raw), MaxSums)
	}
	const path = 2*sha256.Size + len("  ")
	lines := make([]sum, 0, bytes.Count(raw, []byte{'\n'}))
	for rest := string(raw); rest != ""; {
		line, after, ended := strings.Cut(rest, "\n")
		rest = after
		bad := func(format string, args ...any) error {
			return refuse(ErrFormat, "sums-line", "SHA256SUMS", "line %d: %s", len(lines)+1, fmt.Sprintf(format, args...))
		}
		if !ended || len(line) <= path || line[path-2:path] != "  " {
			return Sums{}, bad(`a line reads "<64 hex>  <path>" and ends with a newline`)
		}
		next := sum{path: line[path:]}
		if !decodeHash(&next.hash, line[:path-2]) {
			return Sums{}, bad("the hash is not 64 lower-case hexadecimal digits")
		}
		if n := len(lines); n > 0 && lines[n-1].path >= next.path {
			return Sums{}, bad("paths are sorted bytewise and each stands there once")
		}
		lines = append(lines, next)
	}
	s := newSums(lines)
	if err := s.checkPaths(); err != nil {
		return Sums{}, err
	}
	return s, nil
}

// decodeHash decodes a SHA-256 in lower-case hexadecimal digits.
func decodeHash(hash *[sha256.Size]byte, digits string) bool {
	if len(digits) != 2*sha256.Size {
		return false
	}
	for i := range len(digits) {
		if c := digits[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	_, err := hex.Decode(hash[:], []byte(digits))
	return err == nil
}
