package gitstore

import (
	"os"
	"path/filepath"
	"strings"
)

// excludeLine is one pattern of gitignore(5).
type excludeLine struct {
	folder  string // of the file, with a slash at its end unless it is the root
	pattern string
	keep    bool // "!": what matches is not ignored after all
	folders bool // a slash at its end: only folders match
	anchor  bool // a slash elsewhere: the pattern is a path below folder
}

// parseExcludes reads the patterns of a file, in their order.
func parseExcludes(text, folder string) []excludeLine {
	var lines []excludeLine
	for line := range strings.Lines(strings.TrimPrefix(text, "\xef\xbb\xbf")) {
		line = strings.TrimRight(line, "\r\n")
		for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
			line = line[:len(line)-1]
		}
		l := excludeLine{folder: folder, pattern: line}
		switch {
		case line == "" || line[0] == '#':
			continue
		case line[0] == '!':
			l.keep, l.pattern = true, line[1:]
		}
		if l.folders = strings.HasSuffix(l.pattern, "/"); l.folders {
			l.pattern = strings.TrimSuffix(l.pattern, "/")
		}
		if l.anchor = strings.Contains(l.pattern, "/"); l.anchor {
			l.pattern = strings.TrimPrefix(l.pattern, "/")
		}
		if l.pattern != "" {
			lines = append(lines, l)
		}
	}
	return lines
}

func (l excludeLine) matches(name string, folder bool) bool {
	if l.folders && !folder {
		return false
	}
	below, ok := strings.CutPrefix(name, l.folder)
	if !ok {
		return false
	}
	if !l.anchor {
		below = below[strings.LastIndexByte(below, '/')+1:]
	}
	return wildmatch(l.pattern, below)
}

// Ignored reports whether git would ignore a path that it does not track: by the
// .gitignore files on the way to it, info/exclude or core.excludesFile. What is
// tracked is never ignored; the caller knows what that is. The files are read
// anew on each call. A bare repository ignores nothing.
func (r *Repo) Ignored(path string) (bool, error) {
	if r.root == "" {
		return false, nil
	}
	c, err := r.configuration()
	if err != nil {
		return false, err
	}
	global, ok := c.lookup("core.excludesfile")
	if !ok {
		global = filepath.Join(homeDir(), ".config", "git", "ignore")
		if xdg := os.Getenv("XDG_CONFIG_HOME"); xdg != "" {
			global = filepath.Join(xdg, "git", "ignore")
		}
	}
	// From the weakest to the strongest: of all lines the last that matches counts.
	lines := excludesOf(expandHome(global), "")
	lines = append(lines, excludesOf(filepath.Join(r.commonDir, "info", "exclude"), "")...)
	lines = append(lines, excludesOf(filepath.Join(r.root, ".gitignore"), "")...)
	for i := 0; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			continue
		}
		// Below a folder that is ignored nothing is looked at any more.
		name, folder := path[:i], i < len(path)
		ignored := false
		for _, l := range lines {
			if l.matches(name, folder) {
				ignored = !l.keep
			}
		}
		if ignored {
			return true, nil
		}
		if folder {
			lines = append(lines, excludesOf(filepath.Join(r.root, filepath.FromSlash(name), ".gitignore"), name+"/")...)
		}
	}
	return false, nil
}

// maxExcludes is the size in bytes of the largest file of patterns that is read.
const maxExcludes = 1 << 20

func excludesOf(file, folder string) []excludeLine {
	info, err := os.Lstat(file)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxExcludes {
		return nil // as git does: a link is not followed, what cannot be read says nothing
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return parseExcludes(string(raw), folder)
}
