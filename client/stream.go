package client

import (
	"errors"
	"fmt"
	"strings"
)

// errStream is a stream that is not the one to follow.
var errStream = errors.New("another stream than the one followed")

// isName says whether s can be the name of an organisation or a project. It is
// the server's rule: names become branches of git there.
func isName(s string) bool {
	return s != "" && len(s) <= 100 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") == "" &&
		!strings.ContainsAny(s[:1], "._-") && !strings.Contains(s, "..") &&
		!strings.HasSuffix(s, ".") && !strings.HasSuffix(s, ".lock")
}

// isChannel says whether s can be the name of a channel. The server keeps old
// releases of draft under the one name that cannot.
func isChannel(s string) bool { return isName(s) && s != "draft-previous" }

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
	if !isName(parts[0]) || !isName(parts[1]) || !isChannel(parts[2]) {
		return stream{}, fmt.Errorf("parse stream %q: not of three names", text)
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
