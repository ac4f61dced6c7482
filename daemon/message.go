package daemon

import (
	"fmt"
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/gitstore"
)

const (
	maxSubject = 72 // runes, as git's own tools cut
	maxBody    = 50 // lines
)

// message writes the commit message of entries, sorted by path, as a person
// would have: what was done in one line, the files below, and in trailers how
// the change came to notice and how much is held back.
func message(entries []*entry, blobs map[string]gitstore.Hash, prefix, source string, held int) string {
	var b strings.Builder
	list := describeChanges(entries, blobs)
	subject := strings.TrimLeft(strings.TrimSpace(prefix)+" "+list.subject(), " ")
	if runes := []rune(subject); len(runes) > maxSubject {
		subject = string(runes[:maxSubject-1]) + "…"
	}
	b.WriteString(subject + "\n\n")
	for i, c := range list {
		if i == maxBody {
			fmt.Fprintf(&b, "and %d more\n", len(list)-maxBody)
			break
		}
		b.WriteString(c.line() + "\n")
	}
	fmt.Fprintf(&b, "\nAnvil-Source: %s\n", source)
	if held > 0 {
		fmt.Fprintf(&b, "Anvil-Held: %d\n", held)
	}
	return b.String()
}

// described is one line of a message.
type described struct {
	verb byte   // A, D, M or R, as git status has them
	path string // for R the new one
	from string // for R
}

type describedList []described

// describeChanges pairs what vanished with what came with the same content.
func describeChanges(entries []*entry, blobs map[string]gitstore.Hash) describedList {
	gone := make(map[gitstore.Hash][]string)
	for _, e := range entries {
		if e.got.is == missing {
			blob := blobs[e.path]
			gone[blob] = append(gone[blob], e.path)
		}
	}
	renamed := make(map[string]bool)
	var list describedList
	for _, e := range entries {
		switch {
		case e.got.is == missing:
			list = append(list, described{verb: 'D', path: e.path})
		case !blobs[e.path].IsZero():
			list = append(list, described{verb: 'M', path: e.path})
		case len(gone[e.got.hash]) > 0:
			from := gone[e.got.hash][0]
			gone[e.got.hash] = gone[e.got.hash][1:]
			renamed[from] = true
			list = append(list, described{verb: 'R', path: e.path, from: from})
		default:
			list = append(list, described{verb: 'A', path: e.path})
		}
	}
	list = slices.DeleteFunc(list, func(c described) bool { return c.verb == 'D' && renamed[c.path] })
	// One gone and one come in the same set is a rename with an edit.
	if len(list) == 2 && folderOf(list[0].path) == folderOf(list[1].path) && isPrompt(list[0].path) && isPrompt(list[1].path) {
		a, d := list[0], list[1]
		if a.verb == 'D' {
			a, d = d, a
		}
		if a.verb == 'A' && d.verb == 'D' {
			return describedList{{verb: 'R', path: a.path, from: d.path}}
		}
	}
	return list
}

func (c described) line() string {
	if c.verb == 'R' {
		return fmt.Sprintf("R %s -> %s", c.from, c.path)
	}
	return fmt.Sprintf("%c %s", c.verb, c.path)
}

func (c described) word() string {
	switch c.verb {
	case 'A':
		return "add"
	case 'D':
		return "remove"
	case 'R':
		return "rename"
	}
	return "update"
}

func (l describedList) subject() string {
	if len(l) == 1 {
		if l[0].verb == 'R' {
			return "rename " + called(l[0].from) + " → " + called(l[0].path)
		}
		return l[0].word() + " " + called(l[0].path)
	}
	if from, to, ok := l.folderRename(); ok {
		return "rename " + from + "/ → " + to + "/"
	}
	word, noun := l[0].word(), "prompts"
	for _, c := range l {
		if c.word() != word {
			word = "update"
		}
		if !isPrompt(c.path) {
			noun = "files"
		}
	}
	subject := fmt.Sprintf("%s %d %s", word, len(l), noun)
	if folder := l.folder(); folder != "" {
		subject += " in " + folder + "/"
	}
	return subject
}

// folderRename says whether all of the list is one folder that got a new name.
func (l describedList) folderRename() (from, to string, ok bool) {
	for i, c := range l {
		if c.verb != 'R' || c.path[strings.LastIndexByte(c.path, '/')+1:] != c.from[strings.LastIndexByte(c.from, '/')+1:] {
			return "", "", false
		}
		if i == 0 {
			from, to = folderOf(c.from), folderOf(c.path)
		}
		if folderOf(c.from) != from || folderOf(c.path) != to {
			return "", "", false
		}
	}
	return from, to, from != to && from != "" && to != ""
}

// folder is the deepest folder that holds all of the list.
func (l describedList) folder() string {
	folder := folderOf(l[0].path)
	for _, c := range l {
		for _, path := range []string{c.path, c.from} {
			for path != "" && folder != "" && !strings.HasPrefix(path, folder+"/") {
				folder = folderOf(folder)
			}
		}
	}
	return folder
}

func folderOf(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return ""
	}
	return path[:i]
}

// called is what people call a file: a prompt by its address, others by path.
func called(path string) string {
	if isPrompt(path) {
		return strings.TrimSuffix(path, ".yaml")
	}
	return path
}
