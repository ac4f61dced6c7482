package state

import (
	"context"
	"fmt"
	"time"
)

// Entry is a line of the audit log.
type Entry struct {
	ID      int64     `json:"id"` // given by the log, rising
	At      time.Time `json:"at"`
	Who     string    `json:"who"`  // a token's id and name, or the local user
	What    string    `json:"what"` // "publish", "token create", …
	Project string    `json:"project,omitempty"`
	Channel string    `json:"channel,omitempty"`
	From    string    `json:"from,omitempty"` // the release before
	To      string    `json:"to,omitempty"`   // the release after, or what the act concerns
	Outcome string    `json:"outcome"`        // "ok", or why not
	Detail  string    `json:"detail,omitempty"`
}

// Audit appends a line. Lines are never changed.
func (t *Tx) Audit(e Entry) error {
	err := t.w.exec(`INSERT INTO audit (at, who, what, project, channel, from_release, to_release, outcome, detail)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		millis(e.At), e.Who, e.What, e.Project, e.Channel, e.From, e.To, e.Outcome, e.Detail)
	if err != nil {
		return fmt.Errorf("append audit: %w", err)
	}
	return nil
}

// Audit returns the newest lines, newest first, that are older than the line
// before (0 = from the newest on): the id of the last line of a page asks for
// the next page.
func (s *Store) Audit(ctx context.Context, before int64, limit int) ([]Entry, error) {
	rows, err := s.reading.QueryContext(ctx, `SELECT id, at, who, what, project, channel, from_release, to_release, outcome, detail
		FROM audit WHERE $1 = 0 OR id < $1 ORDER BY id DESC LIMIT $2`, before, limit)
	if err != nil {
		return nil, fmt.Errorf("read audit: %w", err)
	}
	defer rows.Close()
	var all []Entry
	for rows.Next() {
		var e Entry
		var at int64
		if err := rows.Scan(&e.ID, &at, &e.Who, &e.What, &e.Project, &e.Channel, &e.From, &e.To, &e.Outcome, &e.Detail); err != nil {
			return nil, fmt.Errorf("read audit: %w", err)
		}
		e.At = moment(at)
		all = append(all, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read audit: %w", err)
	}
	return all, nil
}

// Audited reports whether a line of the audit log says that a channel was given a
// release.
func (s *Store) Audited(ctx context.Context, project, channel, release string) (bool, error) {
	var n int
	err := s.reading.QueryRowContext(ctx, `SELECT COUNT(*) FROM audit WHERE project = $1 AND channel = $2 AND to_release = $3`, project, channel, release).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("read audit: %w", err)
	}
	return n > 0, nil
}
