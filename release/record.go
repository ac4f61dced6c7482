package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/gitstore"
)

// author signs the commits of the releases repository, which no person writes.
const (
	authorName  = "Anvil"
	authorEmail = "releases@anvil.invalid"
)

// Record makes a plan the channel's next release: it signs a manifest, commits
// and moves the channel's head. reason is one of protocol's reasons.
//
// When the channel offers something else than when the plan was made, nothing
// is recorded and the error is [ErrMoved]; a renewal in between does not
// matter. After any other error the head is what the repository says it is:
// the release before, or this one.
//
// Releases are recorded one at a time.
func (l *Log) Record(ctx context.Context, p *Plan, reason string) (*Release, error) {
	r, err := l.record(ctx, p, reason)
	if err != nil {
		return nil, fmt.Errorf("record release of %s/%s: %w", p.Project, p.Channel, err)
	}
	return r, nil
}

// Renew records what a channel offers once more, to live a whole lifetime from
// now.
func (l *Log) Renew(ctx context.Context, project, channel, reason string) (*Release, error) {
	h := l.Head(project, channel)
	if h == nil {
		return nil, fmt.Errorf("renew %s/%s: %w: it offers nothing yet", project, channel, ErrNotFound)
	}
	p, err := l.PlanFrom(ctx, channel, h)
	if err != nil {
		return nil, err
	}
	return l.Record(ctx, p, reason)
}

func (l *Log) record(ctx context.Context, p *Plan, reason string) (*Release, error) {
	if l.o.Signer == nil {
		return nil, &hinted{ErrNoSigner, "this process only serves; publish on the server that signs"}
	}
	if reason == "" || strings.ContainsAny(reason, "\r\n") {
		return nil, fmt.Errorf("reason %q is not one line", reason)
	}
	l.recording.Lock()
	defer l.recording.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}

	c := l.channel(name{p.Project, p.Channel})
	now := c.head.Load()
	if err := l.stillFits(p, now); err != nil {
		return nil, err
	}
	orphan, err := l.cutsHere(c, now)
	if err != nil {
		return nil, err
	}

	before := p.before
	if orphan {
		before = nil
	}
	edits, err := l.edits(p, before)
	if err != nil {
		return nil, err
	}
	sums, bytes, err := l.sums(p.content)
	if err != nil {
		return nil, err
	}
	if err := checkTotal(bytes); err != nil {
		return nil, unfit(p.Project, p.Revision, err)
	}
	m, err := l.sign(p, now, sums.Summary(bytes))
	if err != nil {
		return nil, err
	}
	edits = append(
		edits,
		gitstore.Edit{Path: manifestPath, Content: m.raw},
		gitstore.Edit{Path: signaturePath, Content: m.signature},
	)
	r := newRelease(c.name, gitstore.Hash{}, m, p.Revision, reason)

	var tip gitstore.Hash
	if now != nil {
		tip = now.ID
	}
	if orphan {
		if err := l.keepChain(c.name, tip); err != nil {
			return nil, err
		}
	}
	anvil := gitstore.Signature{Name: authorName, Email: authorEmail, When: r.Created}
	id, err := l.repo.Commit(ctx, gitstore.NewCommit{
		Branch:    c.ref(),
		Tip:       tip,
		Orphan:    orphan,
		Edits:     edits,
		Message:   r.message(),
		Author:    anvil,
		Committer: anvil,
	})
	if err != nil {
		return nil, l.settle(c, now, err)
	}
	r.ID = id
	l.sumsOf.put(id, sums)
	c.advance(&head{Release: r, content: p.content}, orphan)
	l.digests.forget(l.heldContents)
	l.log.Info("release recorded", "project", r.Project, "channel", r.Channel, "release", r.ID.String(),
		"revision", r.Revision.String(), "reason", r.Reason, "sequence", r.Sequence)
	return r, nil
}

