package push

import (
	"context"
	"errors"
	"fmt"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/release"
)

// BundleRequest names the release that a client wants, and the one it has.
type BundleRequest struct {
	Client string // its id, "" = the token alone counts
	To     string // a release or a revision of the token's channel
	From   string // the same, "" = the full bundle
}

// Delivery is what a client fetches.
type Delivery struct {
	*release.Artefact
	// Exact is whether To named a release: the bytes of a revision may change,
	// because the newest release that names it is meant.
	Exact bool
}

// Bundle returns a release as a full bundle or, from a release that the channel
// knows, as a delta. [ErrNotFound] when To is no release of the channel.
func (p *Push) Bundle(ctx context.Context, t Token, q BundleRequest) (*Delivery, error) {
	l, err := p.follows(t)
	if err != nil {
		return nil, err
	}
	if _, err := p.known(t, q.Client); err != nil {
		return nil, err
	}
	id, err := gitstore.ParseHash(q.To)
	if err != nil {
		return nil, invalid("name a release or a revision of the channel: 40 hexadecimal digits", "to does not name a release")
	}
	to, err := p.log.Find(l.project, l.channel, id)
	if errors.Is(err, release.ErrNotFound) {
		if err := p.damaged(l.project, l.channel); err != nil {
			return nil, err
		}
		return nil, &Error{
			Kind: ErrNotFound, Message: fmt.Sprintf("%s has no release %s on %s", l.project, id, l.channel),
			Advice: "check says what is on offer",
		}
	}
	if err != nil {
		return nil, fmt.Errorf("find release: %w", err)
	}
	from, fallback, err := p.base(l, q.From)
	if err != nil {
		return nil, err
	}
	a, err := p.log.Artefact(ctx, to, from)
	if err != nil {
		return nil, fmt.Errorf("build bundle: %w", err)
	}
	if fallback != "" {
		full := *a
		full.Fallback = string(fallback)
		a = &full
	}
	return &Delivery{Artefact: a, Exact: to.ID == id}, nil
}

// base finds the release that a delta would start from, or says why there is
// none.
func (p *Push) base(l *line, from string) (*release.Release, protocol.Fallback, error) {
	if from == "" {
		return nil, "", nil
	}
	id, err := gitstore.ParseHash(from)
	if err != nil {
		return nil, "", invalid("leave it out for the full bundle", "from does not name a release")
	}
	r, err := p.log.Find(l.project, l.channel, id)
	switch {
	case errors.Is(err, release.ErrUnrelated):
		return nil, protocol.FallbackChannel, nil
	case errors.Is(err, release.ErrNotFound):
		return nil, protocol.FallbackUnknown, nil
	case err != nil:
		return nil, "", fmt.Errorf("find release: %w", err)
	}
	return r, "", nil
}
