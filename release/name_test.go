package release

import (
	"os/exec"
	"strings"
	"testing"
)

// Package client has the same table: what a client can ask for is what a server
// can offer. Git is asked too, because names become its branches.
func TestNames(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIPPED: needs git")
	}
	for _, c := range []struct {
		name             string
		project, channel bool
	}{
		{"a", true, true},
		{"a-b_c.d", true, true},
		{"9lives", true, true},
		{strings.Repeat("a", 100), true, true},
		{strings.Repeat("a", 101), false, false},
		{strings.Repeat("a", 128), false, false},
		{strings.Repeat("a", 129), false, false},
		{"draft", true, true},
		{"draft-previous", true, false},
		{"", false, false},
		{".", false, false},
		{"..", false, false},
		{"a..b", false, false},
		{"a.", false, false},
		{".a", false, false},
		{"-x", false, false},
		{"_x", false, false},
		{"a.lock", false, false},
		{"Support", false, false},
		{"a b", false, false},
		{"a/b", false, false},
		{"bücher", false, false},
	} {
		project, channel := CheckProject(c.name), CheckChannel(c.name)
		if (project == nil) != c.project || (channel == nil) != c.channel {
			t.Errorf("%.20q: as a project %v, as a channel %v", c.name, project, channel)
		}
		if c.channel {
			if err := exec.Command("git", "check-ref-format", name{c.name, c.name}.ref()).Run(); err != nil {
				t.Errorf("git refuses a branch of %q: %v", c.name, err)
			}
		}
		for _, err := range []error{project, channel} {
			if err != nil && err.(*nameError).Hint() == "" {
				t.Errorf("%v: no hint", err)
			}
		}
	}
}
