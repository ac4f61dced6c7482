package client

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// errStream is a stream that is not the one to follow.
var errStream = errors.New("another stream than the one followed")

var segment = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)

// stream is what a release is signed for.
type stream struct{ organisation, project, channel string }

func (s stream) String() string {
	return s.organisation + "/" + s.project + "/" + s.channel
}

func parseStream(text string) (stream, error) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return stream{}, fmt.Errorf("parse stream %q: not organisation/project/channel", text)
	}
	for _, part := range parts {
		if !segment.MatchString(part) {
			return stream{}, fmt.Errorf("parse stream %q: %q is no name", text, part)
		}
	}
	return stream{parts[0], parts[1], parts[2]}, nil
}

// follows checks that got is the stream wanted: of the project and channel asked
// for, and of the organisation once accepted, if there is one.
func (s stream) follows(got stream) error {
	if got.project != s.project || got.channel != s.channel {
		return advise(fmt.Sprintf("the token decides what the server offers: set ANVIL_PROJECT=%s and ANVIL_CHANNEL=%s, or use a token of %s/%s", got.project, got.channel, s.project, s.channel),
			[]error{errStream}, "follow %s/%s: the server offers %s", s.project, s.channel, got)
	}
	if s.organisation != "" && got.organisation != s.organisation {
		return advise("if the organisation was renamed on purpose, give the client an empty cache folder",
			[]error{errStream}, "follow %s: this is %s, of another organisation than the one accepted before", s, got)
	}
	return nil
}
