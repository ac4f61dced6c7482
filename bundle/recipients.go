package bundle

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// recipientsNamespace is the SSHSIG namespace of a file of recipients.
const recipientsNamespace = "anvil-recipients-v1"

const maxRecipientsFile = 64 << 10

// A file of recipients says which keys to encrypt for so that an organisation can open
// it, signed by that organisation:
//
//	anvil-recipients acme
//	anvil-x25519:…
//	-----BEGIN SSH SIGNATURE-----
//	…
//
// The signature is over everything above it.
const recipientsHead = "anvil-recipients "

// SignRecipients writes a file of recipients of an organisation.
func SignRecipients(organisation string, to []Recipient, s ssh.Signer) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s%s\n", recipientsHead, organisation)
	for _, r := range to {
		if r.public == nil {
			return nil, fmt.Errorf("sign recipients: a passphrase is no recipient for others")
		}
		fmt.Fprintln(&b, r)
	}
	signature, err := Sign(b.Bytes(), recipientsNamespace, s)
	if err != nil {
		return nil, fmt.Errorf("sign recipients: %w", err)
	}
	b.Write(signature)
	if _, _, err := parseRecipients(b.Bytes()); err != nil {
		return nil, fmt.Errorf("sign recipients: %w", err)
	}
	return b.Bytes(), nil
}

// ParseRecipients reads a file of recipients that is signed by whoever may sign the
// organisation's selections at that time (zero: now), and says whose it is.
func ParseRecipients(raw []byte, trust *Trust, at time.Time) ([]Recipient, string, error) {
	to, organisation, err := parseRecipients(raw)
	if err != nil {
		return nil, "", err
	}
	split := bytes.Index(raw, []byte(armorHead))
	s, err := parseSignature("", raw[split:])
	if err != nil {
		return nil, "", err
	}
	if err := s.verify(raw[:split], recipientsNamespace); err != nil {
		return nil, "", err
	}
	identity := organisation + "/selection"
	if _, err := trust.find(s.key(), &identity, ManifestNamespace, at); err != nil {
		return nil, "", err
	}
	return to, organisation, nil
}

func parseRecipients(raw []byte) ([]Recipient, string, error) {
	bad := func(format string, args ...any) error { return refuse(ErrFormat, "recipients", "", format, args...) }
	if len(raw) > maxRecipientsFile {
		return nil, "", refuse(ErrTooLarge, "recipients", "", "a file of recipients has %d bytes, at most %d are read", len(raw), maxRecipientsFile)
	}
	text, _, signed := strings.Cut(string(raw), armorHead)
	if !signed {
		return nil, "", refuse(ErrUnsigned, "recipients", "", "the file of recipients is not signed")
	}
	head, lines, ok := strings.Cut(text, "\n")
	organisation, is := strings.CutPrefix(head, recipientsHead)
	if !ok || !is || !isName(organisation) {
		return nil, "", bad("a file of recipients begins with %q and the name of an organisation", recipientsHead)
	}
	var to []Recipient
	for line := range strings.Lines(lines) {
		text, ended := strings.CutSuffix(line, "\n")
		r, err := ParseRecipient(text)
		if err != nil || !ended {
			return nil, "", bad("%v", err)
		}
		to = append(to, r)
	}
	if len(to) == 0 || len(to) > maxRecipients {
		return nil, "", bad("it names %d recipients, 1 to %d there may be", len(to), maxRecipients)
	}
	return to, organisation, nil
}

// isName reports whether s is one segment of a name.
func isName(s string) bool {
	return s != "" && len(s) <= 128 && !strings.ContainsAny(s[:1], "._-") && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") == ""
}
