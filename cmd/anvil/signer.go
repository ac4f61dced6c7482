package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/anvilpeering/anvil/bundle"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/term"
)

// signingKey loads the key that --sign names: a private key, or a public one (.pub)
// whose other half an ssh-agent holds. Without a name it is the organisation's own.
// The caller closes what it returns.
func (a *app) signingKey(name string) (ssh.Signer, func() error, error) {
	none := func() error { return nil }
	if name == "" {
		organisation, state, err := a.stateHere()
		if err != nil {
			return nil, nil, err
		}
		name = filepath.Join(state, stateSigningKey)
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			return nil, nil, fail("name a key with --sign KEY, or make one for the organisation: anvil keys generate",
				"organisation %s has no signing key on this machine", organisation)
		}
	}
	if strings.HasSuffix(name, ".pub") {
		return agentKey(name)
	}
	signer, err := bundle.LoadKey(name, func() ([]byte, error) { return a.secret("passphrase of " + name) })
	return signer, none, err
}

// agentKey finds the private half of a public key in the ssh-agent.
func agentKey(name string) (ssh.Signer, func() error, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, fmt.Errorf("read key: %w", err)
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(content)
	if err != nil {
		return nil, nil, fmt.Errorf("read key %s: %w", name, err)
	}
	socket := os.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, nil, fail("start one (eval $(ssh-agent); ssh-add), or name the private key", "%s is a public key, and there is no ssh-agent", name)
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to ssh-agent: %w", err)
	}
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("list keys of ssh-agent: %w", err), conn.Close())
	}
	for _, s := range signers {
		if bytes.Equal(s.PublicKey().Marshal(), public.Marshal()) {
			return s, conn.Close, nil
		}
	}
	return nil, nil, errors.Join(
		fail("ssh-add "+strings.TrimSuffix(name, ".pub"), "the ssh-agent does not hold the private half of %s", name), conn.Close())
}

// secretTwin holds a secret for scripts, where nobody is there to be asked.
const secretTwin = "ANVIL_PASSPHRASE_FILE"

// secret asks for a passphrase on the terminal, without showing it; a script puts it
// into a file that ANVIL_PASSPHRASE_FILE names.
func (a *app) secret(what string) ([]byte, error) {
	if file := os.Getenv(secretTwin); file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read passphrase: %w", err)
		}
		return bytes.TrimRight(content, "\r\n"), nil
	}
	f, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, fail("scripts name a file that holds it: "+secretTwin+"=FILE", "there is no terminal to ask for the %s", what)
	}
	fmt.Fprintf(a.err, "%s: ", what)
	text, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(a.err)
	if err != nil {
		return nil, fmt.Errorf("read passphrase: %w", err)
	}
	return text, nil
}
