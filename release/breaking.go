package release

import (
	"fmt"
	"strings"

	"github.com/anvilpeering/anvil/prompt"
)

// BreakingError says what applications that follow a channel could not go on
// with if it offered a plan.
type BreakingError struct {
	Project, Channel string
	Breaks           []prompt.Break // at least one, sorted by address
}

func (e *BreakingError) Error() string {
	more := ""
	if n := len(e.Breaks) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Sprintf("applications that follow %s/%s cannot go on with it: %s [breaking]%s", e.Project, e.Channel, e.Breaks[0], more)
}

// Hint is the way out.
func (e *BreakingError) Hint() string {
	return fmt.Sprintf("keep what they use, or publish all the same once they can do without: anvil publish %s %s --breaking", e.Project, e.Channel)
}

// Compatible compares the interfaces of the prompts that a plan changes with
// what its channel offers. The error is a [*BreakingError] when applications
// could not go on. Who publishes decides what follows from it: a release that
// was recorded is never refused for it.
func (l *Log) Compatible(p *Plan) error {
	var was, is []source
	for _, d := range compare(p.before, p.content) {
		path := strings.TrimPrefix(d.path, contentPrefix)
		if !strings.HasPrefix(path, p.Project+"/") {
			continue // other projects are there for their partials
		}
		if !d.before.IsZero() {
			was = append(was, source{path, func() ([]byte, error) { return l.repo.Blob(d.before) }})
		}
		if !d.after.IsZero() {
			is = append(is, source{path, func() ([]byte, error) { return p.read(d.after) }})
		}
	}
	if len(was) == 0 {
		return nil // nothing that an application could miss
	}
	before, err := parse(was)
	if err != nil {
		return err
	}
	after, err := parse(is)
	if err != nil {
		return err
	}
	if breaks := prompt.Breaking(before, after); len(breaks) > 0 {
		return &BreakingError{p.Project, p.Channel, breaks}
	}
	return nil
}

// source is a file that is read when it is needed.
type source struct {
	path string
	read func() ([]byte, error)
}

// parse reads some files of a project. An interface is in one file: what the
// others say does not matter.
func parse(sources []source) (*prompt.Tree, error) {
	contents := make([][]byte, len(sources))
	err := each(len(sources), func(i int) (err error) {
		if contents[i], err = sources[i].read(); err != nil {
			return fmt.Errorf("read %s: %w", sources[i].path, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return prompt.Parse(func(yield func(string, []byte) bool) {
		for i, s := range sources {
			if !yield(s.path, contents[i]) {
				return
			}
		}
	}, prompt.Options{CompileOnly: true}), nil
}
