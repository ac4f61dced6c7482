package push

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/state"
)

var (
	clientID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)
	hash     = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

// Bounds of a registration.
const (
	maxApp    = 512 // bytes
	maxLabels = 32
	maxLabel  = 200      // bytes, of a key or a value
	maxAbout  = 4 * 1024 // bytes, of all labels together
)

func checkRegistration(r *protocol.Registration) error {
	if !clientID.MatchString(r.ClientID) {
		return invalid("choose 1 to 128 of A-Z a-z 0-9 . _ -", "client_id %.140q is not allowed", r.ClientID)
	}
	if len(r.App) > maxApp || !printable(r.App) {
		return invalid("", "app is longer than %d bytes, or does not print", maxApp)
	}
	if len(r.Labels) > maxLabels {
		return invalid("", "more than %d labels", maxLabels)
	}
	about := 0
	for k, v := range r.Labels {
		if about += len(k) + len(v); about > maxAbout {
			return invalid("", "the labels are longer than %d bytes together", maxAbout)
		}
		if k == "" || len(k) > maxLabel || len(v) > maxLabel || !printable(k) || !printable(v) {
			return invalid("", "label %.200q is empty, longer than %d bytes, or does not print", k, maxLabel)
		}
	}
	if len(r.Protocol) > 64 || !slices.Contains(r.Protocol, protocol.Version) {
		return &ProtocolError{Min: protocol.Version, Max: protocol.Version}
	}
	if len(r.Modes) > 0 && !slices.Contains(r.Modes, protocol.ModeFull) {
		return invalid("every client takes full bundles, deltas are its choice", "modes must include %q", protocol.ModeFull)
	}
	if h := r.Held; h != nil {
		if !hash.MatchString(h.Release) || h.Revision != "" && !hash.MatchString(h.Revision) || h.Sequence < 0 {
			return invalid("send null when nothing is held", "held does not name a release")
		}
	}
	return nil
}

// Register notes that a client has started, and what it holds. created is true
// for a client that was not known.
func (p *Push) Register(ctx context.Context, t Token, r protocol.Registration) (answer protocol.Registered, created bool, err error) {
	l, err := p.follows(t)
	if err != nil {
		return answer, false, err
	}
	if err := checkRegistration(&r); err != nil {
		return answer, false, err
	}
	now := p.now()
	c := state.Client{
		ClientKey: state.ClientKey{Token: t.ID, ID: r.ClientID},
		Project:   l.project, Channel: l.channel, App: r.App, Labels: maps.Clone(r.Labels),
		Protocol: protocol.Version, Ephemeral: r.Ephemeral, FirstSeen: now, LastSeen: now,
	}
	if r.Held != nil {
		c.Held = state.Held{Release: r.Held.Release, Revision: r.Held.Revision, Sequence: r.Held.Sequence}
	}

	// Nobody is forgotten while this goes on, so that memory and database agree.
	p.registering.RLock()
	defer p.registering.RUnlock()
	if p.credentials.find(t.ID) == nil {
		return answer, false, &Error{Kind: ErrUnauthenticated, Message: "the token was revoked"}
	}
	known := p.clients.find(c.ClientKey)
	if known == nil && p.clients.count(t.ID) >= p.o.ClientsPerToken {
		return answer, false, &Error{
			Kind: ErrFull, Message: fmt.Sprintf("the token has %d clients already", p.o.ClientsPerToken),
			Advice: "give clients a stable id (ANVIL_CLIENT_ID), or a token of their own",
		}
	}
	if err := p.state.Update(ctx, func(tx *state.Tx) error { return tx.PutClient(c) }); err != nil {
		return answer, false, fmt.Errorf("register client: %w", err)
	}
	started := p.clients.register(c)
	return protocol.Registered{
		Protocol: protocol.Version,
		Stream:   p.log.Stream(l.project, l.channel),
		Poll:     p.o.Poll,
		Lease:    int(started.life().Seconds()),
	}, known == nil, nil
}

// follows returns the line that a client token names.
func (p *Push) follows(t Token) (*line, error) {
	if t.Role != RoleClient || t.Project == "" || t.Channel == "" {
		return nil, &Error{
			Kind: ErrForbidden, Message: "only a client token follows a channel",
			Advice: "make one with anvil connect PROJECT CHANNEL",
		}
	}
	return p.lines.get(t.Project, t.Channel), nil
}

// known returns the client that a request names, nil when it names none.
func (p *Push) known(t Token, id string) (*client, error) {
	if id == "" {
		return nil, nil
	}
	c := p.clients.find(state.ClientKey{Token: t.ID, ID: id})
	if c == nil {
		return nil, forgotten(id)
	}
	c.seen.Store(p.now().UnixMilli())
	return c, nil
}

func forgotten(id string) error {
	return &Error{Kind: ErrForgotten, Message: fmt.Sprintf("client %.128q is not registered", id), Advice: "register again"}
}
