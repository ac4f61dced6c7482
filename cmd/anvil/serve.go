package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/daemon"
	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/release"
	"github.com/spf13/cobra"
)

// defaultListen is where `anvil serve` listens unless told otherwise.
const defaultListen = "127.0.0.1:8470"

func (a *app) serveCommand() *cobra.Command {
	var o serverOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Watch the folder and serve its releases to applications",
		Long: `Watches the organisation's folder, commits good saves on the branch that is
checked out now, releases each project on its draft channel and answers clients.
The first start makes the signing key and prints the line that clients trust.

Every flag has a twin in the environment: --behind-proxy is ANVIL_BEHIND_PROXY.`,
		Example: "  anvil serve\n  anvil serve --listen 0.0.0.0:8470 --behind-proxy",
		Args:    takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := twins(cmd); err != nil {
				return err
			}
			return a.serve(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.listen, "listen", defaultListen, "HOST:PORT for clients")
	flags.BoolVar(&o.behindProxy, "behind-proxy", false, "a proxy in front of this server speaks TLS and sets X-Forwarded-For")
	flags.StringVar(&o.tlsCert, "tls-cert", "", "a certificate file; with it the server speaks TLS")
	flags.StringVar(&o.tlsKey, "tls-key", "", "the certificate's key file")
	flags.StringVar(&o.url, "url", "", "how clients reach this server, where that is not the address it listens on")
	flags.StringSliceVar(&o.hosts, "host", nil, "a name that clients may use for it, beside those of --url and the certificate (may be repeated)")
	flags.BoolVar(&o.newState, "new-state", false, "begin a new state although one exists under another path")
	return cmd
}

func (a *app) serve(ctx context.Context, o serverOptions) (err error) {
	var s *server
	o.onEvent = func(e daemon.Event) { s.printEvent(a.out, e) }
	said := map[string]string{}
	o.onTip = func(gitstore.Hash) { said = s.printWaiting(a.out, said) }
	s, err = a.openServer(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	fmt.Fprintf(a.out, "serving %s from %s on %s\n", s.place.organisation, s.place.root, s.url)
	fmt.Fprintf(a.out, "state   %s\n", s.state)
	if s.madeKey {
		fmt.Fprintf(a.out, "key     made %s: keep it, and nobody else\n", filepath.Join(s.state, stateSigningKey))
	}
	fmt.Fprintf(a.out, "trust   %s\n", s.trustLine())
	if s.madeKey {
		fmt.Fprintf(a.out, "next    anvil connect PROJECT draft --name APPLICATION prints what an application needs\n")
	}
	return s.Run(ctx)
}

// printEvent prints what became of a save, and of a commit also how many
// clients follow the drafts it goes to.
func (s *server) printEvent(w io.Writer, e daemon.Event) {
	lines := eventLines(e)
	if e.Kind == daemon.EventCommitted {
		lines[0] += "  draft, " + count(s.followers(e.Paths), "client")
	}
	for _, line := range lines {
		fmt.Fprintln(w, line)
	}
}

// printWaiting says which projects of a new tip are not released, and why, unless
// it was said before.
func (s *server) printWaiting(w io.Writer, said map[string]string) map[string]string {
	now := map[string]string{}
	for _, waiting := range s.push.Waiting() {
		lines := strings.Join(waitingLines(waiting), "\n")
		if now[waiting.Project] = lines; said[waiting.Project] != lines {
			fmt.Fprintln(w, lines)
		}
	}
	for project := range said {
		if _, waits := now[project]; !waits {
			fmt.Fprintf(w, "✓ %s is released again\n", project)
		}
	}
	return now
}

// followers counts the clients of the drafts of the projects that paths are in.
func (s *server) followers(paths []string) int {
	projects := map[string]bool{}
	for _, path := range paths {
		if project, _, inside := strings.Cut(path, "/"); inside {
			projects[project] = true
		}
	}
	clients := 0
	for _, c := range s.push.Channels() {
		if c.Channel == release.Draft && projects[c.Project] {
			clients += c.Clients
		}
	}
	return clients
}

// names are the host names that requests may use: those asked for, that of the
// URL, and those of the certificate.
func (o serverOptions) names(secure *tls.Config) ([]string, error) {
	names := slices.Clone(o.hosts)
	if o.url != "" {
		u, err := url.Parse(o.url)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
			return nil, &usageError{err: fmt.Errorf("--url %s is no URL of a server", o.url), hint: "write https://anvil.example.com"}
		}
		names = append(names, u.Hostname())
	}
	if secure != nil {
		names = append(names, secure.Certificates[0].Leaf.DNSNames...)
	}
	return names, nil
}

// listenTLS loads the certificate and decides whether an address may be
// listened on: beyond loopback only with TLS, or behind a proxy that has it.
func listenTLS(o serverOptions) (*tls.Config, error) {
	if (o.tlsCert == "") != (o.tlsKey == "") {
		return nil, &usageError{err: errors.New("--tls-cert and --tls-key go together")}
	}
	if o.tlsCert != "" {
		pair, err := tls.LoadX509KeyPair(o.tlsCert, o.tlsKey)
		if err != nil {
			return nil, fmt.Errorf("load certificate: %w", err)
		}
		return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}, nil
	}
	host, port, err := net.SplitHostPort(o.listen)
	if err == nil && port == "" {
		err = errors.New("the port is missing")
	}
	if err != nil {
		return nil, &usageError{err: fmt.Errorf("--listen %s: %w", o.listen, err), hint: "write HOST:PORT, as in " + defaultListen}
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) && !o.behindProxy {
		return nil, fail("give --tls-cert and --tls-key, or --behind-proxy when a proxy in front speaks TLS",
			"%s is reached from other machines, and tokens must not travel in clear", o.listen)
	}
	return nil, nil
}
