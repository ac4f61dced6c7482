package bundle

import (
	"time"
)

// Ahead is how far ahead of the reader's clock a sequence number (about Unix
// seconds) may be, so that a stolen key cannot push a stream out of reach.
const Ahead = 24 * time.Hour

// Expect is what the reader knows and asks for. Its zero value accepts nothing,
// because it trusts nobody.
type Expect struct {
	Trust *Trust // whose signatures count

	// Identity is the stream followed ("acme/support/production"), or
	// "acme/selection"; "" takes what the manifest says, which must then still
	// match the signer's principals.
	Identity string

	NotBefore int64  // lowest sequence accepted
	Held      string // id of the manifest held with sequence NotBefore, "" for none: another one with that sequence is refused

	Now          time.Time // zero is the current time
	Accepted     time.Time // when this content was first accepted, if it was: the key must have been valid then, instead of now
	AllowExpired bool      // for content held already; what is new must not be expired

	// Unverified leaves signature and trust unchecked: anyone may have made the
	// bundle. Formats, limits and hashes are checked all the same.
	Unverified bool

	Limits Limits
}
