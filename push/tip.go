package push

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/release"
	"github.com/anvilpeering/anvil/state"
)

// drafts is what the channel draft of each project is about to offer.
type drafts struct {
	mu       sync.Mutex // held while releases are planned and recorded
	tip      gitstore.Hash
	projects []string             // at the tip
	last     map[string]time.Time // by project: its last draft release
	due      map[string]time.Time // by project: when the tip is looked at
	accepted map[string]time.Time // by project: a deletion that somebody confirmed
	changed  chan struct{}        // due has changed

	showing sync.RWMutex
	waiting map[string]Waiting
}

func (d *drafts) init() {
	d.last, d.due, d.accepted = map[string]time.Time{}, map[string]time.Time{}, map[string]time.Time{}
	d.changed = make(chan struct{}, 1)
	d.waiting = map[string]Waiting{}
}

// Problem is one of the reasons why a project is not released.
type Problem struct {
	Path    string `json:"path"`
	Line    int    `json:"line"`
	Col     int    `json:"col"`
	Rule    string `json:"rule"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s [%s]", p.Path, p.Line, p.Col, p.Message, p.Rule)
}

// Waiting is a project whose tip is not released, and why. Its clients keep the
// last release.
type Waiting struct {
	Project  string        `json:"project"`
	Revision gitstore.Hash `json:"revision"` // the tip
	Since    time.Time     `json:"since"`
	Reason   string        `json:"reason"`
	Hint     string        `json:"hint,omitempty"`
	Problems []Problem     `json:"problems,omitempty"`
}

// Tip looks at each project of a new tip, and records a draft release for those
// whose content differs and that check clean. Projects that were released less
// than [Options.DraftEvery] ago are looked at once that time is over, at the tip
// of then. A project that is not fit, or whose release failed, waits with the
// reason and is tried again here; the error is about the tip as a whole.
func (p *Push) Tip(ctx context.Context, tip gitstore.Hash) error {
	p.drafts.mu.Lock()
	defer p.drafts.mu.Unlock()
	if p.o.Projects == nil {
		return fmt.Errorf("release tip %s: nobody said how to list its projects", tip.Short())
	}
	projects, err := p.o.Projects(tip)
	if err != nil {
		return fmt.Errorf("release tip %s: %w", tip.Short(), err)
	}
	p.drafts.tip, p.drafts.projects = tip, projects
	p.drafts.drop()
	for _, head := range p.log.Heads() {
		if head.Channel == release.Draft && !slices.Contains(projects, head.Project) {
			p.drafts.wait(Waiting{
				Project: head.Project, Revision: tip, Since: p.now(), Reason: "the project is not in the folder any more",
				Hint: "its clients keep the last release; bring the folder back, or revoke their tokens",
			})
		}
	}
	for _, project := range projects {
		if err := p.draft(ctx, project); err != nil && ctx.Err() == nil {
			p.note.Error("draft not released", "project", project, "error", err)
		}
	}
	return ctx.Err()
}

// draft releases a project at the tip, or notes when to, or why not. The
// caller holds drafts.mu.
func (p *Push) draft(ctx context.Context, project string) error {
	d := &p.drafts
	if next := d.last[project].Add(p.o.DraftEvery); p.now().Before(next) {
		d.later(project, next)
		return nil
	}
	delete(d.due, project)
	w := Waiting{Project: project, Revision: d.tip, Since: p.now()}
	plan, err := p.log.Plan(ctx, project, release.Draft, d.tip)
	if unfit := (*release.UnfitError)(nil); errors.As(err, &unfit) {
		w.Reason, w.Hint = "the project does not check clean", unfit.Hint()
		for _, f := range unfit.Problems {
			w.Problems = append(w.Problems, Problem{Path: f.Path, Line: f.Line, Col: f.Col, Rule: f.Rule, Message: f.Message, Hint: f.Hint})
		}
		d.wait(w)
		return nil
	}
	if err == nil && plan.Changed {
		if gone, of, left := plan.Removed(); tooMany(gone, of, left) && p.now().After(d.accepted[project]) {
			w.Reason = fmt.Sprintf("%d of its %d prompts would be gone", gone, of)
			w.Hint = "if that is meant: anvil accept " + project
			d.wait(w)
			return nil
		}
		err = p.recordDraft(ctx, plan)
	}
	if err != nil {
		w.Reason, w.Hint = err.Error(), hintOf(err)
		d.wait(w)
		if damage := (*release.DamageError)(nil); errors.As(err, &damage) {
			return nil // said at the start; only a person mends it, with the server down
		}
		d.later(project, p.now().Add(retryAfter))
		return fmt.Errorf("release %s: %w", project, err)
	}
	d.clear(project)
	return nil
}

func (p *Push) recordDraft(ctx context.Context, plan *release.Plan) error {
	reason := protocol.ReasonDraft
	if plan.Base != nil && p.o.Rewritten != nil && p.o.Rewritten(plan.Base.Revision, plan.Revision) {
		reason = protocol.ReasonRewritten
	}
	r, err := p.log.Record(ctx, plan, string(reason))
	if err != nil {
		return err
	}
	p.drafts.last[r.Project] = p.now()
	delete(p.drafts.accepted, r.Project)
	return p.move(r.Project, r.Channel)
}

// tooMany is the guard against an accident: a project that has nothing left, or
// loses more than half of its prompts and more than ten.
func tooMany(gone, of, left int) bool { return of > 0 && left == 0 || gone > 10 && 2*gone > of }

// retryAfter is when a release that failed, on a full disk perhaps, is tried
// again.
const retryAfter = 10 * time.Second

// acceptFor is how long a confirmed deletion may take to arrive as a tip.
const acceptFor = 10 * time.Minute

// ProjectOf returns the project that a path is or lies in, "" for none.
func ProjectOf(path string) string {
	project, _, _ := strings.Cut(path, "/")
	if release.CheckProject(project) != nil {
		return ""
	}
	return project
}

// Accept confirms that many prompts of a project are meant to be gone: now,
// when the project waits for that (waited), or when a tip says so within the
// next minutes. by is who does it, for the audit log.
func (p *Push) Accept(ctx context.Context, project, by string) (waited bool, err error) {
	if err := checkProject(project); err != nil {
		return false, err
	}
	p.drafts.mu.Lock()
	defer p.drafts.mu.Unlock()
	before := p.log.Head(project, release.Draft)
	if before == nil {
		return false, nil // nothing of it can be gone
	}
	p.drafts.accepted[project] = p.now().Add(acceptFor)
	if !p.drafts.waits(project) || !slices.Contains(p.drafts.projects, project) {
		p.auditAccept(ctx, by, before, before, nil)
		return false, nil
	}
	err = p.draft(ctx, project)
	p.auditAccept(ctx, by, before, p.log.Head(project, release.Draft), err)
	if err != nil {
		return true, err
	}
	_, soon := p.drafts.due[project]
	return soon || !p.drafts.waits(project), nil
}

// auditAccept notes who confirmed the loss of most of a project, and the release
// that was made of it, if it was made at once.
func (p *Push) auditAccept(ctx context.Context, by string, before, after *release.Release, failure error) {
	e := state.Entry{
		At: p.now(), Who: by, What: "accept", Project: before.Project, Channel: before.Channel, From: idOf(before), Outcome: "ok",
		Detail: fmt.Sprintf("the loss of many prompts, for %s", acceptFor),
	}
	switch {
	case failure != nil:
		e.Outcome, e.Detail = "failed", cut(failure.Error(), 1000)
	case after.ID != before.ID:
		e.To, e.Detail = idOf(after), "revision "+after.Revision.String()
	}
	p.append(ctx, e)
}

// Waiting returns the projects whose tip is not released, sorted by name.
func (p *Push) Waiting() []Waiting {
	p.drafts.showing.RLock()
	defer p.drafts.showing.RUnlock()
	return slices.SortedFunc(maps.Values(p.drafts.waiting), func(a, b Waiting) int {
		return strings.Compare(a.Project, b.Project)
	})
}

// draftDue looks at the projects whose time has come.
func (p *Push) draftDue(ctx context.Context) error {
	p.drafts.mu.Lock()
	defer p.drafts.mu.Unlock()
	var errs []error
	now := p.now()
	for _, project := range slices.Sorted(maps.Keys(p.drafts.due)) {
		if !p.drafts.due[project].After(now) {
			errs = append(errs, p.draft(ctx, project))
		}
	}
	return errors.Join(errs...)
}

// timer fires when the next project is due. The caller stops it.
func (d *drafts) timer(now time.Time) *time.Timer {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := now.Add(time.Hour)
	for _, due := range d.due {
		if due.Before(next) {
			next = due
		}
	}
	return time.NewTimer(next.Sub(now))
}

// later looks at a project at a time.
func (d *drafts) later(project string, due time.Time) {
	d.due[project] = due
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// wait notes why a project is not released; it has waited since the first time.
func (d *drafts) wait(w Waiting) {
	d.showing.Lock()
	defer d.showing.Unlock()
	if before, ok := d.waiting[w.Project]; ok {
		w.Since = before.Since
	}
	d.waiting[w.Project] = w
}

func (d *drafts) waits(project string) bool {
	d.showing.RLock()
	defer d.showing.RUnlock()
	_, ok := d.waiting[project]
	return ok
}

func (d *drafts) clear(project string) {
	d.showing.Lock()
	defer d.showing.Unlock()
	delete(d.waiting, project)
}

// drop forgets what is due and waits of projects that are not there any more.
func (d *drafts) drop() {
	gone := func(project string) bool { return !slices.Contains(d.projects, project) }
	maps.DeleteFunc(d.due, func(project string, _ time.Time) bool { return gone(project) })
	d.showing.Lock()
	defer d.showing.Unlock()
	maps.DeleteFunc(d.waiting, func(project string, _ Waiting) bool { return gone(project) })
}

// whyNoDraft is the advice for a project without a draft release. A client and
// whoever sees one project alone are told of that project what its own files
// say: neither names of other projects nor what went wrong inside.
func (p *Push) whyNoDraft(project string, seesAll bool) string {
	for _, w := range p.Waiting() {
		if w.Project != project {
			continue
		}
		for _, problem := range w.Problems {
			if seesAll || ProjectOf(problem.Path) == project {
				return fmt.Sprintf("mend it and save: %s", problem)
			}
		}
		if seesAll {
			return w.Reason
		}
	}
	if !seesAll {
		return "anvil status on the server says why"
	}
	var others []string
	for _, head := range p.log.Heads() {
		if head.Channel == release.Draft {
			others = append(others, head.Project)
		}
	}
	switch {
	case slices.Contains(others, project):
		return ""
	case len(others) == 0:
		return "no project was released yet: a project is a folder with a project.yaml, committed on the served branch"
	case len(others) > 8:
		others = append(others[:8], "…")
	}
	return "released projects: " + strings.Join(others, ", ")
}

func hintOf(err error) string {
	if h := interface{ Hint() string }(nil); errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}
