package push

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/anvilpeering/anvil/release"
)

// Role is what a token may do.
type Role string

// The roles. A client follows one channel of one project and does nothing else;
// each of the others may do what the one before it may.
const (
	RoleClient    Role = "client"
	RoleViewer    Role = "viewer"    // sees what is there
	RoleEditor    Role = "editor"    // accepts held files
	RolePublisher Role = "publisher" // publishes, and makes client tokens
	RoleAdmin     Role = "admin"     // all
)

// rank orders the roles of people. A client has none of their rights.
func (r Role) rank() int {
	switch r {
	case RoleViewer:
		return 1
	case RoleEditor:
		return 2
	case RolePublisher:
		return 3
	case RoleAdmin:
		return 4
	}
	return 0
}

func (r Role) valid() bool { return r == RoleClient || r.rank() > 0 }

// Token is a bearer token without its secret.
type Token struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Role      Role      `json:"role"`
	Project   string    `json:"project,omitempty"` // "" = every project
	Channel   string    `json:"channel,omitempty"` // "" = every channel
	Created   time.Time `json:"created,omitzero"`
	CreatedBy string    `json:"created_by,omitempty"`
	LastUsed  time.Time `json:"last_used,omitzero"`
	Revoked   time.Time `json:"revoked,omitzero"`

	credential *credential // what it was authenticated with
}

// Local is the rights of the user who can open the server's own socket.
func Local() Token { return Token{Name: "local user", Role: RoleAdmin} }

// Who names the token in the audit log.
func (t Token) Who() string {
	if t.ID == "" {
		return t.Name
	}
	return t.ID + " " + t.Name
}

// May reports whether the token has the rights of a role of people, on any
// project.
func (t Token) May(need Role) bool { return need.rank() > 0 && t.Role.rank() >= need.rank() }

// Covers reports whether the token's scope includes a project and a channel.
// An empty name asks for all of them.
func (t Token) Covers(project, channel string) bool {
	return (t.Project == "" || t.Project == project) && (t.Channel == "" || t.Channel == channel)
}

// NewToken is what [Push.CreateToken] makes a token of.
type NewToken struct {
	Name    string `json:"name"`
	Role    Role   `json:"role"`
	Project string `json:"project,omitempty"`
	Channel string `json:"channel,omitempty"`
	By      string `json:"-"` // who makes it, for the audit log
}

func (n NewToken) check() error {
	switch {
	case !n.Role.valid():
		return invalid("use client, viewer, editor, publisher or admin", "unknown role %q", n.Role)
	case strings.TrimSpace(n.Name) == "" || utf8.RuneCountInString(n.Name) > 100 || !printable(n.Name):
		return invalid("name it after what will use it, in up to 100 printable characters", "a token needs a name")
	case n.Role == RoleClient && (n.Project == "" || n.Channel == ""):
		return invalid("name both, for example --project support --channel production",
			"a client token names exactly one project and one channel")
	}
	if n.Project != "" {
		if err := checkProject(n.Project); err != nil {
			return err
		}
	}
	if n.Channel != "" {
		return checkChannel(n.Channel)
	}
	return nil
}

// checkProject and checkChannel hold a name to what the log of releases takes.
func checkProject(name string) error { return invalidName(release.CheckProject(name)) }
func checkChannel(name string) error { return invalidName(release.CheckChannel(name)) }

func invalidName(err error) error {
	if err == nil {
		return nil
	}
	return invalid(hintOf(err), "%s", err)
}

func printable(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return utf8.ValidString(s)
}

// The text of a token is anv_<id>_<secret><crc>: 9, 43 and 6 characters of
// base62. 43 of them carry 256 bits. The checksum, CRC-32 of all that stands
// before it, lets a mistyped token be refused without a look at any record, and
// a scanner know one when it sees it.
const (
	tokenPrefix  = "anv_"
	idLength     = 9
	secretLength = 43
	crcLength    = 6
	tokenLength  = len(tokenPrefix) + idLength + 1 + secretLength + crcLength
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func drawToken() (text, id, secret string) {
	id, secret = draw62(idLength), draw62(secretLength)
	return formatToken(id, secret), id, secret
}

func formatToken(id, secret string) string {
	body := tokenPrefix + id + "_" + secret
	return body + checksum(body)
}

// parseToken splits the text of a token. ok is false for anything that was
// never a token.
func parseToken(text string) (id, secret string, ok bool) {
	if len(text) != tokenLength || !strings.HasPrefix(text, tokenPrefix) {
		return "", "", false
	}
	body, crc := text[:tokenLength-crcLength], text[tokenLength-crcLength:]
	id, rest := body[len(tokenPrefix):len(tokenPrefix)+idLength], body[len(tokenPrefix)+idLength:]
	secret = rest[1:]
	if rest[0] != '_' || !is62(id) || !is62(secret) || checksum(body) != crc {
		return "", "", false
	}
	return id, secret, true
}

func checksum(s string) string {
	var out [crcLength]byte
	n := crc32.ChecksumIEEE([]byte(s))
	for i := crcLength - 1; i >= 0; i-- {
		out[i] = base62[n%62]
		n /= 62
	}
	return string(out[:])
}

// draw62 draws characters at random, without the bias of a plain modulo.
func draw62(n int) string {
	out := make([]byte, 0, n)
	var buf [64]byte
	for {
		_, _ = rand.Read(buf[:]) // never fails
		for _, b := range buf {
			if b < 248 { // 4 * 62
				out = append(out, base62[b%62])
			}
			if len(out) == n {
				return string(out)
			}
		}
	}
}

func is62(s string) bool {
	for i := range len(s) {
		if strings.IndexByte(base62, s[i]) < 0 {
			return false
		}
	}
	return true
}

func hashSecret(secret string) [32]byte { return sha256.Sum256([]byte(secret)) }

func hexSum(sum [32]byte) string { return fmt.Sprintf("%x", sum) }
