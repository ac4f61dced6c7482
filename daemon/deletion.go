package daemon

import (
	"fmt"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
)

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
