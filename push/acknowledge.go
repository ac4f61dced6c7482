package push

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/state"
)

// Bounds of an acknowledgement.
const (
	maxAcknowledgements = 256  // in one request
	maxMessage          = 2048 // bytes; more is cut off
)

func checkAcknowledgement(a *protocol.Acknowledgement) error {
	if !clientID.MatchString(a.ClientID) {
		return invalid("", "client_id %.140q is not allowed", a.ClientID)
	}
	for _, h := range []string{a.Release, a.Revision, a.From} {
		if h != "" && !hash.MatchString(h) {
			return invalid("release, revision and from are 40 hexadecimal digits", "%.60q does not name a release", h)
		}
	}
	if a.Release == "" {
		return invalid("", "an acknowledgement names a release")
	}
	switch a.State {
	case protocol.StateReceived, protocol.StateVerified, protocol.StateApplied, protocol.StateFailed, protocol.StateRolledBack:
	default:
		return invalid("use received, verified, applied, failed or rolled_back", "unknown state %.40q", string(a.State))
	}
	if !word.MatchString(string(a.Code)) || !word.MatchString(string(a.Mode)) || a.Bytes < 0 || a.TookMS < 0 {
		return invalid("code and mode are words of a-z, 0-9, _ and -", "an acknowledgement is out of bounds")
	}
	a.Message = cut(a.Message, maxMessage)
	return nil
}

// word is what a code or a mode may be; newer clients have other ones.
var word = regexp.MustCompile(`^[a-z0-9_-]{0,32}$`)

// cut shortens a text to so many bytes, at a rune, and takes out what would
// move the cursor of a terminal that it is shown on, or turn its direction.
func cut(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Acknowledge records how far clients of the token came. All of it is durable
// when it returns nil. An acknowledgement of a release that the channel never
// made is passed over: a server that lost its releases has no use for it.
// [ErrForgotten] when a client is not registered; what others said is recorded
// all the same.
func (p *Push) Acknowledge(ctx context.Context, t Token, all []protocol.Acknowledgement) error {
	l, err := p.follows(t)
	if err != nil {
		return err
	}
	if len(all) > maxAcknowledgements {
		return invalid("send them in several requests", "more than %d acknowledgements", maxAcknowledgements)
	}
	for i := range all {
		if err := checkAcknowledgement(&all[i]); err != nil {
			return err
		}
	}

	p.registering.RLock()
	defer p.registering.RUnlock()
	var missing string
	var told []func() // what memory learns once it is durable
	now := p.now()
	records := make([]state.Acknowledgement, 0, len(all))
	for _, a := range all {
		c, err := p.known(t, a.ClientID)
		if err != nil {
			missing = a.ClientID
			continue
		}
		r := p.releaseOf(l, a.Release)
		if r == nil {
			continue
		}
		records = append(records, state.Acknowledgement{
			ClientKey: c.key, Release: a.Release, Revision: r.Revision.String(), From: a.From,
			State: string(a.State), Code: string(a.Code), Message: a.Message, Mode: string(a.Mode),
			Bytes: a.Bytes, TookMS: a.TookMS, At: now,
		})
		told = append(told, func() {
			c.talked.Store(true)
			c.report.Store(&state.Report{State: string(a.State), Release: a.Release, Code: string(a.Code), Message: a.Message, At: now})
			if a.State == protocol.StateApplied || a.State == protocol.StateRolledBack {
				c.held.Store(heldOf(r))
			}
		})
	}
	if len(records) > 0 {
		news := make([]bool, len(records))
		err := p.state.Update(ctx, func(tx *state.Tx) error {
			for i, a := range records {
				var err error
				if news[i], err = tx.Acknowledge(a); err != nil && !errors.Is(err, state.ErrNotFound) {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("record acknowledgement: %w", err)
		}
		for i, tell := range told {
			if !news[i] {
				continue
			}
			tell()
			if a := records[i]; a.State == string(protocol.StateFailed) {
				p.note.Warn("client could not take a release", "project", l.project, "channel", l.channel,
					"client", a.ID, "release", a.Release, "code", a.Code, "message", a.Message)
			}
		}
	}
	if missing != "" {
		return forgotten(missing)
	}
	return nil
}
