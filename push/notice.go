package push

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/anvilpeering/anvil/release"
)

// Notice is something about the server that a person should know: what lies in
// its state does not fit together, as after a restore of one part alone.
type Notice struct {
	Project string `json:"project,omitempty"` // "" = all of it
	Channel string `json:"channel,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// origins is what the database knew of the releases when it was opened.
type origins struct {
	lost    bool               // it is younger than releases, and has no tokens
	unheard []*release.Release // published, and not in the audit log of one that is not lost
}

// compareOrigins looks whether the database and the releases are of the same
// time. Publishing is audited, drafts are not.
func (p *Push) compareOrigins(ctx context.Context, tokens int) error {
	born, err := p.state.Born(ctx)
	if err != nil {
		return err
	}
	for _, head := range p.log.Heads() {
		if tokens == 0 && head.Created.Before(born) {
			p.origins.lost = true
		}
		if head.Channel == release.Draft {
			continue
		}
		known, err := p.state.Audited(ctx, head.Project, head.Channel, head.ID.String())
		if err != nil {
			return err
		}
		if !known {
			p.origins.unheard = append(p.origins.unheard, head)
		}
	}
	if p.origins.lost {
		p.origins.unheard = nil
	}
	return nil
}

// Notices returns what a person should know of this server, sorted by project
// and channel. A notice goes when its cause is gone.
func (p *Push) Notices() []Notice {
	var all []Notice
	if p.origins.lost && len(*p.credentials.byID.Load()) == 0 {
		all = append(all, Notice{
			Message: "there are releases from before the database was made, and no tokens: was the database lost?",
			Hint:    "restore it from a backup, or give every client a new token with anvil connect",
		})
	}
	for _, head := range p.origins.unheard {
		if now := p.log.Head(head.Project, head.Channel); now != nil && now.ID == head.ID {
			all = append(all, Notice{
				Project: head.Project, Channel: head.Channel,
				Message: fmt.Sprintf("the audit log does not know what %s offers on %s: is the database older than the releases?", head.Project, head.Channel),
				Hint:    "tokens that were revoked since then are valid again: see anvil tokens list; the next release of the channel ends this notice",
			})
		}
	}
	all = append(all, p.ahead()...)
	slices.SortStableFunc(all, func(a, b Notice) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Channel, b.Channel))
	})
	return all
}

// ahead finds channels whose clients say to hold what the channel does not know
// yet, or not any more.
func (p *Push) ahead() []Notice {
	type name struct{ project, channel string }
	clients := map[name]int{}
	for _, c := range p.clients.all() {
		a, held := c.about.Load(), c.held.Load()
		head := p.log.Head(a.Project, a.Channel)
		if held.Release != "" && (head == nil || held.Sequence > head.Sequence) {
			clients[name{a.Project, a.Channel}]++
		}
	}
	var all []Notice
	for n, count := range clients {
		notice := Notice{
			Project: n.project, Channel: n.channel,
			Message: fmt.Sprintf("%d of the clients of %s/%s hold a newer release than it offers: are the releases an old copy?", count, n.project, n.channel),
			Hint:    "restore a newer copy of the releases, or publish: a new release is newer than all",
		}
		if p.log.Head(n.project, n.channel) == nil {
			if p.damaged(n.project, n.channel) != nil {
				continue // said already, and why
			}
			notice.Message = fmt.Sprintf("%s/%s offers nothing, and %d of its clients hold a release of it: were the releases lost?", n.project, n.channel, count)
		}
		all = append(all, notice)
	}
	return all
}
