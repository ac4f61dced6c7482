package bundle

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// needs skips a test where a program that it compares with is not installed.
func needs(t testing.TB, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: needs %s, to compare with it", tool)
		}
	}
}

// run runs a program in a folder, in UTC.
func run(t testing.TB, dir string, input []byte, name string, args ...string) (string, error) {
	t.Helper()
	c := exec.Command(name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C.UTF-8", "HOME="+dir)
	c.Stdin = bytes.NewReader(input)
	out, err := c.CombinedOutput()
	return string(out), err
}

func save(t testing.TB, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A bundle is verified with unzip, ssh-keygen and sha256sum alone, by the
// commands of its README.
func TestVerifiedWithoutAnvil(t *testing.T) {
	needs(t, "unzip", "ssh-keygen", "sha256sum")
	dir := t.TempDir()
	content := small()
	content["content/support/triage/long.yaml"] = bytes.Repeat([]byte("a line that deflates well\n"), 150)
	b := release(t, at.Unix(), content)
	archive := save(t, dir, "b.anvil.zip", written(t, b))
	signers := save(t, dir, "allowed_signers", []byte(AllowedSigner("acme/support/*", keyOf(t, "acme").PublicKey())+"\n"))
	out := filepath.Join(dir, "out")
	for _, args := range [][]string{{"-tqq", archive}, {"-q", archive, "-d", out}} {
		if text, err := run(t, dir, nil, "unzip", args...); err != nil {
			t.Fatalf("unzip %v: %v\n%s", args, err, text)
		}
	}
	if readMe, err := os.ReadFile(filepath.Join(out, "README.txt")); err != nil || string(readMe) != ReadMe {
		t.Errorf("README.txt: %v", err)
	}
	manifest, err := os.ReadFile(filepath.Join(out, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	verify := []string{"-Y", "verify", "-f", signers, "-n", ManifestNamespace, "-s", "manifest.json.sig", "-I"}
	if text, err := run(t, out, manifest, "ssh-keygen", append(verify, stream)...); err != nil {
		t.Errorf("ssh-keygen: %v\n%s", err, text)
	}
	if text, err := run(t, out, manifest, "ssh-keygen", append(verify, "acme/billing/production")...); err == nil {
		t.Errorf("ssh-keygen verified another stream: %s", text)
	}
	text, err := run(t, out, nil, "sha256sum", "SHA256SUMS")
	if err != nil || text != b.Manifest.Content.SumsSHA256+"  SHA256SUMS\n" {
		t.Errorf("sha256sum: %v\n%s", err, text)
	}
	if text, err := run(t, out, nil, "sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"); err != nil || text != "" {
		t.Errorf("sha256sum -c: %v\n%s", err, text)
	}
	count := 0
	err = filepath.WalkDir(out, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			count++
		}
		return err
	})
	if err != nil || count != 4+len(content) {
		t.Errorf("%d files were unpacked: %v", count, err)
	}

	// The other way round: what ssh-keygen signs is believed here.
	key := save(t, dir, "key", privateKey(t, "acme"))
	unsigned := save(t, dir, "manifest.json", b.Raw)
	if text, err := run(t, dir, nil, "ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", ManifestNamespace, unsigned); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, text)
	}
	signature, err := os.ReadFile(unsigned + ".sig")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(signature, b.Signature) {
		t.Errorf("ssh-keygen signs otherwise:\n%s\n%s", signature, b.Signature)
	}
}
