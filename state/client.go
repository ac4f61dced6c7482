package state

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// ClientKey names a client: its own id below the token that admits it, so that
// nobody speaks for a client of another token.
type ClientKey struct{ Token, ID string }

// Held is the release that a client holds, zero for none.
type Held struct {
	Release  string
	Revision string
	Sequence int64
}

// Report is the last thing that a client said of a release.
type Report struct {
	State   string
	Release string
	Code    string
	Message string
	At      time.Time
}

// Client is a registered client.
type Client struct {
	ClientKey
	Project   string
	Channel   string
	App       string
	Labels    map[string]string
	Protocol  int
	Ephemeral bool
	FirstSeen time.Time
	LastSeen  time.Time
	Held      Held
	Report    Report
}

// PutClient records a registration: a new client, or a known one that started
// again, which keeps its first-seen time and its last report.
func (t *Tx) PutClient(c Client) error {
	labels, err := json.Marshal(c.Labels)
	if err != nil {
		return fmt.Errorf("encode labels: %w", err)
	}
	err = t.w.exec(`INSERT INTO clients (token, id, project, channel, app, labels, protocol, ephemeral, first_seen, last_seen,
			held_release, held_revision, held_sequence, state, state_release, state_code, state_message, state_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '', '', '', '', 0)
		ON CONFLICT (token, id) DO UPDATE SET project = excluded.project, channel = excluded.channel, app = excluded.app,
			labels = excluded.labels, protocol = excluded.protocol, ephemeral = excluded.ephemeral, last_seen = excluded.last_seen,
			held_release = excluded.held_release, held_revision = excluded.held_revision, held_sequence = excluded.held_sequence`,
		c.Token, c.ID, c.Project, c.Channel, c.App, string(labels), c.Protocol, flag(c.Ephemeral), millis(c.FirstSeen), millis(c.LastSeen),
		c.Held.Release, c.Held.Revision, c.Held.Sequence)
	if err != nil {
		return fmt.Errorf("put client: %w", err)
	}
	return nil
}

// SeeClient records when a client was last seen and what it holds. A client
// that is not there any more is left so.
func (t *Tx) SeeClient(k ClientKey, at time.Time, held Held) error {
	err := t.w.exec(`UPDATE clients SET last_seen = $3, held_release = $4, held_revision = $5, held_sequence = $6 WHERE token = $1 AND id = $2`,
		k.Token, k.ID, millis(at), held.Release, held.Revision, held.Sequence)
	if err != nil {
		return fmt.Errorf("see client: %w", err)
	}
	return nil
}

// ForgetClient removes a client and what it acknowledged.
func (t *Tx) ForgetClient(k ClientKey) error {
	if err := t.w.exec(`DELETE FROM clients WHERE token = $1 AND id = $2`, k.Token, k.ID); err != nil {
		return fmt.Errorf("forget client: %w", err)
	}
	return nil
}

// Clients returns all clients, in the order of token and id.
func (s *Store) Clients(ctx context.Context) ([]Client, error) {
	rows, err := s.reading.QueryContext(ctx, `SELECT token, id, project, channel, app, labels, protocol, ephemeral, first_seen, last_seen,
		held_release, held_revision, held_sequence, state, state_release, state_code, state_message, state_at
		FROM clients ORDER BY token, id`)
	if err != nil {
		return nil, fmt.Errorf("read clients: %w", err)
	}
	defer rows.Close()
	var all []Client
	for rows.Next() {
		var c Client
		var labels string
		var ephemeral int
		var first, last, at int64
		err := rows.Scan(&c.Token, &c.ID, &c.Project, &c.Channel, &c.App, &labels, &c.Protocol, &ephemeral, &first, &last,
			&c.Held.Release, &c.Held.Revision, &c.Held.Sequence, &c.Report.State, &c.Report.Release, &c.Report.Code, &c.Report.Message, &at)
		if err != nil {
			return nil, fmt.Errorf("read clients: %w", err)
		}
		if err := json.Unmarshal([]byte(labels), &c.Labels); err != nil {
			return nil, fmt.Errorf("read labels of client %s: %w", c.ID, err)
		}
		c.Ephemeral = ephemeral != 0
		c.FirstSeen, c.LastSeen, c.Report.At = moment(first), moment(last), moment(at)
		all = append(all, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read clients: %w", err)
	}
	return all, nil
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
