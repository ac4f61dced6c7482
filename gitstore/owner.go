package gitstore

import (
	"path/filepath"
	"strings"
)

// Whoever owns a repository decides by its configuration what runs and what is
// written there. So git refuses one of another user, unless the setting
// safe.directory names it: that of the system, the user or the environment, not
// the repository's own.

// checkOwner refuses what git would call a dubious ownership. own tells whether
// a file belongs to the user of this process.
func (f location) checkOwner(own func(path string) bool) error {
	subject := f.gitDir
	paths := []string{f.gitDir}
	if f.root != "" {
		subject = f.root
		paths = append(paths, f.root, filepath.Join(f.root, ".git"))
	}
	foreign := false
	for _, path := range paths {
		foreign = foreign || !own(path)
	}
	if !foreign {
		return nil
	}
	source := configSource{gitDir: f.gitDir, commonDir: f.commonDir}
	c, err := source.outer()
	if err != nil {
		return err
	}
	if append(c, environmentConfig()...).safe(subject) {
		return nil
	}
	return unsupported("if you trust it: git config --global --add safe.directory "+quoteShell(filepath.ToSlash(subject)),
		"%s belongs to another user", subject)
}

// safe reports whether safe.directory names a folder: by its path, by one above
// it and /*, or all by *. An empty value forgets those before it.
func (c config) safe(dir string) bool {
	safe := false
	for _, v := range c {
		if v.key != "safe.directory" {
			continue
		}
		switch folder, above := strings.CutSuffix(v.value, "/*"); {
		case v.value == "":
			safe = false
		case v.value == "*":
			safe = true
		case above:
			safe = safe || strings.HasPrefix(dir+"/", strings.TrimSuffix(resolved(folder), "/")+"/")
		default:
			safe = safe || resolved(v.value) == dir
		}
	}
	return safe
}

func resolved(path string) string {
	path = expandHome(path)
	if real, err := filepath.EvalSymlinks(path); err == nil && filepath.IsAbs(path) {
		return real
	}
	return filepath.FromSlash(path)
}

// quoteShell makes one word of a path for whoever copies it into a shell.
func quoteShell(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
