package bundle

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestMatchList(t *testing.T) {
	tests := []struct {
		s, list string
		want    bool
	}{
		{stream, stream, true},
		{stream, "acme/*", true},
		{stream, "acme/support/*", true},
		{stream, "acme/*/production", true},
		{stream, "*", true},
		{stream, "ACME/*", false},
		{stream, "acme", false},
		{stream, "acme/", false},
		{stream, "acme/support/productio?", true},
		{stream, "acme/support/production?", false},
		{stream, "acme/billing/*", false},
		{stream, "acme/billing/*,acme/support/*", true},
		{stream, "acme/*,!acme/support/*", false},
		{stream, "!acme/support/*,acme/*", false},
		{stream, "!acme/billing/*", false},
		{stream, "acme/*,!acme/billing/*", true},
		{stream, "!!acme/*", false},
		{stream, "", false},
		{"", "", true},
		{"", "*", true},
		{"", "?", false},
		{"acme/support2/x", "acme/support/*", false},
		{"acme/selection", "acme/*/*", false},
		{strings.Repeat("a", 2000), strings.Repeat("*a", 400) + "b", false}, // not in exponential time
	}
	for _, test := range tests {
		if got := matchList(test.s, test.list); got != test.want {
			t.Errorf("matchList(%q, %q) = %v", test.s, test.list, got)
		}
	}
}

