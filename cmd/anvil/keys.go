package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"
)

func (a *app) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make, list and hand out keys",
	}
	cmd.AddCommand(a.withJSON(a.keysGenerateCommand()), a.withJSON(a.keysListCommand()), a.keysExportCommand())
	return group(cmd)
}

func (a *app) keysGenerateCommand() *cobra.Command {
	var file, comment string
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Make an Ed25519 signing key",
		Long: `Makes an OpenSSH key file that only its owner can read, with its public half
beside it. Without -o it becomes the server's signing key, in its state folder;
anvil serve makes that one by itself on its first start.`,
		Example: "  anvil keys generate -o ci-key",
		Args:    takes(0, 0),
		RunE: func(*cobra.Command, []string) error {
			identity := "*"
			if file == "" {
				organisation, state, err := a.stateHere()
				if err != nil {
					return err
				}
				if err := os.MkdirAll(filepath.Join(state, "keys"), 0o700); err != nil {
					return fmt.Errorf("make state folder: %w", err)
				}
				file, identity = filepath.Join(state, stateSigningKey), organisation+"/*"
			} else if root, err := findRoot(a.dir); err == nil {
				if organisation, err := organisationName(root); err == nil {
					identity = organisation + "/*"
				}
			}
			signer, err := bundle.GenerateKey(file, comment)
			if err != nil {
				return err
			}
			if a.json {
				return json.NewEncoder(a.raw).Encode(keyLine(file, identity, signer.PublicKey()))
			}
			fmt.Fprintf(a.out, "key     %s (keep it, and nobody else)\n", file)
			fmt.Fprintf(a.out, "trust   %s\n", bundle.AllowedSigner(identity, signer.PublicKey()))
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "output", "o", "", "the key file (its public half gets .pub)")
	cmd.Flags().StringVar(&comment, "comment", "anvil", "the comment in the key")
	return cmd
}

func (a *app) keysExportCommand() *cobra.Command {
	var recipient bool
	var sign, output string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print what others need to trust you, or to encrypt for you",
		Long: `Prints the line of allowed_signers with which others trust what this organisation
signs; with --recipient the key to encrypt bundles with, signed by this organisation.
Its secret half is made on the first call and stays in the state folder.`,
		Example: "  anvil keys export > acme.allowed_signers\n  anvil keys export --recipient -o acme.recipient",
		Args:    takes(0, 0),
		RunE: func(*cobra.Command, []string) (err error) {
			organisation, state, err := a.stateHere()
			if err != nil {
				return err
			}
			signer, done, err := a.signingKey(sign)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, done()) }()
			text := []byte(bundle.AllowedSigner(organisation+"/*", signer.PublicKey()) + "\n")
			if recipient {
				i, err := recipientKey(state)
				if err != nil {
					return err
				}
				if text, err = bundle.SignRecipients(organisation, []bundle.Recipient{i.Recipient()}, signer); err != nil {
					return err
				}
			}
			if output != "" {
				err := writeOut(output, 0o644, false, func(w io.Writer) error {
					_, err := w.Write(text)
					return err
				})
				if err != nil {
					return err
				}
				what := "with which others trust what " + organisation + " signs"
				if recipient {
					what = "with which others encrypt for " + organisation
				}
				fmt.Fprintf(a.out, "wrote   %s, %s\n", output, what)
				return nil
			}
			_, err = a.raw.Write(text)
			return err
		},
	}
	cmd.Flags().BoolVar(&recipient, "recipient", false, "the key that others encrypt with")
	cmd.Flags().StringVar(&sign, "sign", "", "the key to sign with, instead of the organisation's")
	cmd.Flags().StringVarP(&output, "output", "o", "", "a file instead of standard output")
	return cmd
}

// recipientKey is the organisation's own, made on its first use.
func recipientKey(state string) (*bundle.Identity, error) {
	path := filepath.Join(state, stateRecipientKey)
	i, err := bundle.LoadIdentity(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return i, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make state folder: %w", err)
	}
	return bundle.GenerateIdentity(path)
}

// key is a signing key as scripts see it.
type key struct {
	File          string `json:"file"`
	Fingerprint   string `json:"fingerprint"`
	AllowedSigner string `json:"allowed_signer"`
}

func keyLine(file, identity string, public ssh.PublicKey) key {
	return key{File: file, Fingerprint: ssh.FingerprintSHA256(public), AllowedSigner: bundle.AllowedSigner(identity, public)}
}

func (a *app) keysListCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the server's signing key",
		Example: "  anvil keys list --format allowed-signers > trusted",
		Args:    takes(0, 0),
		RunE: func(*cobra.Command, []string) error {
			if format != "" && format != "allowed-signers" {
				return &usageError{err: fmt.Errorf("unknown format %q", format), hint: "--format allowed-signers, or none"}
			}
			organisation, state, err := a.stateHere()
			if err != nil {
				return err
			}
			file := filepath.Join(state, stateSigningKey)
			public, err := publicKey(file)
			if errors.Is(err, fs.ErrNotExist) {
				return fail("anvil serve makes one on its first start, anvil keys generate makes one now", "there is no signing key in %s", state)
			}
			if err != nil {
				return err
			}
			k := keyLine(file, organisation+"/*", public)
			switch {
			case a.json:
				return json.NewEncoder(a.raw).Encode([]key{k})
			case format == "allowed-signers":
				fmt.Fprintln(a.out, k.AllowedSigner)
			default:
				fmt.Fprintf(a.out, "%s  %s\n", k.Fingerprint, k.File)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "allowed-signers: the line that clients trust")
	return cmd
}

// publicKey reads the public half of a key, from beside it or from itself.
func publicKey(file string) (ssh.PublicKey, error) {
	content, err := os.ReadFile(file + ".pub")
	if errors.Is(err, fs.ErrNotExist) {
		signer, err := bundle.LoadKey(file, nil)
		if err != nil {
			return nil, err
		}
		return signer.PublicKey(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(content)
	if err != nil {
		return nil, fmt.Errorf("read key %s.pub: %w", file, err)
	}
	return public, nil
}

// stateHere names the organisation around a.dir and its state folder.
func (a *app) stateHere() (organisation, state string, err error) {
	root, err := findRoot(a.dir)
	if err != nil {
		return "", "", err
	}
	if organisation, err = organisationName(root); err != nil {
		return "", "", err
	}
	state, err = a.stateFolder(organisation, root)
	return organisation, state, err
}
