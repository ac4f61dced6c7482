package bundle

import (
	"errors"
	"time"

	"golang.org/x/crypto/ssh"
)

// Ahead is how far ahead of the reader's clock a sequence number (about Unix
// seconds) may be, so that a stolen key cannot push a stream out of reach.
const Ahead = 24 * time.Hour

// Expect is what the reader knows and asks for. Its zero value accepts nothing,
// because it trusts nobody.
type Expect struct {
	Trust *Trust // whose signatures count

	// Identity is the stream followed ("acme/support/production"), or
	// "acme/selection"; "" takes what the manifest says, which must then still
	// match the signer's principals.
	Identity string

	NotBefore int64  // lowest sequence accepted
	Held      string // id of the manifest held with sequence NotBefore, "" for none: another one with that sequence is refused

	Now          time.Time // zero is the current time
	Accepted     time.Time // when this content was first accepted, if it was: the key must have been valid then, instead of now
	AllowExpired bool      // for content held already; what is new must not be expired

	// Unverified leaves signature and trust unchecked: anyone may have made the
	// bundle. Formats, limits and hashes are checked all the same.
	Unverified bool

	Limits Limits

	envelope *Envelope // that the bundle came in
}

// authentic is a manifest that is believed: its signature, its signer, and that
// it is what the reader expects. Its content is not looked at yet.
type authentic struct {
	raw, signature []byte
	manifest       *Manifest
	signer         Signer
}

// authenticate is steps 3 to 6 of docs/bundle-format.md: signature, trust,
// manifest, identity. It comes before anything else that a bundle says is
// looked at.
func (e *Expect) authenticate(raw, signature []byte) (*authentic, error) {
	if len(raw) > MaxManifest {
		return nil, refuse(ErrTooLarge, "manifest-size", manifestFile, "%d bytes, at most %d are read", len(raw), MaxManifest)
	}
	now := e.Now
	if now.IsZero() {
		now = time.Now()
	}
	at := now
	if !e.Accepted.IsZero() {
		at = e.Accepted
	}
	var key ssh.PublicKey
	if !e.Unverified {
		s, err := parseSignature(signatureFile, signature)
		if err != nil {
			return nil, err
		}
		if err := s.verify(raw, ManifestNamespace); err != nil {
			return nil, err
		}
		key = s.key()
		if err := e.known(key, raw, at); err != nil {
			return nil, err
		}
	}
	m, err := ParseManifest(raw)
	if err != nil {
		return nil, err
	}
	a := &authentic{raw: raw, signature: signature, manifest: m}
	identity := m.Identity()
	if e.Identity != "" && e.Identity != identity {
		return nil, refuse(ErrStream, "identity", manifestFile, "it is signed for %q, expected was %q", identity, e.Identity)
	}
	if !e.Unverified {
		if a.signer, err = e.Trust.find(key, &identity, ManifestNamespace, at); err != nil {
			return nil, err
		}
	}
	if e.envelope != nil {
		if err := e.envelope.opens(a); err != nil {
			return nil, err
		}
	} else if len(m.Recipients) > 0 {
		return nil, refuse(ErrFormat, "recipients", manifestFile, "it was encrypted for %d recipients and has been taken out of its envelope", len(m.Recipients))
	}
	if m.Type == TypeRelease {
		if err := e.timely(m, raw, now); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// known refuses a key that no line trusts for anything, before its manifest is
// believed to be one.
func (e *Expect) known(key ssh.PublicKey, raw []byte, at time.Time) error {
	_, err := e.Trust.find(key, nil, ManifestNamespace, at)
	if err == nil {
		return nil
	}
	// Only for the hint, which should say whom the key would be trusted as.
	claim := e.Identity
	if claim == "" {
		if m, parseErr := ParseManifest(raw); parseErr == nil {
			claim = m.Identity()
		}
	}
	var refused *UntrustedError
	if claim != "" && errors.As(err, &refused) {
		return e.Trust.untrusted(key, claim, refused.Reason)
	}
	return err
}

// timely refuses a release that is older than what is held, or out of date, or
// out of reach.
func (e *Expect) timely(m *Manifest, raw []byte, now time.Time) error {
	switch {
	case m.Sequence > now.Add(Ahead).Unix():
		return refuse(ErrFuture, "sequence-ahead", manifestFile, "its sequence number %d (%s) is more than a day ahead of this clock (%s)",
			m.Sequence, time.Unix(m.Sequence, 0).UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339)).
			advise("check the clocks of this machine and of the server: a wrong clock is the usual cause")
	case m.Sequence < e.NotBefore:
		return refuse(ErrReplayed, "sequence", manifestFile, "its sequence number is %d, at least %d was expected", m.Sequence, e.NotBefore)
	case m.Sequence == e.NotBefore && e.Held != "" && e.Held != ManifestID(raw):
		return refuse(ErrEquivocation, "equivocation", manifestFile, "its sequence number %d is that of another release that is held already", m.Sequence).
			advise("two servers may be signing as %s: find out which of them should, before you go on", m.Stream)
	case !e.AllowExpired && !m.Expires.After(now):
		return refuse(ErrExpired, "expired", manifestFile, "it expired at %s", m.Expires.UTC().Format(time.RFC3339)).
			advise("the server renews releases while it runs; if it does, check this machine's clock (%s)", now.UTC().Format(time.RFC3339))
	}
	return nil
}