func TestParseTrust(t *testing.T) {
	key := strings.TrimPrefix(AllowedSigner("x", keyOf(t, "acme").PublicKey()), `x namespaces="anvil-bundle-v1" `)
	good := map[string]int{ // how many lines count
		"":                                 0,
		"\n\n# comment\n   # indented\n":   0,
		"acme/* " + key:                    1,
		"acme/* " + key + "\r\n":           1,
		"  acme/*\t" + key + " a comment ": 1,
		"acme/* " + key + "\nb " + key:     2,
		`"acme/*" ` + key:                  1,
		`acme/* namespaces="git,anvil-bundle-v1" ` + key:               1,
		`acme/* NAMESPACES="git" ` + key:                               1,
		`acme/* valid-after="20260101",valid-before="20270101" ` + key: 1,
		`acme/* valid-after="202601011200Z" ` + key:                    1,
		`acme/* valid-after="20260101120000Z" ` + key:                  1,
		"acme/* ssh-rsa AAAAB3NzaC1yc2E= x":                            1,
		"acme/* sk-ssh-ed25519@openssh.com AAAA":                       1,
	}
	for lines, want := range good {
		trust, err := ParseTrust([]byte(lines))
		if err != nil || len(trust.lines) != want {
			t.Errorf("%q: %v", lines, err)
		}
	}
	for _, line := range []string{
		"acme/*",
		"acme/* ",
		key,
		"acme/* nonsense",
		"acme/* ssh-ed25519",
		"acme/* ssh-ed25519 ",
		"acme/* ssh-ed25519 !!!!",
		"acme/* ssh-ed25519 AAAA",
		"acme/* ssh-ed25519 AAAAB3NzaC1yc2E=",
		"acme/* ssh-ed448 AAAA",
		"acme/* " + key[:len(key)-4],
		"acme/* " + key + "AAAA",
		"acme/* cert-authority " + key,
		`acme/* cert-authority,namespaces="git" ` + key,
		`acme/* namespaces="git",cert-authority ` + key,
		`acme/* no-touch-required ` + key,
		`acme/* verify-required,namespaces="git" ` + key,
		`acme/* namespaces=git ` + key,
		`acme/* namespaces="git ` + key,
		`acme/* namespaces="git"x ` + key,
		`acme/* namespaces="git", ` + key,
		`acme/* ,namespaces="git" ` + key,
		`acme/* namespaces="git",namespaces="x" ` + key,
		`acme/* namespaces ` + key,
		`acme/* namespaces="git"`,
		`acme/* valid-after="yesterday" ` + key,
		`acme/* valid-after="2026" ` + key,
		`acme/* valid-after="20261301" ` + key,
		`acme/* valid-after="20260230Z" ` + key,
		`acme/* valid-after="" ` + key,
		`acme/* valid-after="-2026010" ` + key,
		`acme/* valid-after="20270101Z",valid-before="20260101Z" ` + key,
		`acme/* valid-after="20260101Z",valid-before="20260101Z" ` + key,
		`"acme/* ` + key,
		`"acme/*"x ` + key,
		`ac"me/*" ` + key,
		`acme/*, ` + key,
		`,acme/* ` + key,
		`acme/*,! ` + key,
		"acme/* " + key + "\x00",
		"acme/*\x0b" + key,
	} {
		if _, err := ParseTrust([]byte("# first\n" + line + "\n")); err == nil {
			t.Errorf("accepted: %s", line)
		} else {
			var hint interface{ Hint() string }
			if !strings.Contains(err.Error(), "line 2") || !errors.As(err, &hint) {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
}

// One line that cannot be read makes the file worth nothing: the good line before
// it does not count either.
func TestTrustFailsClosed(t *testing.T) {
	line := AllowedSigner("acme/*", keyOf(t, "acme").PublicKey())
	if trust, err := ParseTrust([]byte(line + "\nacme/* cert-authority " + line)); err == nil || trust != nil {
		t.Errorf("%v %v", trust, err)
	}
}

func TestTrustWarnings(t *testing.T) {
	line := AllowedSigner("acme/*", keyOf(t, "acme").PublicKey())
	trust := trustOf(t, line+"\n"+strings.Replace(line, `namespaces="anvil-bundle-v1" `, "", 1)+"\nacme/* ssh-rsa AAAA\n")
	warnings := trust.Warnings()
	if len(warnings) != 2 || !strings.Contains(warnings[0], "line 2") || !strings.Contains(warnings[1], "ssh-rsa") {
		t.Errorf("%q", warnings)
	}
	if trust.Empty() || !trustOf(t, "acme/* ssh-rsa AAAA\n").Empty() || !(*Trust)(nil).Empty() {
		t.Error("empty")
	}
}

// For generated allowed_signers files and identities, this package and ssh-keygen
// give the same answer; where this one is stricter on purpose it refuses the
// file, and then ssh-keygen may say what it likes.
func TestTrustAgreesWithSSHKeygen(t *testing.T) {
	needs(t, "ssh-keygen")
	// Times without a zone are local: both sides use the same one.
	zone := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = zone })

	dir := t.TempDir()
	message := []byte("message\n")
	signature, err := Sign(message, ManifestNamespace, keyOf(t, "acme"))
	if err != nil {
		t.Fatal(err)
	}
	signatureFile := save(t, dir, "sig", signature)
	random := rand.New(rand.NewPCG(3, 7))
	choose := func(from ...string) string { return from[random.IntN(len(from))] }
	publicKey := func(seed string) string {
		return strings.TrimPrefix(AllowedSigner("x", keyOf(t, seed).PublicKey()), `x namespaces="anvil-bundle-v1" `)
	}
	pattern := func() string {
		return choose("acme/*", "acme/support/*", stream, "*", "acme/*/production", "acme/s?pport/*", "ACME/*",
			"!acme/billing/*", "!acme/support/draft", "!*", "acme/billing/*", "a*e/*u*t/*n", "?", "acme/support/production?", "acme", "**", "*?*", "!acme/selection")
	}
	line := func() string {
		if random.IntN(20) == 0 {
			return choose("", "# comment", "  ", "\t# x", "acme/*", "acme/* nonsense", "acme/* cert-authority "+publicKey("acme"))
		}
		principals := pattern()
		for random.IntN(3) == 0 {
			principals += "," + pattern()
		}
		if random.IntN(10) == 0 {
			principals = `"` + principals + `"`
		}
		var options []string
		if random.IntN(2) == 0 {
			options = append(options, choose("namespaces", "Namespaces")+`="`+choose("anvil-bundle-v1", "git", "anvil-*", "git,anvil-bundle-v1", "*,!git", "*,!anvil-bundle-v1", "", "anvil-bundle-v?", "ANVIL-BUNDLE-V1")+`"`)
		}
		if random.IntN(4) == 0 {
			options = append(options, `valid-after="`+choose("20261123Z", "20261124Z", "20261101", "202611231000Z", "20261123100000Z", "20261123100001Z", "202611231001")+`"`)
		}
		if random.IntN(4) == 0 {
			options = append(options, `valid-before="`+choose("20261123Z", "20261124Z", "20271101", "202611231000Z", "20261123100000Z", "20261123095959Z", "202611230959")+`"`)
		}
		if random.IntN(25) == 0 {
			options = append(options, choose("verify-required", "x", `valid-after="20261332"`, `valid-before=""`, `namespaces="git"`, "namespaces=git", ""))
		}
		random.Shuffle(len(options), func(i, j int) { options[i], options[j] = options[j], options[i] })
		text := choose("", "", " ", "\t") + principals + choose(" ", "\t", "  ")
		if len(options) > 0 {
			text += strings.Join(options, ",") + choose(" ", "  ", "\t")
		}
		return text + choose(publicKey("acme"), publicKey("acme"), publicKey("acme"), publicKey("mallory"), "ssh-ed25519 AAAA", "ssh-rsa AAAA") + choose("", " comment", " a b c")
	}
	agreed, accepted, closed := 0, 0, 0
	for i := range 250 {
		var file []string
		for range 1 + random.IntN(3) {
			file = append(file, line())
		}
		text := strings.Join(file, "\n") + choose("", "\n")
		identity := choose(stream, stream, stream, "acme/support/draft", "acme/billing/production", "acme/selection", "x")
		signers := save(t, dir, fmt.Sprintf("allowed_signers.%d", i%2), []byte(text))
		output, theirs := run(t, dir, message, "ssh-keygen", "-Y", "verify", "-f", signers, "-I", identity, "-n", ManifestNamespace,
			"-s", signatureFile, "-O", "verify-time="+at.Format("20060102150405Z"))
		trust, err := ParseTrust([]byte(text))
		if err != nil {
			closed++
			continue
		}
		_, ours := trust.Verify(identity, ManifestNamespace, message, signature, at)
		if (ours == nil) == (theirs == nil) {
			agreed++
			if ours == nil {
				accepted++
			}
			continue
		}
		// ssh-keygen stops at the first line that it cannot read; ours only lets
		// lines pass that are well-formed for a type of key that never verifies.
		if ours == nil || !strings.Contains(text, "ssh-rsa") {
			t.Errorf("%q for %s: ours %v, ssh-keygen's %v %s", text, identity, ours, theirs, output)
		}
	}
	t.Logf("%d agreed, %d of them accepted; %d files refused as a whole", agreed, accepted, closed)
	if accepted < 20 || agreed < 80 {
		t.Error("the generated files say too little")
	}
}

// The lines that GenerateKey, AllowedSigner and a refusal give are good ones.
func TestAllowedSigner(t *testing.T) {
	line := AllowedSigner("acme/support/*", keyOf(t, "acme").PublicKey())
	if !regexp.MustCompile(`^acme/support/\* namespaces="anvil-bundle-v1" ssh-ed25519 [A-Za-z0-9+/=]+$`).MatchString(line) {
		t.Error(line)
	}
	trustOf(t, AllowedSigner("with space", keyOf(t, "acme").PublicKey()))
}

func FuzzParseTrust(f *testing.F) {
	f.Add([]byte(AllowedSigner("acme/*", keyOf(f, "acme").PublicKey())))
	f.Add([]byte("# x\n\"a b\",!c namespaces=\"a\\\"b\",valid-after=\"20260101Z\" ssh-ed25519 AAAA c\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		trust, err := ParseTrust(raw)
		if (trust == nil) == (err == nil) {
			t.Fatal("neither an answer nor an error")
		}
		if err == nil {
			_ = trust.Warnings()
			_, _ = trust.find(keyOf(t, "acme").PublicKey(), ptr(stream), ManifestNamespace, at)
		}
	})
}

// A revoked key is believed no more: not by any line, not for what was accepted
// before, and ssh-keygen says the same of the same list.
func TestRevoke(t *testing.T) {
	needs(t, "ssh-keygen")
	line := AllowedSigner("acme/*", keyOf(t, "acme").PublicKey())
	_, key, _ := strings.Cut(line, `"anvil-bundle-v1" `)
	archive := written(t, release(t, at.Unix(), small()))
	e := expecting(t)
	for list, want := range map[string]bool{"": true, "# none\n\n": true, key + "\n": false, "# lost\n" + key + " laptop\r\n": false, "ssh-rsa AAAA\n": true} {
		trust, err := e.Trust.Revoke([]byte(list))
		if err != nil {
			t.Fatalf("%q: %v", list, err)
		}
		with := e
		with.Trust, with.Accepted = trust, at.Add(-time.Hour)
		_, err = read(archive, with)
		if (err == nil) != want {
			t.Errorf("%q: %v", list, err)
		}
		var refused *UntrustedError
		if !want && (!errors.As(err, &refused) || refused.Hint() != "" || !strings.Contains(refused.Reason, "revoked")) {
			t.Errorf("%q: %v", list, err)
		}
	}
	more, err := e.Trust.Revoke([]byte(key))
	if err == nil {
		more, err = more.Revoke(nil)
	}
	if _, readErr := read(archive, Expect{Trust: more, Now: at}); err != nil || !errors.Is(readErr, ErrUntrusted) {
		t.Errorf("a second list forgets the first: %v, %v", err, readErr)
	}
	if trust, err := (*Trust)(nil).Revoke([]byte(key)); err != nil || !trust.Empty() {
		t.Error(err)
	}
	for _, bad := range []string{"x", "SSHKRL\n\x00", "acme/* " + key, "ssh-ed25519", "sha256:abc"} {
		if _, err := e.Trust.Revoke([]byte(key + "\n" + bad)); err == nil && !strings.HasPrefix(bad, "SSHKRL") {
			t.Errorf("%q is accepted", bad)
		}
		if _, err := e.Trust.Revoke([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	dir := t.TempDir()
	signature, err := Sign([]byte("m"), ManifestNamespace, keyOf(t, "acme"))
	if err != nil {
		t.Fatal(err)
	}
	verify := []string{"-Y", "verify", "-f", save(t, dir, "allowed", []byte(line+"\n")), "-I", stream, "-n", ManifestNamespace, "-s", save(t, dir, "sig", signature)}
	if text, err := run(t, dir, []byte("m"), "ssh-keygen", verify...); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if _, err := run(t, dir, []byte("m"), "ssh-keygen", append(verify, "-r", save(t, dir, "revoked", []byte(key+"\n")))...); err == nil {
		t.Error("ssh-keygen believes a key of the list")
	}
}
