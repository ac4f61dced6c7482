package gitstore

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Commit is a commit as it is stored. It is shared and must not be modified.
type Commit struct {
	Hash, Tree        Hash
	Parents           []Hash
	Author, Committer Signature
	Message           string
}

// Subject returns the first line of the message.
func (c *Commit) Subject() string {
	subject, _, _ := strings.Cut(c.Message, "\n")
	return subject
}

var errCommit = errors.New("damaged commit")

// CommitAt reads a commit. Where a shallow clone ends, it has no parents.
func (r *Repo) CommitAt(rev Hash) (*Commit, error) {
	if c, ok := r.objects.heads.get(rev); ok {
		return c, nil
	}
	if rev.IsZero() {
		return nil, fmt.Errorf("read commit: %w", ErrNotFound)
	}
	raw, err := r.objects.readKind(rev, kindCommit)
	if err != nil {
		return nil, err
	}
	c, err := parseCommit(raw)
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", rev, err)
	}
	c.Hash = rev
	cut, err := r.shallow.holds(r.commonDir, rev)
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", rev, err)
	}
	if cut {
		c.Parents = nil
		return c, nil // not kept: a fetch may bring the rest
	}
	r.objects.heads.put(rev, c, len(raw)+300)
	return c, nil
}

// parseCommit reads headers up to an empty line, and the message after it.
// Headers that are not ours to know are passed over.
func parseCommit(raw []byte) (*Commit, error) {
	c := &Commit{}
	for {
		line, rest, ok := bytes.Cut(raw, []byte("\n"))
		if len(line) == 0 {
			c.Message = string(rest)
			break
		}
		key, value, _ := strings.Cut(string(line), " ")
		var err error
		switch key {
		case "tree":
			c.Tree, err = ParseHash(value)
		case "parent":
			var h Hash
			h, err = ParseHash(value)
			c.Parents = append(c.Parents, h)
		case "author":
			c.Author, err = parseSignature(value)
		case "committer":
			c.Committer, err = parseSignature(value)
		}
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		raw = rest
	}
	if c.Tree.IsZero() {
		return nil, errCommit
	}
	return c, nil
}

// parseSignature reads "Name <email> seconds zone". It is lenient: old tools
// wrote all kinds of things.
func parseSignature(s string) (Signature, error) {
	open, end := strings.IndexByte(s, '<'), strings.LastIndexByte(s, '>')
	if open < 0 || end < open {
		return Signature{}, fmt.Errorf("%w: signature %q", errCommit, s)
	}
	sig := Signature{Name: strings.TrimSpace(s[:open]), Email: s[open+1 : end]}
	seconds, zone, _ := strings.Cut(strings.TrimSpace(s[end+1:]), " ")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		n = 0
	}
	offset := 0
	if z, err := strconv.Atoi(zone); err == nil && len(zone) == 5 {
		offset = z/100*3600 + z%100*60
	}
	sig.When = time.Unix(n, 0).In(time.FixedZone("", offset))
	return sig, nil
}

func (s Signature) String() string {
	_, offset := s.When.Zone()
	sign := '+'
	if offset < 0 {
		sign, offset = '-', -offset
	}
	return fmt.Sprintf("%s <%s> %d %c%02d%02d",
		cleanIdentity(s.Name), cleanIdentity(s.Email), s.When.Unix(), sign, offset/3600, offset/60%60)
}

// encodeCommit writes a commit as git stores it, its message ending in one line
// end.
func encodeCommit(c *Commit) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "tree %s\n", c.Tree)
	for _, p := range c.Parents {
		fmt.Fprintf(&out, "parent %s\n", p)
	}
	message := strings.TrimRight(strings.ReplaceAll(c.Message, "\x00", ""), "\n")
	fmt.Fprintf(&out, "author %s\ncommitter %s\n\n%s\n", c.Author, c.Committer, message)
	return out.Bytes()
}

// withSignature puts a signature into the headers of an encoded commit, its
// lines continued with a space.
func withSignature(encoded []byte, signature string) []byte {
	headers, message, _ := bytes.Cut(encoded, []byte("\n\n"))
	signature = strings.ReplaceAll(strings.TrimRight(signature, "\n"), "\n", "\n ")
	return fmt.Appendf(nil, "%s\ngpgsig %s\n\n%s", headers, signature, message)
}
