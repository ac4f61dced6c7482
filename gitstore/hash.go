package gitstore

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
)

// Hash names a git object: the SHA-1 of its kind, its length and its content.
// The zero Hash names nothing.
type Hash [20]byte

// ParseHash reads 40 hexadecimal digits.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != 2*len(h) {
		return Hash{}, fmt.Errorf("parse hash %q: want 40 hexadecimal digits", s)
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, fmt.Errorf("parse hash %q: want 40 hexadecimal digits", s)
	}
	return h, nil
}

// String returns the 40 hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short returns the first 7 digits, as git shows them.
func (h Hash) Short() string { return hex.EncodeToString(h[:4])[:7] }

// IsZero reports whether h names nothing.
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText writes the 40 digits, and nothing for the zero Hash.
func (h Hash) MarshalText() ([]byte, error) {
	if h.IsZero() {
		return []byte{}, nil
	}
	return hex.AppendEncode(nil, h[:]), nil
}

// UnmarshalText reads what MarshalText writes.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*h = Hash{}
		return nil
	}
	parsed, err := ParseHash(string(text))
	if err != nil {
		return err
	}
	*h = parsed
	return nil
}

// BlobHash returns the hash that git gives a file of this content.
func BlobHash(content []byte) Hash { return hashObject(kindBlob, content) }

// kind is the type of an object, numbered as in a pack.
type kind byte

const (
	kindCommit kind = 1
	kindTree   kind = 2
	kindBlob   kind = 3
	kindTag    kind = 4
)

func (k kind) String() string {
	switch k {
	case kindCommit:
		return "commit"
	case kindTree:
		return "tree"
	case kindBlob:
		return "blob"
	case kindTag:
		return "tag"
	}
	return "unknown"
}

var errKind = errors.New("unknown kind of object")

func parseKind(s string) (kind, error) {
	for _, k := range []kind{kindCommit, kindTree, kindBlob, kindTag} {
		if k.String() == s {
			return k, nil
		}
	}
	return 0, fmt.Errorf("%w %q", errKind, s)
}

// objectHeader returns what precedes an object's content in its loose file and
// under its hash.
func objectHeader(k kind, size int) []byte {
	header := make([]byte, 0, 24)
	header = append(header, k.String()...)
	header = append(header, ' ')
	header = strconv.AppendInt(header, int64(size), 10)
	return append(header, 0)
}

func hashObject(k kind, content []byte) Hash {
	sum := sha1.New()
	sum.Write(objectHeader(k, len(content)))
	sum.Write(content)
	var h Hash
	sum.Sum(h[:0])
	return h
}
