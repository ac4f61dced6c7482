package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/exchange"
	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/library"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// exportFlags are those of anvil export.
type exportFlags struct {
	output     string
	at         string
	sign       string
	to         []string
	trusted    string
	passphrase bool
	noDeps     bool
	preview    bool
	force      bool
}

func (a *app) exportCommand() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export [PATTERN]... -o FILE",
		Short: "Write prompts, with what they need, into one signed file",
		Long: `Writes a selection as it is committed: projects, sets or prompts, several with * in
a name, or tag:NAME for all prompts with that tag; without a pattern, everything.
The partials that they render come along from wherever they are. The bundle speaks
only for what was selected: who imports it takes nothing else for deleted.

It is signed with the organisation's key, or with --sign: a private key, or a public
one (.pub) whose other half an ssh-agent holds. With --encrypt-to only those can open
it: a recipient (anvil-x25519:…), or a file of recipients that its owner signed
(anvil keys export --recipient) and --allowed-signers trusts.

--preview shows what would go in, and why, and writes nothing.`,
		Example: `  anvil export support --preview
  anvil export support/triage shared/voice/_tone -o triage.anvil.zip
  anvil export tag:public --at v1.4 -o public.anvil.zip
  anvil export support --encrypt-to anvil-x25519:… -o support.anvil.enc.zip`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.output == "" && !f.preview {
				return &usageError{err: fmt.Errorf("no file to write to"), hint: "-o FILE, or --preview to see what would go in"}
			}
			return a.export(cmd, args, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "the file to write; - for standard output")
	flags.StringVar(&f.at, "at", "", "a revision or a tag instead of the last commit")
	flags.StringVar(&f.sign, "sign", "", "the key to sign with, instead of the organisation's")
	flags.StringArrayVar(&f.to, "encrypt-to", nil, "a recipient, or a signed file of recipients (may be repeated)")
	flags.StringVar(&f.trusted, "allowed-signers", "", "whom to trust with files of recipients")
	flags.BoolVar(&f.passphrase, "passphrase", false, "encrypt with a passphrase")
	flags.BoolVar(&f.noDeps, "no-deps", false, "leave behind what the selection renders elsewhere, and only name it")
	flags.BoolVar(&f.preview, "preview", false, "show what would go in, and why")
	flags.BoolVar(&f.force, "force", false, "overwrite FILE")
	return cmd
}

func (a *app) export(cmd *cobra.Command, args []string, f exportFlags) (err error) {
	var patterns []exchange.Pattern
	for _, text := range args {
		p, err := exchange.ParsePattern(text)
		if err != nil {
			return &usageError{err: err, hint: hintOf(err)}
		}
		patterns = append(patterns, p)
	}
	p, err := a.openPlace()
	if err != nil {
		return err
	}
	defer p.Close()
	rev, err := p.revision(f.at)
	if err != nil {
		return err
	}
	tree, err := p.treeOf(rev)
	if err != nil {
		return err
	}
	s, err := exchange.Select(tree, f.noDeps, patterns...)
	if err != nil {
		return err
	}
	if f.preview {
		return a.preview(p.lib, rev, s)
	}
	o := exchange.ExportOptions{Generator: bundle.Generator{Name: "anvil", Version: version()}, Progress: a.progress("exporting")}
	if o.To, err = a.recipients(f); err != nil {
		return err
	}
	signer, done, err := a.signingKey(f.sign)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := done(); err == nil {
			err = closeErr
		}
	}()
	o.Signer = signer
	var x *exchange.Exported
	write := func(w io.Writer) (err error) {
		x, err = exchange.Export(cmd.Context(), w, p.lib, rev, s, o)
		return err
	}
	if f.output == "-" {
		return write(a.raw)
	}
	if err := writeOut(f.output, 0o644, f.force, write); err != nil {
		return err
	}
	if a.json {
		return json.NewEncoder(a.raw).Encode(map[string]any{
			"file": f.output, "id": x.ID, "bytes": x.Bytes, "files": len(s.Items), "revision": rev, "scope": s.Scope, "cycles": s.Cycles, "external": s.External,
		})
	}
	fmt.Fprintf(a.out, "%s  %s of %s, %s\n", f.output, count(len(s.Items), "file"), rev.Short(), bytesOf(x.Bytes))
	a.remarks(s)
	return nil
}

// revision is the commit that --at names, or the last one.
func (p *place) revision(at string) (gitstore.Hash, error) {
	if at == "" {
		state, err := p.repo.State()
		if err != nil {
			return gitstore.Hash{}, err
		}
		if state.Tip.IsZero() {
			return gitstore.Hash{}, fail("commit first: anvil watch does, or git commit", "there is no commit yet")
		}
		return state.Tip, nil
	}
	rev, err := p.repo.Resolve(at)
	if err != nil {
		return gitstore.Hash{}, fail("a branch, a tag or a commit: git log --oneline", "%s names no revision: %w", at, err)
	}
	return rev, nil
}

