package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/anvilpeering/anvil/diff3"
	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/prompt"
)

// judgement is what becomes of the delta.
type judgement struct {
	commit []*entry        // sorted by path
	moved  []movedEntry    // the tip moved under them
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
	if err := j.holdMoved(open); err != nil {
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

// waitForMissing takes out what vanished a moment ago, since editors save by
// taking the file away and bringing it back. New files of the same project, and
// new files with the content of one that vanished, wait with it: together they
// are a rename, and become one commit. So do earlier deletions of the project,
// but not for ever: a script that removes many files is one deletion.
func (j *judge) waitForMissing(open map[string]*entry) {
	young := make(map[string]time.Time) // by project, when the last grace ends
	contents := make(map[gitstore.Hash]time.Time)
	for path, e := range open {
		end := e.changed.Add(j.missingGrace)
		if e.got.is != missing || e.isAccepted() || !j.now.Before(end) {
			continue
		}
		if end.After(young[project(path)]) {
			young[project(path)] = end
		}
		contents[j.blobs[path]] = end
		delete(open, path)
		j.wait(end)
	}
	if len(contents) == 0 {
		return
	}
	for path, e := range open {
		end, waits := young[project(path)]
		switch {
		case e.isNew(j.blobs[path]):
			if twin, ok := contents[e.got.hash]; ok {
				end, waits = twin, true
			}
		case e.got.is == missing:
			waits = waits && j.now.Before(e.changed.Add(j.missingGrace+j.settleMax))
		default:
			waits = false
		}
		if waits && !e.isAccepted() {
			delete(open, path)
			j.wait(end)
		}
	}
}

// holdMoved holds what was edited from another version than the committed one,
// unless what was committed since is in it: git has merged it, say in a pull with
// --autostash, or the author has. It stays edited from that other version until it
// is committed, since the next save may come from an editor that does not know.
func (j *judge) holdMoved(open map[string]*entry) error {
	for path, e := range open {
		head := j.blobs[path]
		base := e.editedFrom(head, j.index)
		if base == head {
			from, stale, err := j.stale(e, head)
			if err != nil {
				return err
			}
			if !stale {
				continue
			}
			base = from
		}
		j.out.moved = append(j.out.moved, movedEntry{e, base})
		overtaken, err := j.has(e, base, head)
		if err != nil {
			return err
		}
		if overtaken {
			continue
		}
		reason := "the committed version changed since this file was edited"
		switch {
		case head.IsZero():
			reason = "the committed version was removed since this file was edited"
		case e.got.is == missing:
			reason = "the committed version changed since this file was removed"
		}
		j.hold(e, HeldMoved, reason, "see git diff HEAD -- "+path+"; when the file is right as it stands: anvil accept "+path)
		delete(open, path)
	}
	return nil
}

// stale reports whether a save undoes all of what somebody else has committed to
// the file a while ago: it comes from an editor that was open since before.
func (j *judge) stale(e *entry, head gitstore.Hash) (from gitstore.Hash, stale bool, err error) {
	for _, o := range j.older[e.path] {
		if j.now.Sub(o.at) > olderFor || o.blob == head {
			continue
		}
		if stale, err := j.has(e, head, o.blob); stale || err != nil {
			return o.blob, stale, err
		}
	}
	return gitstore.Hash{}, false, nil
}

// has reports whether the file has in it every change that leads from one blob to
// another: merging them into it would change nothing.
func (j *judge) has(e *entry, from, to gitstore.Hash) (bool, error) {
	if e.got.is != present || from.IsZero() || to.IsZero() {
		return false, nil
	}
	var texts [2][]byte
	for i, blob := range []gitstore.Hash{from, to} {
		text, err := j.read(blob)
		if errors.Is(err, gitstore.ErrNotFound) {
			return false, nil // its history was rewritten, and it is gone
		}
		if err != nil {
			return false, fmt.Errorf("read %s as it was: %w", e.path, err)
		}
		texts[i] = text
	}
	merged, conflicts := diff3.Merge(texts[0], texts[1], e.got.content)
	return len(conflicts) == 0 && bytes.Equal(merged, e.got.content), nil
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

// holdOrganisation holds the deletion of anvil.yaml: without it the folder is
// none of Anvil's any more.
func (j *judge) holdOrganisation(open map[string]*entry) {
	e, ok := open["anvil.yaml"]
	if !ok || e.got.is != missing || e.isAccepted() {
		return
	}
	j.hold(e, HeldDeletion, "the organisation's own file is gone",
		"bring it back with: git checkout -- anvil.yaml; when it is meant to go: anvil accept anvil.yaml")
	delete(open, e.path)
}

// holdMass holds the deletions of a project when it would lose more than half
// of its prompts and more than ten, or everything. A file that is there under
// another name in the project is not lost.
func (j *judge) holdMass(open map[string]*entry) {
	type loss struct{ prompts, lost, files, gone int }
	losses := make(map[string]*loss)
	kept := make(map[string]map[gitstore.Hash]bool) // by project: new contents
	for path, e := range open {
		if e.got.is == missing && project(path) != "" {
			losses[project(path)] = &loss{}
		}
		if e.isNew(j.blobs[path]) {
			p := project(path)
			if kept[p] == nil {
				kept[p] = make(map[gitstore.Hash]bool)
			}
			kept[p][e.got.hash] = true
		}
	}
	if len(losses) == 0 {
		return
	}
	lost := func(path string) bool {
		e, ok := open[path]
		return ok && e.got.is == missing && !e.isAccepted() && !kept[project(path)][j.blobs[path]]
	}
	for path := range j.blobs {
		l := losses[project(path)]
		if l == nil {
			continue
		}
		l.files++
		if isPrompt(path) {
			l.prompts++
		}
		if lost(path) {
			l.gone++
			if isPrompt(path) {
				l.lost++
			}
		}
	}
	for name, l := range losses {
		var reason string
		switch {
		case l.files == l.gone:
			reason = fmt.Sprintf("the whole project %s is gone", name)
		case l.lost > 10 && 2*l.lost > l.prompts:
			reason = fmt.Sprintf("%d of %d prompts of %s are gone", l.lost, l.prompts, name)
		default:
			continue
		}
		since := j.now
		for path, e := range open {
			if project(path) == name && e.got.is == missing && !e.isAccepted() {
				since = earlier(since, e.since)
				j.out.held[path] = true
				delete(open, path)
			}
		}
		j.out.holds[name] = Hold{
			Path: name, Kind: HeldDeletion, Since: since, Reason: reason,
			Hint: "bring them back with: git checkout -- " + name + "; when they are meant to go: anvil accept " + name,
		}
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

// holdDeletionsWith holds the deletions of the same moment and project as a new
// file that is held, or waits: it may be the new name of one of them, and a
// rename with a typo must not make a prompt vanish.
func (j *judge) holdDeletionsWith(held *entry, open map[string]*entry) {
	for path, e := range open {
		if e.got.is != missing || e.isAccepted() || project(path) != project(held.path) {
			continue
		}
		if apart := e.since.Sub(held.since).Abs(); apart > j.missingGrace+j.settleMax {
			continue
		}
		delete(open, path)
		if _, ok := j.out.holds[held.path]; ok {
			j.hold(e, HeldDeletion, "removed together with the new file "+held.path+", which is held",
				"mend that file; when this one is meant to go all the same: anvil accept "+path)
		}
	}
}

// changes are the entries as prompt wants them, by path.
func changes(open map[string]*entry) []prompt.Change {
	list := make([]prompt.Change, 0, len(open))
	for _, path := range slices.Sorted(maps.Keys(open)) {
		e := open[path]
		list = append(list, prompt.Change{Path: path, Content: e.got.content, Removed: e.got.is == missing})
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
