package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/spf13/cobra"
)

func (a *app) bundleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bundle",
		Short: "Look at, verify and open bundles",
		Long: `Looks at bundles, which hold prompts as one signed file: what anvil export writes, and
what applications fetch. Nothing in them is ever unpacked or run.`,
	}
	cmd.AddCommand(a.withJSON(a.inspectCommand()), a.withJSON(a.verifyCommand()), a.withJSON(a.decryptCommand()), a.withJSON(a.bundleDiffCommand()))
	return group(cmd)
}

// opened is a bundle from a file, out of its envelope where it had one.
type opened struct {
	*bundle.Archive
	envelope *bundle.Envelope // nil for a plain one
	files    []*os.File
	spool    string
}

func (o *opened) Close() error {
	var err error
	for _, f := range o.files {
		err = errors.Join(err, f.Close())
	}
	if o.spool != "" {
		err = errors.Join(err, os.Remove(o.spool))
	}
	return err
}

// openFlags say how a bundle is opened.
type openFlags struct {
	trusted  string
	revoked  string
	identity []string
	unsafe   bool
}

func (f *openFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.trusted, "allowed-signers", "", "the keys that you trust, as OpenSSH lists them")
	flags.StringVar(&f.revoked, "revoked", "", "public keys that nobody shall trust any more")
	flags.StringArrayVar(&f.identity, "identity", nil, "a key that opens an encrypted bundle (may be repeated); the organisation's own is tried, too")
}

// expect is what the flags trust.
func (a *app) expect(f openFlags) (bundle.Expect, error) {
	if f.unsafe {
		return bundle.Expect{Unverified: true, AllowExpired: true}, nil
	}
	trust, err := a.trust(f.trusted)
	if err != nil {
		return bundle.Expect{}, err
	}
	if f.revoked != "" {
		content, err := os.ReadFile(f.revoked)
		if err != nil {
			return bundle.Expect{}, fmt.Errorf("read revoked keys: %w", err)
		}
		if trust, err = trust.Revoke(content); err != nil {
			return bundle.Expect{}, fmt.Errorf("%s: %w", f.revoked, err)
		}
	}
	return bundle.Expect{Trust: trust}, nil
}

// openBundle opens a bundle and decrypts it into a file that only this user can read.
// Of an encrypted one that is only looked at, without a key, there is no Archive.
func (a *app) openBundle(path string, e bundle.Expect, f openFlags) (_ *opened, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open bundle: %w", err)
	}
	o := &opened{files: []*os.File{file}}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.Close())
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("open bundle: %w", err)
	}
	kind, err := bundle.KindOf(file, info.Size())
	if err != nil {
		return nil, err
	}
	switch kind {
	case bundle.Delta:
		return nil, fail("look at the full bundle of the release instead", "%s is a delta: it says nothing without what it starts from", path)
	case bundle.Plain:
		o.Archive, err = bundle.Open(file, info.Size(), e)
		return o, err
	}
	if o.envelope, err = bundle.OpenEnvelope(file, info.Size(), e); err != nil {
		return nil, err
	}
	identities, err := a.identities(f)
	if err != nil {
		return nil, err
	}
	if len(identities) == 0 && f.unsafe {
		return o, nil // the outside can be looked at all the same
	}
	spool, err := os.CreateTemp("", ".anvil-bundle-*") // with mode 0600
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	o.files, o.spool = append(o.files, spool), spool.Name()
	o.Archive, err = o.envelope.Decrypt(spool, identities...)
	return o, err
}

