package bundle

import (
	"crypto/sha256"
	"encoding/hex"
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
