package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/prompt"
)

// Plan is what a channel would offer, compared with what it offers now. Only
// [Log.Record] makes a release of it.
type Plan struct {
	Project, Channel string
	Revision         gitstore.Hash
	// Changed says that the content differs from what the channel holds. A plan
	// that changes nothing may be recorded all the same: the release then names
	// another revision or lives longer.
	Changed bool
	// Paths are the files that differ, sorted, relative to the organisation.
	Paths []string
	// Base is what the channel offered when the plan was made, nil for nothing.
	Base *Release

	content content
	before  content // of Base
	read    func(gitstore.Hash) ([]byte, error)
}

// Plan compares a project at a revision of the authors' repository with what a
// channel offers. A project that does not check clean there is an
// [*UnfitError]; one that does not exist is [ErrNotFound].
func (l *Log) Plan(ctx context.Context, project, channel string, rev gitstore.Hash) (*Plan, error) {
	p, err := l.planRevision(ctx, name{project, channel}, rev)
	if err != nil {
		return nil, fmt.Errorf("plan %s/%s: %w", project, channel, err)
	}
	return p, nil
}

func (l *Log) planRevision(ctx context.Context, n name, rev gitstore.Hash) (*Plan, error) {
	if err := checkBoth(n.project, n.channel); err != nil {
		return nil, err
	}
	if l.lib == nil {
		return nil, errors.New("no authors' repository to plan from")
	}
	tree, err := l.lib.At(rev)
	if err != nil {
		return nil, err
	}
	if _, ok := tree.Project(n.project); !ok {
		return nil, &hinted{
			fmt.Errorf("%w: no project %q at %s", ErrNotFound, n.project, rev.Short()),
			"a project is a folder with a project.yaml",
		}
	}
	// Most trees have no errors at all, and then no closure needs looking through.
	if slices.ContainsFunc(tree.Problems(), func(p prompt.Problem) bool { return p.Level == prompt.Error }) {
		if problems := tree.ProblemsIn(n.project); len(problems) > 0 {
			return nil, &UnfitError{Project: n.project, Revision: rev, Problems: problems}
		}
	}
	blobs, err := l.lib.Blobs(rev)
	if err != nil {
		return nil, err
	}
	paths := tree.Released(n.project)
	c := make(content, len(paths))
	for i, path := range paths {
		blob, ok := blobs[path]
		if !ok {
			return nil, fmt.Errorf("%s is not in revision %s", path, rev.Short())
		}
		c[i] = file{contentPrefix + path, blob}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return l.plan(n, rev, c, l.lib.Read)
}

// PlanFrom plans the content and the revision of a release for a channel of
// its project: of draft to publish it, of the channel's own past to go back to
// it, of its head to renew it. Nothing is asked of the authors' repository.
func (l *Log) PlanFrom(ctx context.Context, channel string, from *Release) (*Plan, error) {
	n := name{from.Project, channel}
	if err := checkBoth(n.project, n.channel); err != nil {
		return nil, fmt.Errorf("plan %s: %w", n, err)
	}
	c, err := l.heldContent(from)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", n, err)
	}
	p, err := l.plan(n, from.Revision, c, l.repo.Blob)
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", n, err)
	}
	return p, nil
}

// heldContent is the content of a release, from memory when it is a head.
func (l *Log) heldContent(r *Release) (content, error) {
	if h := l.channel(name{r.Project, r.Channel}).head.Load(); h != nil && h.ID == r.ID {
		return l.contentOf(h)
	}
	return l.walk(r.ID)
}

func (l *Log) plan(n name, rev gitstore.Hash, c content, read func(gitstore.Hash) ([]byte, error)) (*Plan, error) {
	if damaged := l.channel(n).damaged; damaged != nil {
		return nil, damaged
	}
	h := l.channel(n).head.Load()
	before, err := l.contentOf(h)
	if err != nil {
		return nil, err
	}
	p := &Plan{Project: n.project, Channel: n.channel, Revision: rev, content: c, before: before, read: read}
	if h != nil {
		p.Base = h.Release
	}
	diff := compare(before, c)
	p.Changed = len(diff) > 0 || h == nil
	for _, d := range diff {
		p.Paths = append(p.Paths, strings.TrimPrefix(d.path, contentPrefix))
	}
	if slices.ContainsFunc(diff, func(d difference) bool { return d.before.IsZero() }) {
		// What was offered before has passed already.
		if err := checkPaths(c); err != nil {
			return nil, unfit(n.project, rev, err)
		}
	}
	return p, nil
}

// Removed says how many of the project's own prompts the plan takes away, of how
// many that the channel offers, and how many there are then (a rename takes one
// away and adds one): for a guard against an accident upstream.
func (p *Plan) Removed() (gone, of, left int) {
	own := contentPrefix + p.Project + "/"
	isPrompt := func(path string) bool {
		rest, ok := strings.CutPrefix(path, own)
		return ok && strings.Count(rest, "/") == 1 && !strings.HasSuffix(rest, "/set.yaml")
	}
	for _, f := range p.before {
		if isPrompt(f.path) {
			of++
		}
	}
	for _, d := range compare(p.before, p.content) {
		if d.after.IsZero() && isPrompt(d.path) {
			gone++
		}
	}
	for _, f := range p.content {
		if isPrompt(f.path) {
			left++
		}
	}
	return gone, of, left
}
