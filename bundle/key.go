package bundle

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"
)

// ErrExposed is a private key that others on this machine can read.
var ErrExposed = errors.New("private key can be read by others")

type exposedError struct {
	path string
	mode fs.FileMode
}

func (e *exposedError) Error() string {
	return fmt.Sprintf("load key %s: %v (mode %04o)", e.path, ErrExposed, e.mode)
}
func (e *exposedError) Unwrap() error { return ErrExposed }
func (e *exposedError) Hint() string  { return fmt.Sprintf("chmod 600 %s", e.path) }

type keyError struct {
	err  error
	hint string
}

func (e *keyError) Error() string { return e.err.Error() }
func (e *keyError) Unwrap() error { return e.err }
func (e *keyError) Hint() string  { return e.hint }

const maxKeyFile = 64 << 10

// GenerateKey makes a new Ed25519 key and writes it, not encrypted, in OpenSSH's
// format: path with mode 0600 and path.pub. A file that is there already is
// never overwritten; the error then matches [fs.ErrExist].
func GenerateKey(path, comment string) (ssh.Signer, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	sshPublic, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	line := bytes.TrimSpace(ssh.MarshalAuthorizedKey(sshPublic))
	if comment != "" {
		line = append(append(line, ' '), comment...)
	}
	for _, file := range []string{path, path + ".pub"} {
		if _, err := os.Lstat(file); err == nil {
			return nil, &existsError{file: file}
		}
	}
	// The private half first: the public one can be had from it.
	if err := writeNew(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	if err := writeNew(path+".pub", append(line, '\n'), 0o644); err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	return signer, nil
}

// existsError refuses to write over a key. It matches [fs.ErrExist].
type existsError struct{ file string }

func (e *existsError) Error() string { return "generate key: " + e.file + " is there already" }
func (e *existsError) Unwrap() error { return fs.ErrExist }
func (e *existsError) Hint() string {
	return "nothing was overwritten; name another file, or move this one away"
}

// writeNew writes a file that must not exist yet, whole or not at all.
func writeNew(path string, content []byte, mode fs.FileMode) (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".key-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(temporary.Name())) }()
	_, err = temporary.Write(content)
	if err == nil {
		err = temporary.Chmod(mode)
	}
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	if err := os.Link(temporary.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// LoadKey reads an OpenSSH Ed25519 key. passphrase is asked only for an
// encrypted one and may be nil. A file that others can read is refused
// ([ErrExposed]).
func LoadKey(path string, passphrase func() ([]byte, error)) (ssh.Signer, error) {
	content, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(content)
	if missing := (*ssh.PassphraseMissingError)(nil); errors.As(err, &missing) {
		if passphrase == nil {
			return nil, &keyError{fmt.Errorf("load key %s: it is encrypted and there is no passphrase", path), "use a key without one, or an ssh-agent"}
		}
		secret, askErr := passphrase()
		if askErr != nil {
			return nil, fmt.Errorf("load key %s: %w", path, askErr)
		}
		signer, err = ssh.ParsePrivateKeyWithPassphrase(content, secret)
	}
	if err != nil {
		return nil, fmt.Errorf("load key %s: %w", path, err)
	}
	if t := signer.PublicKey().Type(); t != ssh.KeyAlgoED25519 {
		return nil, &keyError{fmt.Errorf("load key %s: it is of type %s, only %s signs", path, t, ssh.KeyAlgoED25519), "make one with: ssh-keygen -t ed25519 -f " + path + "-ed25519"}
	}
	return signer, nil
}

// readSecret reads a file that nobody else may read.
func readSecret(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load key: %w", err)
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("load key: %w", err)
	}
	if !stat.Mode().IsRegular() {
		return nil, fmt.Errorf("load key %s: not a regular file", path)
	}
	if exposed(stat) {
		return nil, &exposedError{path, stat.Mode().Perm()}
	}
	content, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("load key: %w", err)
	}
	return content, nil
}
