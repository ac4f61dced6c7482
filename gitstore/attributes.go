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
// each of them as changed after every commit.

// checkConversion refuses a repository that converts YAML files below prefix,
// judged by its settings and the attributes of the folders from the root down
// to prefix and of the index below it.
func (r *Repo) checkConversion(c config, prefix string) error {
	probes := []string{path.Join(prefix, "anvil.yaml"), path.Join(prefix, "project", "set", "prompt.yaml")}
	x, _, err := r.readIndex()
	if err != nil {
		return err
	}
	for cursor := x.cursor(); ; {
		e, ok, err := cursor.next()
		if err != nil {
			return fmt.Errorf("read index: %w", err)
		}
		if !ok {
			break
		}
		if bytes.HasSuffix(e.path, []byte("/.gitattributes")) && strings.HasPrefix(string(e.path), slashed(prefix)) {
			probes = append(probes, path.Join(path.Dir(string(e.path)), "prompt.yaml"))
		}
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
	autocrlf string
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
	a.autocrlf, _ = c.lookup("core.autocrlf")
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

// refuse returns an ErrUnsupported when git would convert the file.
func (a *attributes) refuse(name string) error {
	found := a.of(name)
	hint := "give these files no conversion: add the line '*.yaml -text -filter -working-tree-encoding -ident' to .gitattributes"
	untouched := found["text"] == attributeUnset
	for _, attribute := range []string{"filter", "working-tree-encoding", "ident", "eol", "text"} {
		value := given(found, attribute)
		lineEnds := attribute == "eol" || attribute == "text"
		automatic := attribute == "text" && value == "auto" && runtime.GOOS != "windows"
		if value == "" || lineEnds && untouched || automatic {
			continue
		}
		return unsupported(hint, "the attribute %s=%s converts %s", attribute, value, name)
	}
	switch strings.ToLower(a.autocrlf) {
	case "", "false", "no", "off", "0":
		return nil
	}
	if untouched {
		return nil
	}
	return unsupported("turn it off here with: git config core.autocrlf false", "core.autocrlf=%s converts line ends", a.autocrlf)
}

// refuseContent returns an ErrUnsupported for what only some content makes a
// conversion: text=auto turns CR LF into LF on the way in.
func (a *attributes) refuseContent(name string, content []byte) error {
	if err := a.refuse(name); err != nil {
		return err
	}
	if bytes.Contains(content, []byte("\r\n")) && given(a.of(name), "text") == "auto" {
		return unsupported("save the file with LF line ends, or add the line '*.yaml -text' to .gitattributes",
			"the attribute text=auto converts the line ends of %s", name)
	}
	return nil
}