// identities are the keys that may open an envelope: those named, the organisation's
// own, and a passphrase when none of them is there.
func (a *app) identities(f openFlags) ([]*bundle.Identity, error) {
	var out []*bundle.Identity
	for _, path := range f.identity {
		i, err := bundle.LoadIdentity(path)
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	if _, state, err := a.stateHere(); err == nil {
		i, err := bundle.LoadIdentity(filepath.Join(state, stateRecipientKey))
		if err == nil {
			out = append(out, i)
		} else if !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	if (len(out) > 0 || f.unsafe) && os.Getenv(secretTwin) == "" {
		return out, nil
	}
	secret, err := a.secret("passphrase")
	if err != nil {
		return nil, &hinted{err, "--identity FILE names a key that opens it"}
	}
	return append(out, bundle.PassphraseIdentity(secret)), nil
}

// described is what scripts are told of a bundle.
type described struct {
	ID           string   `json:"id"`
	Type         string   `json:"type"`
	Identity     string   `json:"identity"`
	Revision     string   `json:"revision"`
	Created      string   `json:"created"`
	Expires      string   `json:"expires,omitempty"`
	Scope        []string `json:"scope,omitempty"`
	Recipients   int      `json:"recipients"`
	Files        int      `json:"files"`
	Bytes        int64    `json:"bytes"`
	Signer       string   `json:"signer,omitempty"`    // the fingerprint, when it is trusted
	Principal    string   `json:"principal,omitempty"` // whom the key is trusted as
	Verified     bool     `json:"verified"`
	Encrypted    bool     `json:"encrypted"`
	Paths        []string `json:"paths,omitempty"`
	GeneratedBy  string   `json:"generator"`
	Organisation string   `json:"organisation"`
}

const timeLayout = "2006-01-02 15:04:05 MST"

func describe(o *opened, verified bool) described {
	m := o.Manifest
	d := described{
		ID: o.ID(), Type: m.Type, Identity: m.Identity(), Revision: m.Revision, Created: m.Created.Format(timeLayout),
		Scope: m.Scope, Recipients: len(m.Recipients), Files: m.Content.Files, Bytes: m.Content.Bytes,
		Signer: o.Signer.Fingerprint, Principal: o.Signer.Principal, Verified: verified, Encrypted: o.envelope != nil,
		GeneratedBy: m.Generator.Name + " " + m.Generator.Version, Organisation: m.Organisation,
	}
	if !m.Expires.IsZero() {
		d.Expires = m.Expires.Format(timeLayout)
	}
	if d.Organisation == "" {
		d.Organisation, _, _ = strings.Cut(m.Stream, "/")
	}
	for path := range o.Sums.All() {
		d.Paths = append(d.Paths, path)
	}
	return d
}

func (a *app) inspectCommand() *cobra.Command {
	var f openFlags
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show what a bundle holds, whoever made it",
		Long: `Shows a bundle without asking whom you trust. Its form and its hashes are checked
all the same; who signed it is not, so believe nothing of what it says about itself
before anvil bundle verify has said that you may.`,
		Example: "  anvil bundle inspect support.anvil.zip",
		Args:    takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) (err error) {
			f.unsafe = true
			e, err := a.expect(f)
			if err != nil {
				return err
			}
			o, err := a.openBundle(args[0], e, f)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, o.Close()) }()
			if o.Archive == nil {
				return a.printEnvelope(o.envelope)
			}
			d := describe(o, false)
			if a.json {
				return json.NewEncoder(a.raw).Encode(d)
			}
			a.printDescribed(d)
			fmt.Fprintln(a.out, "signed by  not checked: anvil bundle verify --allowed-signers FILE does")
			for _, path := range d.Paths {
				fmt.Fprintf(a.out, "  %s\n", path)
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&f.identity, "identity", nil, "a key that opens an encrypted bundle (may be repeated)")
	return cmd
}

// printEnvelope says what can be seen of an encrypted bundle from outside.
func (a *app) printEnvelope(v *bundle.Envelope) error {
	if a.json {
		return json.NewEncoder(a.raw).Encode(described{
			ID: v.ManifestID, Type: bundle.TypeSelection, Organisation: v.Organisation,
			Identity: v.Organisation + "/selection", Recipients: len(v.Recipients), Encrypted: true,
		})
	}
	fmt.Fprintf(a.out, "id         %s\nselection  %s/selection\nencrypted  for %d; --identity FILE names a key that opens it\n", v.ManifestID, v.Organisation, len(v.Recipients))
	return nil
}

func (a *app) printDescribed(d described) {
	fmt.Fprintf(a.out, "id         %s\n%-10s %s\nrevision   %s\ncreated    %s\n", d.ID, strings.TrimPrefix(d.Type, "anvil."), d.Identity, d.Revision, d.Created)
	if d.Expires != "" {
		fmt.Fprintf(a.out, "expires    %s\n", d.Expires)
	}
	if len(d.Scope) > 0 {
		fmt.Fprintf(a.out, "speaks for %s\n", strings.Join(d.Scope, ", "))
	}
	if d.Encrypted {
		fmt.Fprintf(a.out, "encrypted  for %d\n", d.Recipients)
	}
	fmt.Fprintf(a.out, "content    %s, %s\n", count(d.Files, "file"), bytesOf(d.Bytes))
}

