package prompt

import (
	"maps"
	"strings"
)

// A shelf holds values by path, as folders of names, so that a changed tree
// copies only the folders it touches. It is immutable; changes go through a
// [shelving].
type shelf[V any] map[string]map[string]V

// split divides a path into its folder and its name.
func split(path string) (folder, name string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}

func (s shelf[V]) get(path string) (V, bool) {
	folder, name := split(path)
	v, ok := s[folder][name]
	return v, ok
}

func (s shelf[V]) has(path string) bool {
	_, ok := s.get(path)
	return ok
}

// each calls f for everything below a project's folder, in no order.
func (s shelf[V]) each(project string, f func(path string, v V)) {
	for folder, names := range s {
		if folder != project && !strings.HasPrefix(folder, project+"/") {
			continue
		}
		for name, v := range names {
			f(folder+"/"+name, v)
		}
	}
}

// shelving is a change of a shelf that copies what it is about to write.
type shelving[V any] struct {
	shelf shelf[V]
	own   map[string]bool // folders that are ours to write
	fresh bool            // the outer map is
}

func change[V any](s shelf[V]) *shelving[V] {
	return &shelving[V]{shelf: s, own: map[string]bool{}}
}

func (c *shelving[V]) folder(folder string) map[string]V {
	if !c.fresh {
		c.shelf, c.fresh = maps.Clone(c.shelf), true
		if c.shelf == nil {
			c.shelf = shelf[V]{}
		}
	}
	if !c.own[folder] {
		names := maps.Clone(c.shelf[folder])
		if names == nil {
			names = map[string]V{}
		}
		c.shelf[folder] = names
		c.own[folder] = true
	}
	return c.shelf[folder]
}

func (c *shelving[V]) set(path string, v V) {
	folder, name := split(path)
	c.folder(folder)[name] = v
}

func (c *shelving[V]) remove(path string) {
	if !c.shelf.has(path) {
		return
	}
	folder, name := split(path)
	names := c.folder(folder)
	if delete(names, name); len(names) == 0 {
		delete(c.shelf, folder)
		delete(c.own, folder)
	}
}

// wording is a change of a set of words that copies it before it writes.
type wording struct {
	words map[string]bool
	own   bool
}

func (w *wording) set(word string, in bool) {
	if w.words[word] == in {
		return
	}
	if !w.own {
		w.words, w.own = maps.Clone(w.words), true
		if w.words == nil {
			w.words = map[string]bool{}
		}
	}
	if in {
		w.words[word] = true
	} else {
		delete(w.words, word)
	}
}