// preview shows a selection before anything is written.
func (a *app) preview(lib *library.Library, rev gitstore.Hash, s *exchange.Selection) error {
	blobs, err := lib.Blobs(rev)
	if err != nil {
		return err
	}
	type line struct {
		Path    string `json:"path"`
		Kind    string `json:"kind"`
		Carried bool   `json:"carried"`
		Because string `json:"because"`
		Bytes   int    `json:"bytes"`
	}
	var lines []line
	total := 0
	for _, item := range s.Items {
		content, err := lib.Read(blobs[item.Path])
		if err != nil {
			return err
		}
		total += len(content)
		lines = append(lines, line{item.Path, item.Kind, item.Carried, item.Because, len(content)})
	}
	if a.json {
		return json.NewEncoder(a.raw).Encode(map[string]any{
			"revision": rev, "scope": s.Scope, "files": lines, "external": s.External, "cycles": s.Cycles, "bytes": total,
		})
	}
	for _, l := range lines {
		why := ""
		if l.Carried {
			why = "  carried: " + l.Because + " renders it"
			if l.Kind == bundle.KindProject || l.Kind == bundle.KindSet {
				why = "  carried: beside " + l.Because
			}
		}
		fmt.Fprintf(a.out, "%8s  %s%s\n", bytesOf(int64(l.Bytes)), l.Path, why)
	}
	fmt.Fprintf(a.out, "%8s  %s, speaking for %s\n", bytesOf(int64(total)), count(len(lines), "file"), strings.Join(s.Scope, ", "))
	a.remarks(s)
	return nil
}

// remarks says what may surprise about a selection.
func (a *app) remarks(s *exchange.Selection) {
	for _, c := range s.Cycles {
		fmt.Fprintf(a.out, "these sets render one another: %s\n", strings.Join(c, ", "))
	}
	if n := len(s.External); n > 0 {
		names := make([]string, n)
		for i, e := range s.External {
			names[i] = e.String()
		}
		fmt.Fprintf(a.out, "left behind: %s\n", strings.Join(names, ", "))
	}
}

// recipients are those whom --encrypt-to and --passphrase name.
func (a *app) recipients(f exportFlags) ([]bundle.Recipient, error) {
	var out []bundle.Recipient
	for _, text := range f.to {
		if strings.HasPrefix(text, "anvil-x25519:") {
			r, err := bundle.ParseRecipient(text)
			if err != nil {
				return nil, err
			}
			out = append(out, r)
			continue
		}
		trust, err := a.trust(f.trusted)
		if err != nil {
			return nil, err
		}
		raw, err := os.ReadFile(text)
		if err != nil {
			return nil, fail("a recipient begins with anvil-x25519:", "read recipients: %w", err)
		}
		some, _, err := bundle.ParseRecipients(raw, trust, time.Time{})
		if err != nil {
			return nil, fmt.Errorf("read recipients of %s: %w", text, err)
		}
		out = append(out, some...)
	}
	if f.passphrase {
		secret, err := a.secret("passphrase")
		if err != nil {
			return nil, err
		}
		r, err := bundle.PassphraseRecipient(secret)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// trust reads the allowed_signers file that a flag names.
func (a *app) trust(file string) (*bundle.Trust, error) {
	if file == "" {
		return nil, &usageError{err: fmt.Errorf("nobody is trusted"), hint: "--allowed-signers FILE names the keys that you trust"}
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read trusted keys: %w", err)
	}
	trust, err := bundle.ParseTrust(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, w := range trust.Warnings() {
		fmt.Fprintf(a.err, "warning: %s\n", w)
	}
	return trust, nil
}

// progress shows on a terminal how far a long work is; elsewhere nothing.
func (a *app) progress(what string) func(done, of int) {
	f, ok := a.err.(plain)
	if !ok {
		return nil
	}
	terminal, ok := f.to.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return nil
	}
	var shown time.Time
	start := time.Now()
	return func(done, of int) {
		now := time.Now()
		switch {
		case done == of && !shown.IsZero():
			fmt.Fprintf(terminal, "\r\x1b[K")
		case now.Sub(start) > time.Second && now.Sub(shown) > 100*time.Millisecond:
			shown = now
			fmt.Fprintf(terminal, "\r%s %d%%", what, 100*done/max(of, 1))
		}
	}
}

// bytesOf is a size for people.
func bytesOf(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1_000_000)
}
