package bundle

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// allowed is one line of an allowed_signers file (ALLOWED SIGNERS in
// ssh-keygen(1)).
type allowed struct {
	line        int
	principals  string
	namespaces  *string // nil: every namespace
	validAfter  time.Time
	validBefore time.Time
	keyType     string
	key         []byte // in the wire format
}

// lineError says which line of a file about keys cannot be believed.
type lineError struct {
	what    string
	line    int
	message string
	hint    string
}

func (e *lineError) Error() string { return fmt.Sprintf("%s line %d: %s", e.what, e.line, e.message) }
func (e *lineError) Hint() string  { return e.hint }

const blanks = " \t"

// parseAllowed parses one line, nil for an empty one or a comment.
func parseAllowed(line string, number int) (*allowed, error) {
	bad := func(format string, args ...any) error {
		return &lineError{
			what: "allowed_signers", line: number, message: fmt.Sprintf(format, args...),
			hint: `a line reads: acme/support/* namespaces="anvil-bundle-v1" ssh-ed25519 AAAA... ; nothing of the file is believed until every line can be read`,
		}
	}
	line = strings.Trim(line, blanks+"\r")
	if line == "" || line[0] == '#' {
		return nil, nil
	}
	if i := strings.IndexFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }); i >= 0 {
		return nil, bad("there is a control character in it")
	}
	a := &allowed{line: number}
	rest, ok := "", false
	if quoted, is := strings.CutPrefix(line, `"`); is {
		a.principals, rest, ok = strings.Cut(quoted, `"`)
		ok = ok && rest != "" && strings.Contains(blanks, rest[:1])
	} else {
		i := strings.IndexAny(line, blanks)
		if ok = i > 0; ok {
			a.principals, rest = line[:i], line[i:]
			ok = !strings.Contains(a.principals, `"`)
		}
	}
	if !ok {
		return nil, bad("it does not start with principals and a space")
	}
	for pattern := range strings.SplitSeq(a.principals, ",") {
		if strings.TrimPrefix(pattern, "!") == "" {
			return nil, bad("there is an empty principal")
		}
		if len(pattern) > 1000 {
			return nil, bad("a principal is longer than 1000 bytes")
		}
	}
	rest = strings.TrimLeft(rest, blanks)
	if word, _, _ := cutField(rest); !keyTypes(word) {
		options, after, err := cutOptions(rest)
		if err != nil {
			return nil, bad("%v", err)
		}
		if err := a.parseOptions(options); err != nil {
			return nil, bad("%v", err)
		}
		rest = after
	}
	if err := a.parseKey(rest); err != nil {
		return nil, bad("%v", err)
	}
	return a, nil
}

func cutField(s string) (field, rest string, found bool) {
	i := strings.IndexAny(s, blanks)
	if i < 0 {
		return s, "", false
	}
	return s[:i], strings.TrimLeft(s[i:], blanks), true
}

// cutOptions splits at the first blank outside of double quotes.
func cutOptions(s string) (options, rest string, err error) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '"':
			i++
		case s[i] == '"':
			quoted = !quoted
		case !quoted && strings.IndexByte(blanks, s[i]) >= 0:
			return s[:i], strings.TrimLeft(s[i:], blanks), nil
		}
	}
	if quoted {
		return "", "", fmt.Errorf("a quote is not closed")
	}
	return "", "", fmt.Errorf("there is no key in it")
}

func (a *allowed) parseOptions(s string) error {
	seen := map[string]bool{}
	for {
		name, after, _ := strings.Cut(s, "=")
		if i := strings.IndexAny(s, ","); i >= 0 && i < len(name) {
			name = s[:i]
		}
		name = strings.ToLower(name)
		switch name {
		case "namespaces", "valid-after", "valid-before":
		case "cert-authority":
			return fmt.Errorf("certificate authorities are not supported")
		default:
			return fmt.Errorf("unknown option %q", name)
		}
		if seen[name] {
			return fmt.Errorf("option %q stands there twice", name)
		}
		seen[name] = true
		value, rest, err := cutQuoted(after)
		if err != nil {
			return fmt.Errorf("option %q: %w", name, err)
		}
		if name == "namespaces" {
			a.namespaces = &value
		} else {
			at, err := parseSignerTime(value)
			if err != nil {
				return fmt.Errorf("option %q: %w", name, err)
			}
			if name == "valid-after" {
				a.validAfter = at
			} else {
				a.validBefore = at
			}
		}
		if rest == "" {
			break
		}
		if rest[0] != ',' {
			return fmt.Errorf("option %q is followed by %q, not by a comma", name, rest)
		}
		s = rest[1:]
	}
	if !a.validAfter.IsZero() && !a.validBefore.IsZero() && !a.validAfter.Before(a.validBefore) {
		return fmt.Errorf("valid-before is not after valid-after")
	}
	return nil
}

// cutQuoted takes a double-quoted value from the front; \" stands for a quote.
func cutQuoted(s string) (value, rest string, err error) {
	if s == "" || s[0] != '"' {
		return "", "", fmt.Errorf("the value is not in double quotes")
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '"':
			i++
			b.WriteByte('"')
		case s[i] == '"':
			return b.String(), s[i+1:], nil
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", fmt.Errorf("a quote is not closed")
}

// parseSignerTime parses YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with "Z" in
// UTC and without it in local time, as ssh-keygen does.
func parseSignerTime(s string) (time.Time, error) {
	digits, utc := strings.CutSuffix(s, "Z")
	where := time.Local
	if utc {
		where = time.UTC
	}
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if len(digits) != len(layout) {
			continue
		}
		at, err := time.ParseInLocation(layout, digits, where)
		if err != nil || at.Unix() <= 0 {
			break
		}
		return at, nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time (YYYYMMDD[HHMM[SS]]Z)", s)
}

// keyTypes reports whether a field is the name of a type of key and not the
// beginning of options.
func keyTypes(field string) bool {
	switch field {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoRSA, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
		ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256, "ssh-dss":
		return true
	}
	return false
}

// parseKey parses "type base64 [comment]". Only ssh-ed25519 ever verifies; the
// other types are let pass because the file is shared with git.
func (a *allowed) parseKey(s string) error {
	name, rest, _ := cutField(s)
	if !keyTypes(name) {
		return fmt.Errorf("unknown key type %q", name)
	}
	encoded, _, _ := cutField(rest)
	wire, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(wire) == 0 {
		return fmt.Errorf("the key is not base64")
	}
	a.keyType, a.key = name, wire
	if name != ssh.KeyAlgoED25519 {
		return nil
	}
	key, err := ssh.ParsePublicKey(wire)
	if err != nil || key.Type() != name || !bytes.Equal(key.Marshal(), wire) {
		return fmt.Errorf("the key is not an %s key", name)
	}
	return nil
}
