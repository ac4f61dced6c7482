package daemon

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/prompt"
)

// judgement is what becomes of the delta.
type judgement struct {
	commit []*entry        // sorted by path
	moved  []movedEntry    // the tip moved under them
	update []*entry        // the commits have more than their files
	held   map[string]bool // paths that a hold stands for
	holds  map[string]Hold // by the hold's path
	again  time.Time       // when a grace ends; zero: nothing waits
}

// movedEntry is one that was edited from another version than the committed one.
type movedEntry struct {
	*entry
	from gitstore.Hash
}

// judge is the court that one round of the delta passes through. It changes
// nothing.
type judge struct {
	now          time.Time
	missingGrace time.Duration
	tornGrace    time.Duration
	settleMax    time.Duration

	tree  *prompt.Tree
	blobs map[string]gitstore.Hash
	index staging
	delta map[string]*entry
	older map[string][]older
	read  func(gitstore.Hash) ([]byte, error) // a blob

	out judgement
}

// judge decides, for all of the delta, what is committed, what is held and what
// waits for its grace to end.
func (j *judge) judge() (judgement, error) {
	j.out.holds, j.out.held = make(map[string]Hold), make(map[string]bool)
	open := make(map[string]*entry)
	for path, e := range j.delta {
		if belongs(path, j.blobs, j.delta) {
			open[path] = e
		}
	}
	strays := takeStrays(open)
	j.holdUnfit(open)
	j.waitForMissing(open)
	j.holdStrays(strays, open)
	if err := j.mergeMoved(open); err != nil {
		return judgement{}, err
	}
	j.holdStaged(open)
	for path := range maps.Clone(j.out.holds) {
		if e := j.delta[path]; e.got.is != missing && j.blobs[path].IsZero() {
			j.holdDeletionsWith(e, open)
		}
	}
	j.holdOrganisation(open)
	j.holdMass(open)
	if err := j.check(open); err != nil {
		return judgement{}, err
	}
	for _, path := range slices.Sorted(maps.Keys(open)) {
		j.out.commit = append(j.out.commit, open[path])
	}
	return j.out, nil
}

// belongs reports whether the file is in a project, or the organisation's own.
// A folder without project.yaml may hold anything, in a code repository.
func belongs(path string, blobs map[string]gitstore.Hash, delta map[string]*entry) bool {
	p := project(path)
	if p == "" {
		return true
	}
	name := p + "/project.yaml"
	if _, ok := blobs[name]; ok {
		return true
	}
	e, ok := delta[name]
	return ok && e.got.is != missing
}

func (j *judge) hold(e *entry, kind, reason, hint string, problems ...prompt.Problem) {
	j.out.held[e.path] = true
	j.out.holds[e.path] = Hold{Path: e.path, Kind: kind, Problems: problems, Since: e.since, Reason: reason, Hint: hint}
}

// wait asks for another round at the given time.
func (j *judge) wait(until time.Time) {
	if j.out.again.IsZero() || until.Before(j.out.again) {
		j.out.again = until
	}
}

// takeStrays takes the strays out of open: they are never committed.
func takeStrays(open map[string]*entry) map[string]*entry {
	strays := make(map[string]*entry)
	for path, e := range open {
		if stray(path) {
			strays[path] = e
			delete(open, path)
		}
	}
	return strays
}

// holdStrays holds strays with what is wrong with their names. One that has
// just come is waited for, since editors write under other names first.
func (j *judge) holdStrays(strays, open map[string]*entry) {
	if len(strays) == 0 {
		return
	}
	all := maps.Clone(strays) // and what tells whether they lie in a project
	for path, e := range open {
		if path == "anvil.yaml" || path == project(path)+"/project.yaml" {
			all[path] = e
		}
	}
	problems := make(map[string][]prompt.Problem)
	for _, p := range prompt.Introduced(j.tree, j.tree.With(changes(all)...)) {
		problems[p.Path] = append(problems[p.Path], p)
	}
	for _, path := range slices.Sorted(maps.Keys(strays)) {
		e := strays[path]
		end := e.since.Add(j.tornGrace)
		switch {
		case len(problems[path]) == 0:
			j.out.held[path] = true // nobody's business
		case e.source != sourceStartup && j.now.Before(end):
			j.wait(end)
			j.holdDeletionsWith(e, open)
		default:
			first := problems[path][0]
			j.hold(e, HeldProblems, first.Message, first.Hint, problems[path]...)
		}
	}
}

func (j *judge) holdUnfit(open map[string]*entry) {
	for path, e := range open {
		switch {
		case e.got.is == unfit:
			j.hold(e, HeldUnreadable, e.got.reason, e.got.hint)
			delete(open, path)
		case e.converted != nil && e.got.is == present:
			j.hold(e, HeldUnreadable, e.converted.Reason(), e.converted.Hint())
			delete(open, path)
		}
	}
}

