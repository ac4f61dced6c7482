package gitstore

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// Anvil stores the bytes of a file as they are. Git may be told to convert them
// on the way in or out, by attributes or by core.autocrlf; a repository that
// does so for the files that Anvil watches is refused, because git would show
// each of them as changed after every commit. Settings that only make CR LF into
// LF on the way in convert nothing in a file with LF line ends: there the file
// is refused that has others, when it is to be committed.

// checkConversion refuses a repository that converts YAML files below prefix,
// judged by its settings and the attributes of the folders from the root down
// to prefix and of the index below it.
func (r *Repo) checkConversion(c config, prefix string) error {
	probes := []string{path.Join(prefix, "anvil.yaml"), path.Join(prefix, "project", "set", "prompt.yaml")}
	err := r.viewIndex(func(x *index) error {
		for cursor := x.cursor(); ; {
			e, ok, err := cursor.next()
			if err != nil {
				return fmt.Errorf("read index: %w", err)
			}
			if !ok {
				return nil
			}
			if bytes.HasSuffix(e.path, []byte("/.gitattributes")) && strings.HasPrefix(string(e.path), slashed(prefix)) {
				probes = append(probes, path.Join(path.Dir(string(e.path)), "prompt.yaml"))
			}
		}
	})
	if err != nil {
		return err
	}
	attributes := r.attributes(c)
	for _, probe := range probes {
		if err := attributes.refuse(probe); err != nil {
			return err
		}
	}
	return nil
}

// The states of an attribute that have no value of their own.
const (
	attributeSet         = "\x00set"
	attributeUnset       = "\x00unset"
	attributeUnspecified = "\x00unspecified"
)

// attributes reads the attribute files that bear on a path, each once.
type attributes struct {
	root     string
	autocrlf string          // "true", "input" or ""
	crlf     bool            // the line end of text is CR LF in the work tree
	outer    []attributeLine // of lower precedence than the folders'
	inner    []attributeLine // $GIT_DIR/info/attributes, of the highest
	folders  map[string][]attributeLine
	macros   map[string][]attribute
}

// attributeLine is one line of a file of attributes: a pattern and what it
// gives the paths that match.
type attributeLine struct {
	folder  string // of the file, with a slash at its end unless it is the root
	pattern string
	list    []attribute
}

type attribute struct{ name, value string }

func (r *Repo) attributes(c config) *attributes {
	a := &attributes{root: r.root, folders: map[string][]attributeLine{}}
	a.macros = map[string][]attribute{"binary": {{"diff", attributeUnset}, {"merge", attributeUnset}, {"text", attributeUnset}}}
	if value, _ := c.lookup("core.autocrlf"); strings.EqualFold(value, "input") {
		a.autocrlf = "input"
	} else if c.boolean("core.autocrlf", false) {
		a.autocrlf = "true"
	}
	switch value, _ := c.lookup("core.eol"); {
	case a.autocrlf != "":
		a.crlf = a.autocrlf == "true"
	case strings.EqualFold(value, "crlf"):
		a.crlf = true
	default:
		a.crlf = runtime.GOOS == "windows" && !strings.EqualFold(value, "lf")
	}
	global, ok := c.lookup("core.attributesfile")
	if !ok {
		global = filepath.Join(homeDir(), ".config", "git", "attributes")
		if xdg := os.Getenv("XDG_CONFIG_HOME"); xdg != "" {
			global = filepath.Join(xdg, "git", "attributes")
		}
	}
	a.outer = a.read(expandHome(global), "", true)
	a.inner = a.read(filepath.Join(r.commonDir, "info", "attributes"), "", true)
	return a
}

// read reads one file of attributes, if it is there; lines that cannot be read
// are left out, as git does.
func (a *attributes) read(file, folder string, macros bool) []attributeLine {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	var lines []attributeLine
	for line := range strings.Lines(strings.TrimPrefix(string(raw), "\xef\xbb\xbf")) {
		pattern, rest := attributePattern(strings.Trim(line, " \t\r\n"))
		if pattern == "" || pattern[0] == '!' || strings.HasSuffix(pattern, "/") {
			continue
		}
		list, ok := parseAttributes(rest)
		if !ok {
			continue
		}
		if name, ok := strings.CutPrefix(pattern, "[attr]"); ok {
			if macros {
				a.macros[name] = list
			}
			continue
		}
		lines = append(lines, attributeLine{folder, pattern, list})
	}
	return lines
}

// attributePattern takes the pattern, which may be quoted, off a line.
func attributePattern(line string) (pattern, rest string) {
	if line == "" || line[0] == '#' {
		return "", ""
	}
	if line[0] != '"' {
		end := strings.IndexAny(line, " \t\r")
		if end < 0 {
			return line, ""
		}
		return line[:end], line[end:]
	}
	var out strings.Builder
	for i := 1; i < len(line); i++ {
		switch line[i] {
		case '"':
			return out.String(), line[i+1:]
		case '\\':
			if i++; i < len(line) {
				out.WriteByte(line[i])
			}
		default:
			out.WriteByte(line[i])
		}
	}
	return "", ""
}

