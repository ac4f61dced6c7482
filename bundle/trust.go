package bundle

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Trust is who may sign what: a parsed allowed_signers file. It is immutable; a
// nil Trust trusts nobody.
type Trust struct {
	lines   []allowed
	revoked map[string]bool // keys in the wire format
}

// ParseTrust parses an allowed_signers file. Principals are patterns of the
// identity that is signed, a release's stream or "organisation/selection".
//
// It fails closed: one line that cannot be understood (an unknown option, a
// certificate authority, a malformed key or time) is an error for the file.
// Keys of types other than ssh-ed25519 are understood and never verify.
func ParseTrust(allowedSigners []byte) (*Trust, error) {
	t := &Trust{}
	number := 0
	for line := range strings.SplitSeq(string(allowedSigners), "\n") {
		number++
		a, err := parseAllowed(line, number)
		if err != nil {
			return nil, fmt.Errorf("parse trust: %w", err)
		}
		if a != nil {
			t.lines = append(t.lines, *a)
		}
	}
	return t, nil
}

// Empty reports whether there is no line that could ever verify a signature.
func (t *Trust) Empty() bool {
	if t != nil {
		for i := range t.lines {
			if t.lines[i].keyType == ssh.KeyAlgoED25519 {
				return false
			}
		}
	}
	return true
}

// Warnings names the lines that mean more, or less, than their author may think.
func (t *Trust) Warnings() []string {
	var warnings []string
	for i := range t.lines {
		a := &t.lines[i]
		switch {
		case a.keyType != ssh.KeyAlgoED25519:
			warnings = append(warnings, fmt.Sprintf("allowed_signers line %d: a key of type %s signs no bundle, only %s does", a.line, a.keyType, ssh.KeyAlgoED25519))
		case a.namespaces == nil:
			warnings = append(warnings, fmt.Sprintf("allowed_signers line %d: without namespaces=%q the key is trusted for every kind of signature", a.line, ManifestNamespace))
		}
	}
	return warnings
}

// Verify checks that signature is over message, for namespace, by a key that was
// trusted for identity at that time (zero: now).
func (t *Trust) Verify(identity, namespace string, message, signature []byte, at time.Time) (Signer, error) {
	s, err := parseSignature(signatureFile, signature)
	if err != nil {
		return Signer{}, err
	}
	if err := s.verify(message, namespace); err != nil {
		return Signer{}, err
	}
	return t.find(s.key(), &identity, namespace, at)
}

// find returns whom key stands for. Without an identity any principal will do:
// then it only says that the key is known.
func (t *Trust) find(key ssh.PublicKey, identity *string, namespace string, at time.Time) (Signer, error) {
	if at.IsZero() {
		at = time.Now()
	}
	at = at.Truncate(time.Second)
	wire, reason := key.Marshal(), "(no line has this key)"
	switch {
	case t.revokes(key):
		reason = "(it is revoked here)"
	case t.Empty():
		reason = "(no key is trusted here yet)"
	default:
		for i := range t.lines {
			a := &t.lines[i]
			if a.keyType != ssh.KeyAlgoED25519 || !bytes.Equal(a.key, wire) {
				continue
			}
			switch {
			case a.namespaces != nil && !matchList(namespace, *a.namespaces):
				reason = fmt.Sprintf("(line %d trusts it for namespaces %q, not for %q)", a.line, *a.namespaces, namespace)
			case !a.validAfter.IsZero() && at.Before(a.validAfter):
				reason = fmt.Sprintf("(line %d trusts it from %s on)", a.line, a.validAfter.UTC().Format(time.RFC3339))
			case !a.validBefore.IsZero() && at.After(a.validBefore):
				reason = fmt.Sprintf("(line %d trusted it until %s)", a.line, a.validBefore.UTC().Format(time.RFC3339))
			case identity != nil && !matchList(*identity, a.principals):
				reason = fmt.Sprintf("(line %d trusts it for %q)", a.line, a.principals)
			default:
				return Signer{Principal: a.principals, Fingerprint: ssh.FingerprintSHA256(key)}, nil
			}
		}
	}
	claim := ""
	if identity != nil {
		claim = *identity
	}
	return Signer{}, t.untrusted(key, claim, reason)
}

// untrusted offers the line that would trust the key, where one would help.
func (t *Trust) untrusted(key ssh.PublicKey, identity, reason string) *UntrustedError {
	e := &UntrustedError{Fingerprint: ssh.FingerprintSHA256(key), Identity: identity, Reason: reason}
	if identity != "" && !t.revokes(key) {
		e.Line = AllowedSigner(identity, key)
	}
	return e
}

// AllowedSigner returns the allowed_signers line, without a line end, that
// trusts key to sign manifests as principal: an identity or a pattern of them.
func AllowedSigner(principal string, key ssh.PublicKey) string {
	if strings.ContainsAny(principal, blanks) {
		principal = `"` + principal + `"`
	}
	return fmt.Sprintf("%s namespaces=%q %s", principal, ManifestNamespace,
		bytes.TrimSpace(ssh.MarshalAuthorizedKey(key)))
}
