package push

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/release"
	"github.com/anvilpeering/anvil/state"
)

// PublishRequest asks that a channel offers what draft holds or held.
type PublishRequest struct {
	Project string `json:"project"`
	Channel string `json:"channel"`
	// To is a release or a revision of draft, or of the channel's own past, at
	// least 4 digits of it; "" is what draft holds now.
	To string `json:"to,omitempty"`
	// Breaking says that the applications can go on with less than the channel
	// offers now: prompts or parameters that are gone, or take less.
	Breaking bool `json:"breaking,omitempty"`
	// Scope is the project that who asks may see, "" = every project.
	Scope string `json:"-"`
}

// Publish makes a channel offer what a release of draft holds and returns the
// channel's new release. What applications of the channel could not go on with
// is a [*BreakingError], unless the request says that they can, or the channel
// offered that revision before: going back is never refused. When the channel offers that revision already, signed by
// the key at hand, its head is returned and nothing is recorded. by is who does
// it, for the audit log.
func (p *Push) Publish(ctx context.Context, q PublishRequest, by string) (*release.Release, error) {
	if err := checkProject(q.Project); err != nil {
		return nil, err
	}
	if err := checkChannel(q.Channel); err != nil {
		return nil, err
	}
	if q.Channel == release.Draft {
		return nil, invalid("name another, for example production", "the channel draft follows every good save and is not published to")
	}
	p.publishing.Lock()
	defer p.publishing.Unlock()
	before := p.log.Head(q.Project, q.Channel)
	after, err := p.publish(ctx, q)
	remark := ""
	if q.Breaking {
		remark = ", what breaks accepted"
	}
	p.audit(ctx, "publish", by, q.Project, q.Channel, before, after, err, remark)
	if err != nil {
		return nil, err
	}
	if before == nil || before.ID != after.ID {
		p.note.Info("published", "project", q.Project, "channel", q.Channel, "revision", after.Revision.String(), "by", by)
	}
	return after, p.move(q.Project, q.Channel)
}

func (p *Push) publish(ctx context.Context, q PublishRequest) (*release.Release, error) {
	draft := p.log.Head(q.Project, release.Draft)
	if draft == nil {
		if err := p.damaged(q.Project, release.Draft); err != nil {
			return nil, err
		}
		return nil, &Error{
			Kind: ErrNothing, Message: fmt.Sprintf("%s has no draft release to publish", q.Project),
			Advice: p.whyNoDraft(q.Project, q.Scope == ""),
		}
	}
	if q.To != "" {
		var err error
		if draft, err = p.find(q.Project, release.Draft, q.To); err != nil {
			// Draft forgets what the channel keeps: its chain is cut in time.
			own, missing := p.find(q.Project, q.Channel, q.To)
			if missing != nil {
				return nil, err
			}
			draft = own
		}
	}
	plan, err := p.log.PlanFrom(ctx, q.Channel, draft)
	if err != nil {
		return nil, err
	}
	if plan.Base != nil && !plan.Changed && plan.Base.Revision == draft.Revision && p.log.Signed(plan.Base) {
		return plan.Base, nil
	}
	if !q.Breaking {
		if err := p.compatible(plan); err != nil {
			return nil, err
		}
	}
	return p.log.Record(ctx, plan, string(protocol.ReasonPublish))
}

// compatible refuses a plan that applications could not go on with, unless it is
// one that the channel offered before.
func (p *Push) compatible(plan *release.Plan) error {
	err := p.log.Compatible(plan)
	breaking, ok := errors.AsType[*release.BreakingError](err)
	if !ok {
		return err
	}
	switch _, err := p.log.Find(plan.Project, plan.Channel, plan.Revision); {
	case err == nil:
		return nil
	case !errors.Is(err, release.ErrNotFound):
		return err
	}
	return &BreakingError{breaking, p.followers(plan.Project, plan.Channel)}
}

// followers are the registered clients of a channel.
func (p *Push) followers(project, channel string) int {
	n := 0
	for _, c := range p.clients.all() {
		if a := c.about.Load(); a.Project == project && a.Channel == channel {
			n++
		}
	}
	return n
}