func (j *judge) holdStaged(open map[string]*entry) {
	for path, e := range open {
		if !e.staged && j.index.blobs[path] == j.blobs[path] {
			continue
		}
		j.hold(e, HeldStaged, "staged by you", "commit it, or unstage it: git restore --staged "+e.path)
		delete(open, path)
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// check takes out of open what introduces problems, until the rest introduces
// none.
func (j *judge) check(open map[string]*entry) error {
	for len(open) > 0 {
		candidate := j.tree.With(changes(open)...)
		problems := prompt.Introduced(j.tree, candidate)
		blamed := blame(problems, open, j.tree, candidate)
		if len(blamed) == 0 {
			return nil
		}
		for path, problems := range blamed {
			e, ok := open[path]
			if !ok {
				continue // held with another one a moment ago
			}
			delete(open, path)
			if err := j.holdProblems(e, problems); err != nil {
				return err
			}
			if e.isNew(j.blobs[path]) {
				j.holdDeletionsWith(e, open)
			}
		}
	}
	return nil
}

// holdProblems holds e, or waits when what is wrong may be a save that is not
// over: a file emptied, or cut short so that it says nothing; or when other
// files wait, which may be what is missing.
func (j *judge) holdProblems(e *entry, problems []prompt.Problem) error {
	if e.merged != nil { // its places are in no file that the author has
		j.hold(e, HeldMoved, "together with what was committed since it was edited, the file has problems: "+problems[0].Message,
			"see git diff HEAD -- "+e.path+"; when the file is right as it stands: anvil accept "+e.path)
		return nil
	}
	torn, err := j.torn(e, problems)
	if err != nil {
		return err
	}
	if end := e.changed.Add(j.tornGrace); torn && j.now.Before(end) {
		j.wait(end)
		return nil
	}
	if !j.out.again.IsZero() && j.now.Before(e.changed.Add(j.missingGrace+j.settleMax)) {
		return nil
	}
	first := problems[0]
	reason := first.Message
	if first.Path != e.path {
		reason = first.String()
	}
	if len(problems) > 1 {
		reason += fmt.Sprintf(" (and %d more)", len(problems)-1)
	}
	j.hold(e, HeldProblems, reason, first.Hint, problems...)
	return nil
}

func (j *judge) torn(e *entry, problems []prompt.Problem) (bool, error) {
	if e.got.is != present {
		return false, nil
	}
	if len(bytes.TrimSpace(e.got.content)) == 0 {
		return true, nil
	}
	head := j.blobs[e.path]
	if head.IsZero() || !slices.ContainsFunc(problems, func(p prompt.Problem) bool {
		return p.Path == e.path && (p.Rule == "yaml" || p.Rule == "schema")
	}) {
		return false, nil
	}
	committed, err := j.read(head)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", e.path, err)
	}
	return len(e.got.content) < len(committed), nil
}

// changes are the entries as prompt wants them, by path.
func changes(open map[string]*entry) []prompt.Change {
	list := make([]prompt.Change, 0, len(open))
	for _, path := range slices.Sorted(maps.Keys(open)) {
		e := open[path]
		list = append(list, prompt.Change{Path: path, Content: e.content(), Removed: e.got.is == missing})
	}
	return list
}

// blame says which changes introduce which problems: the changed file that a
// problem stands in; else, for a file that others broke, the changes in what it
// depends on; and when there are none, all.
func blame(problems []prompt.Problem, open map[string]*entry, base, candidate *prompt.Tree) map[string][]prompt.Problem {
	blamed := make(map[string][]prompt.Problem)
	for _, p := range problems {
		if e, ok := open[p.Path]; ok && e.got.is == present {
			blamed[p.Path] = append(blamed[p.Path], p)
		}
	}
	if len(blamed) > 0 || len(problems) == 0 {
		// What is wrong elsewhere may be right again without these.
		return blamed
	}
	for _, p := range problems {
		for path := range suspects(p.Path, open, base, candidate) {
			blamed[path] = append(blamed[path], p)
		}
	}
	return blamed
}

// suspects are the changes that can have broken the unchanged file at path.
func suspects(path string, open map[string]*entry, base, candidate *prompt.Tree) map[string]bool {
	found := make(map[string]bool)
	note := func(path string) {
		if _, ok := open[path]; ok {
			found[path] = true
		}
	}
	note(path)
	note("anvil.yaml")
	folder := func(path string) {
		for i := range len(path) {
			if path[i] == '/' {
				note(path[:i] + "/project.yaml")
				note(path[:i] + "/set.yaml")
			}
		}
	}
	folder(path)
	if address, err := prompt.ParseAddress(strings.TrimSuffix(path, ".yaml")); err == nil && isPrompt(path) {
		for _, tree := range []*prompt.Tree{base, candidate} {
			for _, dependency := range tree.Closure(address) {
				note(dependency.Address.Path())
				folder(dependency.Address.Path())
			}
		}
	}
	if len(found) == 0 {
		for path := range open {
			found[path] = true
		}
	}
	return found
}
