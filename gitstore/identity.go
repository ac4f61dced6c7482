package gitstore

import (
	"os"
	"strings"
	"time"
)

// Signature is who did something and when, to the second.
type Signature struct {
	Name, Email string
	When        time.Time
}

// Identity returns who git would name as the author of a commit made now:
// GIT_AUTHOR_NAME and GIT_AUTHOR_EMAIL, then author.* and user.* of the
// configuration with its includes, then EMAIL unless user.useConfigOnly is set.
// It is false when no name or no address is configured; what git makes up from
// the machine in that case is not used. The files are read anew at each call.
func (r *Repo) Identity() (Signature, bool) {
	c, err := r.configuration()
	if err != nil {
		r.log.Warn("git config cannot be read", "error", err)
	}
	name := firstOf(os.Getenv("GIT_AUTHOR_NAME"), c, "author.name", "user.name")
	email := firstOf(os.Getenv("GIT_AUTHOR_EMAIL"), c, "author.email", "user.email")
	if email == "" && !c.boolean("user.useconfigonly", false) {
		email = os.Getenv("EMAIL")
	}
	name, email = cleanIdentity(name), cleanIdentity(email)
	return Signature{Name: name, Email: email, When: time.Now()}, name != "" && email != ""
}

// ConfiguredOnly reports whether user.useConfigOnly forbids to make up an
// author where Identity knows none: git then refuses to commit.
func (r *Repo) ConfiguredOnly() bool {
	c, err := r.configuration()
	return err == nil && c.boolean("user.useconfigonly", false)
}

func firstOf(value string, c config, keys ...string) string {
	for _, key := range keys {
		if value != "" {
			return value
		}
		value, _ = c.lookup(key)
	}
	return value
}

// cleanIdentity takes from a name what git does not allow in a commit's header.
func cleanIdentity(s string) string {
	s = strings.Map(func(c rune) rune {
		if c == '<' || c == '>' || c == '\n' || c == 0 {
			return -1
		}
		return c
	}, s)
	return strings.Trim(s, " .,:;<>\"\\'\t\r")
}