// parseAttributes reads what follows the pattern; one bad name spoils the line.
func parseAttributes(text string) (list []attribute, ok bool) {
	for field := range strings.FieldsSeq(text) {
		name, value, ok := strings.Cut(field, "=")
		switch {
		case ok:
		case name[0] == '-':
			name, value = name[1:], attributeUnset
		case name[0] == '!':
			name, value = name[1:], attributeUnspecified
		default:
			value = attributeSet
		}
		if strings.TrimLeft(name, attributeLetters) != "" || name == "" || name[0] == '-' {
			return nil, false
		}
		list = append(list, attribute{name, value})
	}
	return list, true
}

const attributeLetters = "-._0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func (l attributeLine) matches(name string) bool {
	below, ok := strings.CutPrefix(name, l.folder)
	if !ok {
		return false
	}
	if !strings.Contains(l.pattern, "/") {
		return wildmatch(l.pattern, path.Base(below))
	}
	return wildmatch(strings.TrimPrefix(l.pattern, "/"), below)
}

// of returns the attributes of a path: of several lines the last that says
// something, of several files the nearest.
func (a *attributes) of(name string) map[string]string {
	files := [][]attributeLine{a.outer}
	for i := range len(name) {
		if i > 0 && name[i-1] != '/' {
			continue
		}
		folder := name[:i]
		lines, ok := a.folders[folder]
		if !ok {
			lines = a.read(filepath.Join(a.root, filepath.FromSlash(folder), ".gitattributes"), folder, folder == "")
			a.folders[folder] = lines
		}
		files = append(files, lines)
	}
	files = append(files, a.inner)
	found := map[string]string{}
	for i := len(files) - 1; i >= 0; i-- {
		for j := len(files[i]) - 1; j >= 0; j-- {
			if files[i][j].matches(name) {
				a.fill(found, files[i][j].list, 0)
			}
		}
	}
	return found
}

// fill adds what is not decided yet, the last of a line first, and what macros
// stand for.
func (a *attributes) fill(found map[string]string, list []attribute, depth int) {
	for i := len(list) - 1; i >= 0; i-- {
		if _, ok := found[list[i].name]; ok {
			continue
		}
		found[list[i].name] = list[i].value
		if macro, ok := a.macros[list[i].name]; ok && list[i].value == attributeSet && depth < 20 {
			a.fill(found, macro, depth+1)
		}
	}
}

// given returns the value of an attribute, "" when it is not given or taken
// away.
func given(found map[string]string, name string) string {
	switch v := found[name]; v {
	case attributeUnset, attributeUnspecified:
		return ""
	case attributeSet:
		return "set"
	default:
		return v
	}
}

// lineEnds says how git converts the line ends of a file: to CR LF on the way
// out (out), to LF on the way in (in), and what tells it to. It is convert.c's
// convert_attrs and output_eol.
func (a *attributes) lineEnds(found map[string]string) (in, out bool, because string) {
	decisive := func(value string) bool {
		return value == attributeSet || value == attributeUnset || value == "auto" || value == "input"
	}
	name := "text"
	if !decisive(found[name]) {
		name = "crlf" // its old name
	}
	text := found[name]
	switch eol := found["eol"]; {
	case text == attributeUnset:
		return false, false, ""
	case eol == "crlf" || eol == "lf":
		return true, eol == "crlf", "the attribute eol=" + eol
	case text == "input":
		return true, false, "the attribute " + name + "=input"
	case text == "auto":
		return true, a.crlf, "the attribute " + name + "=auto"
	case text == attributeSet:
		return true, a.crlf, "the attribute " + name
	case a.autocrlf != "":
		return true, a.crlf, "core.autocrlf=" + a.autocrlf
	}
	return false, false, ""
}

// refuse returns an ErrUnsupported when git would convert the file, whatever is
// in it.
func (a *attributes) refuse(name string) error {
	found := a.of(name)
	for _, attribute := range []string{"filter", "working-tree-encoding", "ident"} {
		if value := given(found, attribute); value != "" {
			return unsupported("give these files no conversion: add the line '*.yaml -text -filter -working-tree-encoding -ident' to .gitattributes",
				"the attribute %s=%s converts %s", attribute, value, name)
		}
	}
	switch _, out, because := a.lineEnds(found); {
	case !out:
		return nil
	case strings.HasPrefix(because, "core."):
		return unsupported("turn it off here with: git config core.autocrlf false", "%s converts line ends", because)
	default:
		return unsupported("give these files no conversion: add the line '*.yaml -text' to .gitattributes", "%s converts the line ends of %s", because, name)
	}
}

// refuseContent returns an ErrUnsupported that is a ConvertedError when git
// would convert the file, be it for its content alone.
func (a *attributes) refuseContent(name string, content []byte) error {
	err := a.refuse(name)
	if err == nil && bytes.Contains(content, []byte("\r\n")) {
		if in, _, because := a.lineEnds(a.of(name)); in {
			err = unsupported("save the file with LF line ends, or add the line '*.yaml -text' to .gitattributes",
				"%s converts the line ends of %s", because, name)
		}
	}
	if err != nil {
		return &ConvertedError{Path: name, err: err}
	}
	return nil
}
