package prompt

import (
	"fmt"
	"iter"
)

// linkSets checks the ranges of the sets that changed and of those that depend
// on them.
func (e *edit) linkSets() {
	touched := e.sets
	if e.options.CompileOnly || len(touched) == 0 {
		return
	}
	for folder, names := range e.now.files {
		f := names[setFile]
		if f == nil || f.kind != kindSet {
			continue
		}
		concerned := touched[folder]
		if f.set != nil {
			for _, r := range f.set.ranges {
				concerned = concerned || touched[r.Set]
			}
		}
		if concerned {
			e.linkSet(folder, f)
		}
	}
	for folder := range touched {
		if path := folder + "/" + setFile; !e.now.files.has(path) {
			e.unresolved.set(path, false)
		}
	}
}

func (e *edit) linkSet(folder string, f *file) {
	e.links++
	var problems []Problem
	report := func(at mark, id, message, hint string) {
		problems = append(problems, Problem{Path: f.path, Line: at.line, Col: at.col, Rule: id, Message: message, Hint: hint})
	}
	missing := false
	if f.set != nil {
		if other := e.otherWith(f.set.id, f.path); other != "" {
			report(f.set.idPlace, ruleDuplicateID, sameID(other), sameIDHint)
		}
		for _, r := range f.set.ranges {
			target, there := e.now.files[r.Set]
			switch at := target[setFile]; {
			case r.Set == folder:
				report(r.key, ruleVersionRange, "a set cannot depend on itself", "")
			case !there || !isSet(target):
				missing = true
				report(r.key, ruleMissingDependency, fmt.Sprintf("there is no set %s", r.Set)+didYouMean(r.Set, e.setFolders()), "")
			case at == nil || at.set == nil || at.set.version == nil:
				report(r.value, ruleVersionRange, fmt.Sprintf("%s has no version, so that %s cannot be met", r.Set, r.Range.Range), fmt.Sprintf("give it one in %s/%s", r.Set, setFile))
			case !r.constraint.Check(at.set.version):
				report(r.value, ruleVersionRange, fmt.Sprintf("%s is %s, which %s does not allow", r.Set, at.set.versionText, r.Range.Range), "change the range, or bring the set to a version that it allows")
			}
		}
	}
	e.unresolved.set(f.path, missing)
	e.settle(f.path, problems)
}

// isSet reports whether a folder's files make it a set.
func isSet(names map[string]*file) bool {
	for _, f := range names {
		if f.kind == kindSet || f.kind == kindPrompt {
			return true
		}
	}
	return false
}

func (e *edit) setFolders() iter.Seq[string] {
	return func(yield func(string) bool) {
		for folder, names := range e.now.files {
			if isSet(names) && !yield(folder) {
				return
			}
		}
	}
}
