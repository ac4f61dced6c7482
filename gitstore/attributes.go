package gitstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitattributes"
)

// Anvil stores the bytes of a file as they are. Git may be told to convert them on the way in or out, by attributes or
// by core.autocrlf; a repository that does so for the files that Anvil watches is refused, because git would show each
// of them as changed after every commit.

// checkConversion refuses a repository that converts YAML files below prefix, judged by its settings and the
// attributes of the folders from the root down to prefix and of the index below it.
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
		name := string(e.path)
		if strings.HasSuffix(name, "/.gitattributes") && strings.HasPrefix(name, slashed(prefix)) {
			probes = append(probes, path.Join(path.Dir(name), "prompt.yaml"))
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

// attributes reads the attribute files that bear on a path, each once.
type attributes struct {
	root     string
	autocrlf string
	outer    []gitattributes.MatchAttribute // of lower precedence than the folders'
	inner    []gitattributes.MatchAttribute // $GIT_DIR/info/attributes, of the highest
	folders  map[string][]gitattributes.MatchAttribute
}

func (r *Repo) attributes(c config) *attributes {
	a := &attributes{root: r.root, folders: map[string][]gitattributes.MatchAttribute{}}
	a.autocrlf, _ = c.lookup("core.autocrlf")
	global, ok := c.lookup("core.attributesfile")
	if !ok {
		global = filepath.Join(homeDir(), ".config", "git", "attributes")
		if xdg := os.Getenv("XDG_CONFIG_HOME"); xdg != "" {
			global = filepath.Join(xdg, "git", "attributes")
		}
	}
	a.outer = append(builtinAttributes(), readAttributes(expandHome(global), nil)...)
	a.inner = readAttributes(filepath.Join(r.commonDir, "info", "attributes"), nil)
	return a
}

// builtinAttributes is the one macro that git brings along.
func builtinAttributes() []gitattributes.MatchAttribute {
	macro, err := gitattributes.ParseAttributesLine("[attr]binary -diff -merge -text", nil, true)
	if err != nil {
		return nil
	}
	return []gitattributes.MatchAttribute{macro}
}

// readAttributes reads one file of attributes; lines that cannot be read are left out, as git does.
func readAttributes(file string, domain []string) []gitattributes.MatchAttribute {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil // not there, or not for us to read
	}
	var list []gitattributes.MatchAttribute
	for line := range bytes.Lines(raw) {
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		if m, err := gitattributes.ParseAttributesLine(text, domain, true); err == nil {
			list = append(list, m)
		}
	}
	return list
}

// of returns the attributes of a path that decide about conversion.
func (a *attributes) of(name string) map[string]gitattributes.Attribute {
	stack := a.outer
	parts := strings.Split(name, "/")
	for i := range parts {
		domain := parts[:i]
		dir := strings.Join(domain, "/")
		list, ok := a.folders[dir]
		if !ok {
			list = readAttributes(filepath.Join(a.root, filepath.FromSlash(dir), ".gitattributes"), domain)
			a.folders[dir] = list
		}
		stack = append(stack[:len(stack):len(stack)], list...)
	}
	stack = append(stack[:len(stack):len(stack)], a.inner...)
	results, _ := gitattributes.NewMatcher(stack).Match(parts, nil)
	return results
}

// refuse returns an ErrUnsupported when git would convert the file.
func (a *attributes) refuse(name string) error {
	found := a.of(name)
	hint := "give these files no conversion: add the line '*.yaml -text -filter -working-tree-encoding' to .gitattributes"
	for _, attribute := range []string{"filter", "working-tree-encoding", "eol", "ident"} {
		v, ok := found[attribute]
		if !ok || v.IsUnset() || v.IsUnspecified() {
			continue
		}
		if attribute == "eol" {
			if text, ok := found["text"]; ok && text.IsUnset() {
				continue // -text wins over eol
			}
		}
		return unsupported(hint, "the attribute %s converts %s", strings.TrimSuffix(attribute+"="+v.Value(), "="), name)
	}
	text, ok := found["text"]
	switch {
	case ok && text.IsUnset():
		return nil
	case ok && text.IsSet():
		return unsupported(hint, "the attribute text converts the line ends of %s", name)
	case ok && text.IsValueSet() && text.Value() == "auto" && runtime.GOOS == "windows":
		return unsupported(hint, "the attribute text=auto converts the line ends of %s", name)
	}
	switch strings.ToLower(a.autocrlf) {
	case "", "false", "no", "off", "0":
		return nil
	}
	return unsupported("turn it off here with: git config core.autocrlf false", "core.autocrlf=%s converts line ends", a.autocrlf)
}

// refuseContent returns an ErrUnsupported for what only some content makes a conversion: text=auto turns CR LF into LF
// on the way in.
func (a *attributes) refuseContent(name string, content []byte) error {
	if err := a.refuse(name); err != nil {
		return err
	}
	if !bytes.Contains(content, []byte("\r\n")) {
		return nil
	}
	if text, ok := a.of(name)["text"]; ok && text.IsValueSet() && text.Value() == "auto" {
		return unsupported("save the file with LF line ends, or add the line '*.yaml -text' to .gitattributes",
			"the attribute text=auto converts the line ends of %s", name)
	}
	return nil
}

// isMissing reports whether an error says that a file or a folder on the way is not there.
func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotDir) }
