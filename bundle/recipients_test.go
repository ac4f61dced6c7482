package bundle

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestRecipientsFile(t *testing.T) {
	a, b := newIdentity(t).Recipient(), newIdentity(t).Recipient()
	raw, err := SignRecipients("acme", []Recipient{a, b}, keyOf(t, "acme"))
	if err != nil {
		t.Fatal(err)
	}
	trust := expecting(t).Trust
	to, organisation, err := ParseRecipients(raw, trust, at)
	if err != nil || organisation != "acme" || len(to) != 2 || to[0].ID() != a.ID() || to[1].ID() != b.ID() {
		t.Fatalf("%v %q %v", to, organisation, err)
	}
	if _, _, err := ParseRecipients(raw, nil, at); !errors.Is(err, ErrUntrusted) {
		t.Errorf("by nobody's trust: %v", err)
	}
	for i := range raw {
		altered := bytes.Clone(raw)
		altered[i] ^= flips[i%len(flips)]
		if got, _, err := ParseRecipients(altered, trust, at); err == nil && (len(got) != 2 || got[0].ID() != a.ID()) {
			t.Fatalf("byte %d: another recipient is believed", i)
		}
	}
	text, _, _ := strings.Cut(string(raw), armorHead)
	signed := func(text, namespace string) []byte {
		s, err := Sign([]byte(text), namespace, keyOf(t, "acme"))
		if err != nil {
			t.Fatal(err)
		}
		return append([]byte(text), s...)
	}
	for name, bad := range map[string][]byte{
		"unsigned":             []byte(text),
		"signed as a manifest": signed(text, ManifestNamespace),
		"of globex":            signed(strings.Replace(text, "acme", "globex", 1), recipientsNamespace),
		"of no name":           signed(strings.Replace(text, "acme", "../acme", 1), recipientsNamespace),
		"nobody":               signed("anvil-recipients acme\n", recipientsNamespace),
		"a secret key":         signed("anvil-recipients acme\n"+keyText(identityWord, make([]byte, 32))+"\n", recipientsNamespace),
		"appended":             append(bytes.Clone(raw), '\n'),
	} {
		if _, _, err := ParseRecipients(bad, trust, at); err == nil {
			t.Errorf("%s: believed", name)
		}
	}
	if _, err := SignRecipients("acme", []Recipient{passphrase(t, "p")}, keyOf(t, "acme")); err == nil {
		t.Error("a passphrase is handed out")
	}
}

func FuzzParseRecipients(f *testing.F) {
	a := newIdentity(f).Recipient()
	raw, err := SignRecipients("acme", []Recipient{a}, keyOf(f, "acme"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	trust := expecting(f).Trust
	f.Fuzz(func(t *testing.T, raw []byte) {
		to, organisation, err := ParseRecipients(raw, trust, at)
		if err == nil && (organisation != "acme" || len(to) != 1 || to[0].ID() != a.ID()) {
			t.Fatalf("%q names %v", organisation, to)
		}
	})
}