// stillFits says whether the plan was made against what the channel offers.
func (l *Log) stillFits(p *Plan, now *head) error {
	moved := &hinted{ErrMoved, "somebody else published meanwhile; look at what the channel offers and try again"}
	switch {
	case now == nil && p.Base == nil:
		return nil
	case now == nil || p.Base == nil:
		return moved
	case now.ID == p.Base.ID:
		return nil
	case now.Revision != p.Base.Revision:
		return moved
	}
	offered, err := l.contentOf(now)
	if err != nil {
		return err
	}
	if !slices.Equal(offered, p.before) {
		return moved
	}
	return nil
}

// edits are the changes to a release's tree that make before the content of p.
// They read what changed, and remember its digests.
func (l *Log) edits(p *Plan, before content) ([]gitstore.Edit, error) {
	diff := compare(before, p.content)
	edits := make([]gitstore.Edit, len(diff), len(diff)+2)
	err := each(len(diff), func(i int) error {
		d := diff[i]
		if d.after.IsZero() {
			edits[i] = gitstore.Edit{Path: d.path, Removed: true}
			return nil
		}
		data, err := p.read(d.after)
		if err != nil {
			return fmt.Errorf("read %s: %w", strings.TrimPrefix(d.path, contentPrefix), err)
		}
		if err := checkFile(d.path, int64(len(data))); err != nil {
			return unfit(p.Project, p.Revision, err)
		}
		edits[i] = gitstore.Edit{Path: d.path, Content: data}
		if _, known := l.digests.get(d.after); !known {
			l.digests.put(d.after, digestOf(data))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return edits, nil
}

// sign makes the manifest of p, which follows the release now, and signs it.
func (l *Log) sign(p *Plan, now *head, summary bundle.ContentSummary) (*signed, error) {
	created := l.o.Now().UTC().Truncate(time.Second)
	sequence := created.Unix()
	if now != nil {
		sequence = max(sequence, now.Sequence+1)
	}
	if ahead := time.Unix(sequence, 0).Sub(created); ahead > bundle.Ahead {
		l.log.Warn("sequence is so far ahead of the clock that clients refuse it: was the clock wrong once?",
			"project", p.Project, "channel", p.Channel, "sequence", sequence, "ahead", ahead)
	}
	m := &bundle.Manifest{
		Format:    bundle.Format,
		Type:      bundle.TypeRelease,
		Stream:    l.Stream(p.Project, p.Channel),
		Sequence:  sequence,
		Revision:  p.Revision.String(),
		Created:   created,
		Expires:   created.Add(lifetime),
		Content:   summary,
		Generator: bundle.Generator{Name: "anvil", Version: l.o.Generator},
	}
	raw, err := m.Encode()
	if err != nil {
		return nil, err
	}
	signature, err := bundle.Sign(raw, bundle.ManifestNamespace, l.o.Signer)
	if err != nil {
		return nil, err
	}
	return &signed{m, raw, signature}, nil
}

// settle finds out what became of a failed commit. The branch decides: a
// commit that reached it is the channel's head, whatever went wrong after.
func (l *Log) settle(c *channel, now *head, cause error) error {
	defer c.forget()
	tip, err := l.repo.Tip(c.ref())
	switch {
	case errors.Is(err, gitstore.ErrNotFound):
		return cause
	case err != nil:
		return errors.Join(cause, err)
	case now != nil && tip == now.ID:
		return cause
	}
	r, err := l.load(c.name, tip)
	if err != nil {
		return errors.Join(cause, err)
	}
	c.advance(&head{Release: r}, false)
	if errors.Is(cause, gitstore.ErrMoved) {
		return &hinted{
			fmt.Errorf("%w: another process writes to the releases repository: %w", ErrMoved, cause),
			"exactly one process signs an organisation's releases: stop the other one",
		}
	}
	return cause
}

// advance makes h what the channel offers.
func (c *channel) advance(h *head, orphan bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.head.Store(h)
	if c.history != nil {
		c.history.add(h.Release, orphan)
	}
}

// heldContents are the contents of the heads that are in memory.
func (l *Log) heldContents(yield func(content) bool) {
	for _, c := range *l.channels.Load() {
		h := c.head.Load()
		if h == nil {
			continue
		}
		h.mu.Lock()
		files := h.content
		h.mu.Unlock()
		if !yield(files) {
			return
		}
	}
}