func (a *app) verifyCommand() *cobra.Command {
	var f openFlags
	cmd := &cobra.Command{
		Use:   "verify FILE --allowed-signers FILE",
		Short: "Check that a bundle is whole and signed by somebody you trust",
		Long: `Checks everything that an application or an import would: the archive, the signature,
that the key is trusted for what the bundle says it is, and every file's hash.`,
		Example: "  anvil bundle verify support.anvil.zip --allowed-signers trusted",
		Args:    takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) (err error) {
			e, err := a.expect(f)
			if err != nil {
				return err
			}
			o, err := a.openBundle(args[0], e, f)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, o.Close()) }()
			d := describe(o, true)
			if a.json {
				return json.NewEncoder(a.raw).Encode(d)
			}
			a.printDescribed(d)
			fmt.Fprintf(a.out, "signed by  %s, trusted as %s\n", d.Signer, d.Principal)
			return nil
		},
	}
	f.add(cmd)
	return cmd
}

func (a *app) decryptCommand() *cobra.Command {
	var f openFlags
	var output string
	var force bool
	cmd := &cobra.Command{
		Use:   "decrypt FILE -o FILE --allowed-signers FILE",
		Short: "Take a bundle out of its envelope",
		Long: `Verifies an encrypted bundle, as anvil bundle verify does, and writes the plain one.
A plain bundle that was encrypted is only good for looking at with other tools: anvil
takes it from its envelope alone.`,
		Example: "  anvil bundle decrypt support.anvil.enc.zip --identity my-key --allowed-signers trusted -o support.anvil.zip",
		Args:    takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) (err error) {
			if output == "" {
				return &usageError{err: fmt.Errorf("no file to write to"), hint: "-o FILE"}
			}
			e, err := a.expect(f)
			if err != nil {
				return err
			}
			o, err := a.openBundle(args[0], e, f)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, o.Close()) }()
			if o.envelope == nil {
				return fail("anvil bundle verify checks it", "%s is not encrypted", args[0])
			}
			spool := o.files[1]
			size, err := spool.Seek(0, io.SeekEnd)
			if err != nil {
				return err
			}
			err = writeOut(output, 0o600, force, func(w io.Writer) error {
				_, err := io.Copy(w, io.NewSectionReader(spool, 0, size))
				return err
			})
			if err != nil {
				return err
			}
			if a.json {
				return json.NewEncoder(a.raw).Encode(describe(o, true))
			}
			fmt.Fprintf(a.out, "%s  %s, %s\n", output, o.Manifest.Identity(), bytesOf(size))
			return nil
		},
	}
	f.add(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "the file to write")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite FILE")
	return cmd
}

func (a *app) bundleDiffCommand() *cobra.Command {
	var f openFlags
	cmd := &cobra.Command{
		Use:     "diff OLD NEW",
		Short:   "Show which files differ between two bundles",
		Long:    "Compares two bundles file by file. Without --allowed-signers nobody is asked who made them.\n\nExit code 1 when they differ, without a word on standard error; and when one cannot\nbe read, with an error there.",
		Example: "  anvil bundle diff last-month.anvil.zip support.anvil.zip",
		Args:    takes(2, 2),
		RunE: func(_ *cobra.Command, args []string) (err error) {
			f.unsafe = f.trusted == ""
			e, err := a.expect(f)
			if err != nil {
				return err
			}
			var sums [2]map[string]string
			for i, path := range args {
				o, err := a.openBundle(path, e, f)
				if err != nil {
					return err
				}
				if o.Archive == nil {
					return errors.Join(fail("--identity FILE names a key that opens it", "%s is encrypted", path), o.Close())
				}
				sums[i] = map[string]string{}
				for path, hash := range o.Sums.All() {
					sums[i][path] = fmt.Sprintf("%x", hash)
				}
				if err := o.Close(); err != nil {
					return err
				}
			}
			return a.printFileChanges(sums[0], sums[1])
		},
	}
	f.add(cmd)
	return cmd
}

// printFileChanges lists what was added (A), modified (M) and deleted (D).
func (a *app) printFileChanges(before, after map[string]string) error {
	type change struct {
		Change string `json:"change"`
		Path   string `json:"path"`
	}
	changes := []change{}
	for path, hash := range after {
		switch before[path] {
		case hash:
		case "":
			changes = append(changes, change{"added", path})
		default:
			changes = append(changes, change{"modified", path})
		}
	}
	for path := range before {
		if after[path] == "" {
			changes = append(changes, change{"deleted", path})
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return strings.Compare(a.Path, b.Path) })
	if a.json {
		if err := json.NewEncoder(a.raw).Encode(changes); err != nil {
			return err
		}
	} else {
		for _, c := range changes {
			fmt.Fprintf(a.out, "%s  %s\n", strings.ToUpper(c.Change[:1]), c.Path)
		}
	}
	if len(changes) > 0 {
		return errReported
	}
	return nil
}
