package gitstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// config is what git's configuration files and environment say, in the order in
// which git reads them: the last value of a key counts. Keys are "section.name"
// or "section.subsection.name", lower case but for the subsection.
type config []configValue

type configValue struct {
	key, value string
	bare       bool // a name without "=": true
}

func (c config) lookup(key string) (string, bool) {
	for i := len(c) - 1; i >= 0; i-- {
		if c[i].key == key {
			return c[i].value, true
		}
	}
	return "", false
}

// boolean returns the truth of key as git reads it, or otherwise when it is not
// set.
func (c config) boolean(key string, otherwise bool) bool {
	for i := len(c) - 1; i >= 0; i-- {
		if c[i].key != key {
			continue
		}
		if c[i].bare {
			return true
		}
		switch strings.ToLower(c[i].value) {
		case "true", "yes", "on":
			return true
		case "false", "no", "off", "":
			return false
		}
		if n, err := strconv.Atoi(c[i].value); err == nil {
			return n != 0
		}
		return otherwise
	}
	return otherwise
}

// configSource is where the configuration of one repository comes from, and
// what its conditions are asked about.
type configSource struct {
	gitDir, commonDir string
	branch            string   // refs/heads/x of HEAD
	remotes           []string // remote.*.url, for hasconfig
	sawHasConfig      bool
}

const configDepth = 10 // git's own limit of nested includes

// load reads the system's, the user's and the repository's configuration and
// git's environment variables. A file that is not there is no error.
func (s *configSource) load() (config, error) {
	c, err := s.loadOnce()
	if err != nil || !s.sawHasConfig || s.remotes != nil {
		return c, err
	}
	s.remotes = []string{}
	for _, v := range c {
		if strings.HasPrefix(v.key, "remote.") && strings.HasSuffix(v.key, ".url") {
			s.remotes = append(s.remotes, v.value)
		}
	}
	return s.loadOnce()
}

func (s *configSource) loadOnce() (config, error) {
	c, err := s.outer()
	if err != nil {
		return nil, err
	}
	if err := s.file(&c, filepath.Join(s.commonDir, "config"), 0); err != nil {
		return nil, err
	}
	if c.boolean("extensions.worktreeconfig", false) {
		if err := s.file(&c, filepath.Join(s.gitDir, "config.worktree"), 0); err != nil {
			return nil, err
		}
	}
	return append(c, environmentConfig()...), nil
}

// outer reads the configuration files outside the repository.
func (s *configSource) outer() (config, error) {
	var c config
	for _, file := range outerConfigFiles() {
		if err := s.file(&c, file, 0); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// outerConfigFiles lists the configuration files outside the repository.
func outerConfigFiles() []string {
	var files []string
	if off, _ := strconv.ParseBool(os.Getenv("GIT_CONFIG_NOSYSTEM")); !off {
		if system, set := os.LookupEnv("GIT_CONFIG_SYSTEM"); set {
			files = append(files, system)
		} else {
			files = append(files, "/etc/gitconfig")
		}
	}
	if global, set := os.LookupEnv("GIT_CONFIG_GLOBAL"); set {
		return append(files, global)
	}
	if xdg := os.Getenv("XDG_CONFIG_HOME"); xdg != "" {
		files = append(files, filepath.Join(xdg, "git", "config"))
	} else if home := homeDir(); home != "" {
		files = append(files, filepath.Join(home, ".config", "git", "config"))
	}
	if home := homeDir(); home != "" {
		files = append(files, filepath.Join(home, ".gitconfig"))
	}
	return files
}

func environmentConfig() config {
	var c config
	n, _ := strconv.Atoi(os.Getenv("GIT_CONFIG_COUNT"))
	for i := range min(n, 1000) {
		key := os.Getenv("GIT_CONFIG_KEY_" + strconv.Itoa(i))
		c = append(c, configValue{key: canonicalKey(key), value: os.Getenv("GIT_CONFIG_VALUE_" + strconv.Itoa(i))})
	}
	return c
}

// canonicalKey lowers the section and the name of a key and leaves its
// subsection.
func canonicalKey(key string) string {
	first, last := strings.IndexByte(key, '.'), strings.LastIndexByte(key, '.')
	if first < 0 {
		return strings.ToLower(key)
	}
	return strings.ToLower(key[:first]) + key[first:last] + strings.ToLower(key[last:])
}

func homeDir() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return home
}

func (s *configSource) file(c *config, path string, depth int) error {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || path == "" || isDirectoryError(path, err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read git config: %w", err)
	}
	values, err := parseConfig(raw)
	if err != nil {
		return fmt.Errorf("read git config %s: %w", path, err)
	}
	for _, v := range values {
		*c = append(*c, v)
		if !s.included(v.key, path) {
			continue
		}
		if depth >= configDepth {
			return fmt.Errorf("read git config %s: more than %d nested includes", path, configDepth)
		}
		target := expandHome(v.value)
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		if err := s.file(c, target, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// isDirectoryError reports whether reading failed for a path through something
// that is no folder, as /dev/null/x.
func isDirectoryError(path string, err error) bool {
	if err == nil {
		return false
	}
	info, statErr := os.Stat(path)
	return statErr != nil || info.IsDir()
}

func expandHome(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(homeDir(), rest)
	}
	return path
}

// included reports whether key is an include whose condition holds in the file
// that says it.
func (s *configSource) included(key, file string) bool {
	if key == "include.path" {
		return true
	}
	condition, ok := strings.CutPrefix(key, "includeif.")
	if !ok {
		return false
	}
	condition, ok = strings.CutSuffix(condition, ".path")
	if !ok {
		return false
	}
	what, pattern, _ := strings.Cut(condition, ":")
	switch what {
	case "gitdir", "gitdir/i":
		return s.matchesGitDir(pattern, file, what == "gitdir/i")
	case "onbranch":
		branch, ok := strings.CutPrefix(s.branch, "refs/heads/")
		if strings.HasSuffix(pattern, "/") {
			pattern += "**"
		}
		return ok && wildmatch(pattern, branch)
	case "hasconfig":
		s.sawHasConfig = true
		pattern, ok := strings.CutPrefix(pattern, "remote.*.url:")
		for _, url := range s.remotes {
			if ok && wildmatch(pattern, url) {
				return true
			}
		}
	}
	return false
}

func (s *configSource) matchesGitDir(pattern, file string, fold bool) bool {
	trailing := strings.HasSuffix(pattern, "/")
	pattern = filepath.ToSlash(expandHome(pattern))
	if rest, ok := strings.CutPrefix(pattern, "./"); ok {
		dir := filepath.Dir(file)
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real
		}
		pattern = filepath.ToSlash(dir) + "/" + rest
	}
	if !filepath.IsAbs(filepath.FromSlash(pattern)) {
		pattern = "**/" + pattern
	}
	if trailing {
		pattern = strings.TrimSuffix(pattern, "/") + "/**"
	}
	candidates := []string{s.gitDir}
	if real, err := filepath.EvalSymlinks(s.gitDir); err == nil && real != s.gitDir {
		candidates = append(candidates, real)
	}
	for _, dir := range candidates {
		dir = filepath.ToSlash(dir)
		if fold {
			dir, pattern = strings.ToLower(dir), strings.ToLower(pattern)
		}
		if wildmatch(pattern, dir) {
			return true
		}
	}
	return false
}
