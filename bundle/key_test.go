package bundle

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

func TestGenerateKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "signing")
	made, err := GenerateKey(path, "acme production")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadKey(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made.PublicKey().Marshal(), loaded.PublicKey().Marshal()) {
		t.Error("another key was written")
	}
	public, err := os.ReadFile(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	key, comment, _, rest, err := ssh.ParseAuthorizedKey(public)
	if err != nil || comment != "acme production" || len(rest) > 0 || !bytes.Equal(key.Marshal(), made.PublicKey().Marshal()) {
		t.Errorf("%s: %v", public, err)
	}
	if runtime.GOOS != "windows" {
		for name, want := range map[string]fs.FileMode{path: 0o600, path + ".pub": 0o644} {
			if stat, err := os.Stat(name); err != nil || stat.Mode().Perm() != want {
				t.Errorf("%s: %v %v", name, stat.Mode(), err)
			}
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v %v", entries, err)
	}

	// A key that is there stays.
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := GenerateKey(path, ""); !errors.Is(err, fs.ErrExist) {
		t.Errorf("overwrite: %v", err)
	}
	if err := os.Remove(path + ".pub"); err != nil {
		t.Fatal(err)
	}
	if _, err := GenerateKey(path, ""); !errors.Is(err, fs.ErrExist) {
		t.Errorf("overwrite: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Error("the key was overwritten")
	}
	if _, err := os.Stat(path + ".pub"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a public key of a private one that was never written: %v", err)
	}
	if _, err := GenerateKey(filepath.Join(dir, "no", "such", "folder"), ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

func TestGeneratedKeyIsOpenSSHs(t *testing.T) {
	needs(t, "ssh-keygen")
	dir := t.TempDir()
	path := filepath.Join(dir, "signing")
	made, err := GenerateKey(path, "a comment")
	if err != nil {
		t.Fatal(err)
	}
	text, err := run(t, dir, nil, "ssh-keygen", "-y", "-P", "", "-f", path)
	if want := string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(made.PublicKey()))); err != nil || !strings.HasPrefix(text, want) {
		t.Errorf("ssh-keygen -y: %v\n%s\nwant %s", err, text, want)
	}
	text, err = run(t, dir, nil, "ssh-keygen", "-l", "-f", path+".pub")
	if want := ssh.FingerprintSHA256(made.PublicKey()) + " a comment (ED25519)"; err != nil || !strings.Contains(text, want) {
		t.Errorf("ssh-keygen -l: %v\n%s\nwant %s", err, text, want)
	}
}

func TestLoadEncryptedKey(t *testing.T) {
	needs(t, "ssh-keygen")
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if text, err := run(t, dir, nil, "ssh-keygen", "-q", "-t", "ed25519", "-a", "1", "-N", "correct horse", "-C", "x", "-f", path); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	asked := 0
	answer := func(text string, err error) func() ([]byte, error) {
		return func() ([]byte, error) { asked++; return []byte(text), err }
	}
	key, err := LoadKey(path, answer("correct horse", nil))
	if err != nil || asked != 1 {
		t.Fatalf("%v, asked %d times", err, asked)
	}
	if _, err := Sign([]byte("x"), ManifestNamespace, key); err != nil {
		t.Error(err)
	}
	if _, err := LoadKey(path, answer("wrong", nil)); err == nil {
		t.Error("a wrong passphrase was accepted")
	}
	gone := errors.New("no terminal")
	if _, err := LoadKey(path, answer("", gone)); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
	_, err = LoadKey(path, nil)
	var hint interface{ Hint() string }
	if !errors.As(err, &hint) {
		t.Errorf("%v", err)
	}
}

func TestLoadKeyRefuses(t *testing.T) {
	dir := t.TempDir()
	if runtime.GOOS != "windows" {
		for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o644, 0o660} {
			path := save(t, dir, "exposed", privateKey(t, "acme"))
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			_, err := LoadKey(path, nil)
			var hint interface{ Hint() string }
			if !errors.Is(err, ErrExposed) || !errors.As(err, &hint) || hint.Hint() != "chmod 600 "+path {
				t.Errorf("mode %o: %v", mode, err)
			}
		}
		path := save(t, dir, "private", privateKey(t, "acme"))
		if err := os.Chmod(path, 0o400); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKey(path, nil); err != nil {
			t.Error(err)
		}
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(rsaKey, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"empty":     nil,
		"no key":    []byte("hello\n"),
		"rsa":       pem.EncodeToMemory(block),
		"truncated": privateKey(t, "acme")[:200],
		"huge":      bytes.Repeat([]byte("A"), 1<<20),
	} {
		if _, err := LoadKey(save(t, dir, name, content), nil); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := LoadKey(filepath.Join(dir, "none"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := LoadKey(dir, nil); err == nil {
		t.Error("a folder was accepted")
	}
}
