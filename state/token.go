package state

import (
	"context"
	"fmt"
	"time"
)

// Token is what is known of a bearer token. The secret itself is not.
type Token struct {
	ID           string
	SecretSHA256 string // hex
	Name         string
	Role         string
	Project      string // "" = all
	Channel      string // "" = all
	Created      time.Time
	CreatedBy    string
	Revoked      time.Time // zero = valid
	LastUsed     time.Time // zero = never
}

// InsertToken adds a token. Its id must be new.
func (t *Tx) InsertToken(k Token) error {
	err := t.w.exec(`INSERT INTO tokens (id, secret_sha256, name, role, project, channel, created, created_by, revoked, last_used)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		k.ID, k.SecretSHA256, k.Name, k.Role, k.Project, k.Channel, millis(k.Created), k.CreatedBy, millis(k.Revoked), millis(k.LastUsed))
	if err != nil {
		return fmt.Errorf("insert token: %w", err)
	}
	return nil
}

// RevokeToken marks a token as revoked and forgets its clients. A token that is
// revoked already keeps its time. [ErrNotFound] when there is none.
func (t *Tx) RevokeToken(id string, at time.Time) error {
	n, err := t.w.affected(`UPDATE tokens SET revoked = CASE revoked WHEN 0 THEN $2 ELSE revoked END WHERE id = $1`, id, millis(at))
	if err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("revoke token %s: %w", id, ErrNotFound)
	}
	if err := t.w.exec(`DELETE FROM clients WHERE token = $1`, id); err != nil {
		return fmt.Errorf("forget clients of token: %w", err)
	}
	return nil
}

// TouchToken records when a token was last used; an older time changes nothing.
func (t *Tx) TouchToken(id string, used time.Time) error {
	if err := t.w.exec(`UPDATE tokens SET last_used = $2 WHERE id = $1 AND last_used < $2`, id, millis(used)); err != nil {
		return fmt.Errorf("touch token: %w", err)
	}
	return nil
}

// Tokens returns all tokens, the revoked ones too, oldest first.
func (s *Store) Tokens(ctx context.Context) ([]Token, error) {
	rows, err := s.reading.QueryContext(ctx, `SELECT id, secret_sha256, name, role, project, channel, created, created_by, revoked, last_used
		FROM tokens ORDER BY created, id`)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	defer rows.Close()
	var all []Token
	for rows.Next() {
		var k Token
		var created, revoked, used int64
		if err := rows.Scan(&k.ID, &k.SecretSHA256, &k.Name, &k.Role, &k.Project, &k.Channel, &created, &k.CreatedBy, &revoked, &used); err != nil {
			return nil, fmt.Errorf("read tokens: %w", err)
		}
		k.Created, k.Revoked, k.LastUsed = moment(created), moment(revoked), moment(used)
		all = append(all, k)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	return all, nil
}

// millis is a time as it is stored. The zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