// find resolves a release or a revision of a channel, whole or abbreviated.
func (p *Push) find(project, channel, name string) (*release.Release, error) {
	absent := &Error{
		Kind: ErrNotFound, Message: fmt.Sprintf("%s has no release or revision %.60q on %s", project, name, channel),
		Advice: fmt.Sprintf("see anvil releases list %s %s", project, channel),
	}
	if id, err := gitstore.ParseHash(name); err == nil {
		r, err := p.log.Find(project, channel, id)
		if errors.Is(err, release.ErrNotFound) {
			return nil, absent
		}
		return r, err
	}
	if len(name) < 4 || strings.Trim(name, "0123456789abcdef") != "" {
		return nil, absent
	}
	var found *release.Release
	for r, err := range p.log.History(project, channel) {
		if err != nil {
			return nil, fmt.Errorf("find release: %w", err)
		}
		if !strings.HasPrefix(r.ID.String(), name) && !strings.HasPrefix(r.Revision.String(), name) {
			continue
		}
		if found != nil && found.Revision != r.Revision {
			return nil, &Error{
				Kind: ErrInvalid, Message: fmt.Sprintf("%q names several releases of %s on %s", name, project, channel),
				Advice: "give more digits",
			}
		}
		if found == nil {
			found = r // the newest
		}
	}
	if found == nil {
		return nil, absent
	}
	return found, nil
}

// audit notes what was done to a channel. The release is recorded by then, and
// stays; a failure to note it is all that can be told.
func (p *Push) audit(ctx context.Context, what, by, project, channel string, before, after *release.Release, failure error, remark string) {
	e := state.Entry{
		At: p.now(), Who: by, What: what, Project: project, Channel: channel,
		From: idOf(before), To: idOf(after), Outcome: "ok",
	}
	switch {
	case failure != nil:
		e.Outcome, e.Detail = "refused", cut(failure.Error(), 1000)
	case e.From == e.To:
		e.Outcome = "unchanged"
	default:
		e.Detail = "revision " + after.Revision.String() + remark
	}
	p.append(ctx, e)
}

// append writes an audit line, whether or not who asked is still there.
func (p *Push) append(ctx context.Context, e state.Entry) {
	err := p.state.Update(context.WithoutCancel(ctx), func(tx *state.Tx) error { return tx.Audit(e) })
	if err != nil {
		p.note.Error("audit line lost", "who", e.Who, "what", e.What, "project", e.Project, "channel", e.Channel, "from", e.From, "to", e.To, "error", err)
	}
}

func idOf(r *release.Release) string {
	if r == nil {
		return ""
	}
	return r.ID.String()
}

// renew replaces releases that are about to expire by the same content with a
// longer life.
func (p *Push) renew(ctx context.Context) error {
	var errs []error
	for _, due := range p.log.Due() {
		if err := p.renewOne(ctx, due); err != nil {
			errs = append(errs, fmt.Errorf("renew %s/%s: %w", due.Project, due.Channel, err))
		}
	}
	return errors.Join(errs...)
}

func (p *Push) renewOne(ctx context.Context, due *release.Release) error {
	// Neither a publish nor a draft may come between plan and record.
	p.publishing.Lock()
	defer p.publishing.Unlock()
	p.drafts.mu.Lock()
	defer p.drafts.mu.Unlock()
	head := p.log.Head(due.Project, due.Channel)
	if head == nil || head.ID != due.ID {
		return nil // replaced meanwhile
	}
	after, err := p.log.Renew(ctx, head.Project, head.Channel, string(protocol.ReasonRenewal))
	p.audit(ctx, "renew", "anvil", head.Project, head.Channel, head, after, err, "")
	if err != nil {
		return err
	}
	return p.move(head.Project, head.Channel)
}

// Releases returns the releases of a channel, newest first, at most limit.
func (p *Push) Releases(ctx context.Context, project, channel string, limit int) ([]*release.Release, error) {
	if err := checkProject(project); err != nil {
		return nil, err
	}
	if err := checkChannel(channel); err != nil {
		return nil, err
	}
	if p.log.Head(project, channel) == nil {
		return nil, p.nothing(project, channel)
	}
	var all []*release.Release
	for r, err := range p.log.History(project, channel) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("list releases: %w", err)
		}
		if all = append(all, r); len(all) >= limit {
			break
		}
	}
	return all, nil
}
