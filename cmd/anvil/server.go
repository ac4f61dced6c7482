package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/daemon"
	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/httpapi"
	"github.com/anvilpeering/anvil/push"
	"github.com/anvilpeering/anvil/release"
	"github.com/anvilpeering/anvil/state"
	"github.com/gofrs/flock"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"
)

// serverOptions is what a server is started with.
type serverOptions struct {
	listen          string // HOST:PORT
	behindProxy     bool
	tlsCert, tlsKey string
	url             string              // how clients reach it
	hosts           []string            // names that requests may use
	newState        bool                // begin a state although one exists elsewhere
	onEvent         func(daemon.Event)  // what becomes of saves, for people
	onTip           func(gitstore.Hash) // a tip whose releases are recorded
}

// server is everything that `anvil serve` runs, wired: the daemon hands each
// tip to push, which records releases, which httpapi offers to clients.
type server struct {
	place   *place
	state   string // the state folder
	url     string
	madeKey bool
	log     *slog.Logger

	lock     *flock.Flock
	signer   ssh.Signer
	store    *state.Store
	releases *gitstore.Repo
	push     *push.Push
	daemon   *daemon.Daemon
	http     *httpapi.Server
}

// openServer opens all rooms from the ground up. What was opened is closed when
// a later one fails.
func (a *app) openServer(ctx context.Context, o serverOptions) (_ *server, err error) {
	secure, err := listenTLS(o)
	if err != nil {
		return nil, err
	}
	s := &server{log: a.logger()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.place, err = a.openPlace(); err != nil {
		return nil, err
	}
	if err := s.openState(ctx, a, o.newState); err != nil {
		return nil, err
	}
	log, err := release.Open(s.releases, s.place.lib, release.Options{
		Organisation: s.place.organisation,
		Signer:       s.signer,
		Generator:    version(),
		Logger:       a.logger(),
	})
	if err != nil {
		return nil, fmt.Errorf("open releases: %w", err)
	}
	if s.push, err = push.Open(ctx, s.store, log, push.Options{
		Projects:  s.place.projects,
		Rewritten: s.place.rewritten,
		Logger:    a.logger(),
	}); err != nil {
		return nil, fmt.Errorf("open push: %w", err)
	}
	s.daemon, err = daemon.Open(daemon.Options{
		Root:    s.place.root,
		Repo:    s.place.repo,
		Library: s.place.lib,
		Pinned:  true,
		OnTip: func(ctx context.Context, tip gitstore.Hash) error {
			err := s.push.Tip(ctx, tip)
			if err == nil && o.onTip != nil {
				o.onTip(tip)
			}
			return err
		},
		OnEvent: o.onEvent,
		Logger:  a.logger(),
	})
	if err != nil {
		return nil, err
	}
	if err := s.listen(a, o, secure); err != nil {
		return nil, err
	}
	return s, nil
}

// openState claims the state folder and opens what lies in it: the lock, the
// key, the database and the releases.
func (s *server) openState(ctx context.Context, a *app, another bool) error {
	var err error
	if s.state, err = a.stateFolder(s.place.organisation, s.place.root); err != nil {
		return err
	}
	if err := ownerOnly(s.state); err != nil {
		return err
	}
	if s.lock, err = lockState(s.state, s.place.root); err != nil {
		return err
	}
	if err := claimState(s.state, s.place, another || a.state != ""); err != nil {
		return err
	}
	path := filepath.Join(s.state, stateReleases)
	s.releases, err = gitstore.Open(path, gitstore.Options{Logger: a.logger()})
	if errors.Is(err, gitstore.ErrNotRepository) || errors.Is(err, os.ErrNotExist) {
		s.releases, err = gitstore.Create(path, gitstore.Options{Bare: true, Logger: a.logger()})
	}
	if err != nil {
		return fmt.Errorf("open releases: %w", err)
	}
	if err := s.openKey(); err != nil {
		return err
	}
	if s.store, err = state.Open(ctx, filepath.Join(s.state, stateDatabase)); err != nil {
		return fmt.Errorf("open state: %w", err)
	}
	return nil
}

// openKey loads the signing key, and makes it on the first start. Where releases
// were signed already, a key that is gone is not replaced: no client would trust
// the new one.
func (s *server) openKey() error {
	path := filepath.Join(s.state, stateSigningKey)
	_, err := os.Stat(path)
	if !errors.Is(err, os.ErrNotExist) {
		s.signer, err = bundle.LoadKey(path, nil)
		return err
	}
	signed, err := s.releases.Refs("refs/heads/")
	if err != nil {
		return fmt.Errorf("list releases: %w", err)
	}
	if len(signed) > 0 {
		return fail("restore it from a backup; clients trust no other until they are told: anvil keys generate makes a new one",
			"the key that signed the releases is gone: %s", path)
	}
	s.signer, err = bundle.GenerateKey(path, s.place.organisation)
	s.madeKey = true
	return err
}

// listen opens the doors: HTTP for clients, and the socket for the command
// line of this user.
func (s *server) listen(a *app, o serverOptions, secure *tls.Config) error {
	names, err := o.names(secure)
	if err != nil {
		return err
	}
	s.http = httpapi.New(httpapi.Options{
		Push:         s.push,
		Status:       func() any { return s.daemon.Status() },
		Accept:       acceptIn(s.daemon),
		Ready:        func() bool { return s.daemon.Status().Ready },
		Organisation: s.place.organisation,
		Version:      version(),
		Root:         s.place.root,
		Trust:        s.trustLine(),
		URL:          o.url,
		Hosts:        names,
		TLS:          secure,
		BehindProxy:  o.behindProxy,
		Logger:       a.logger(),
	})
	if _, err := s.http.Listen("tcp", o.listen); err != nil {
		return fail("if another server has the port, end it, or choose another: --listen 127.0.0.1:PORT", "%w", err)
	}
	s.url = s.http.URL()
	socket, err := socketPath(s.place.repo)
	if err != nil {
		return err
	}
	_, err = s.http.Listen("unix", socket)
	return err
}

// Run serves until ctx ends, or one of the loops fails.
func (s *server) Run(ctx context.Context) error {
	loops, ctx := errgroup.WithContext(ctx)
	loops.Go(func() error { return s.push.Run(ctx) })
	loops.Go(func() error { return s.daemon.Run(ctx) })
	loops.Go(func() error { return s.http.Serve(ctx) })
	loops.Go(func() error { return upkeepOf(s.daemon, s.log, s.place.repo, s.releases).run(ctx) })
	return loops.Wait()
}

// Close closes what was opened, from the roof down.
func (s *server) Close() error {
	var errs []error
	if s.http != nil {
		errs = append(errs, s.http.Close())
	}
	if s.daemon != nil {
		errs = append(errs, s.daemon.Close())
	}
	if s.releases != nil {
		errs = append(errs, s.releases.Close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	if s.place != nil {
		errs = append(errs, s.place.Close())
	}
	return errors.Join(errs...)
}

// projects names the projects at a tip.
func (p *place) projects(tip gitstore.Hash) ([]string, error) {
	tree, err := p.lib.At(tip)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, project := range tree.Projects() {
		names = append(names, project.Name)
	}
	return names, nil
}

// rewritten reports whether history was rewritten between two tips.
func (p *place) rewritten(before, after gitstore.Hash) bool {
	follows, err := p.repo.Ancestor(before, after)
	return err != nil || !follows
}

// trustLine is what clients have to trust to believe this server.
func (s *server) trustLine() string {
	return bundle.AllowedSigner(s.place.organisation+"/*", s.signer.PublicKey())
}
