// Package protocol is what a client and a push server say to each other: the
// wire types, header names and error documents, and nothing that acts on them.
// This comment is the protocol's specification.
//
// # Requests
//
// Every request carries a bearer token, on loopback too. A client token names
// exactly one project and one channel, so no request has to. Bodies are JSON in
// UTF-8; unknown fields in an answer are ignored, so that a newer server can
// say more. [HeaderClient] names the client on check and bundle; without it the
// token alone counts.
//
//	POST /api/v1/push/register      [Registration] → 201 or 200 [Registered]
//	GET  /api/v1/push/check         → 200 [Offer] | 304
//	GET  /api/v1/push/bundle?to=&from=  → 200 a full bundle or a delta
//	POST /api/v1/push/acknowledge   [Acknowledgement] or an array of them → 202
//
// # Check
//
// The ETag of check is the id of the release on offer: an opaque token that is
// compared for equality only. A client sends the one it holds as If-None-Match
// and may ask the server to hold the request with "Prefer: wait=50" (seconds,
// RFC 7240); the server answers with what it applied, and may end a long wait a
// little early, so that clients that were woken together do not come back
// together for ever. 304 means "stay": nothing new, or nothing for this client;
// with [HeaderNextPoll] it also says when to come back, as a server does that is
// about to stop. A client that holds nothing is never made to wait for the 404
// of a channel that offers nothing. What is offered is the server's unsigned
// word; what a release contains is believed because its manifest is signed.
//
// # Bundle
//
// to and from name releases of the token's channel, or revisions of it (then
// the newest release that names the revision). The answer is immutable. With a
// from that the server knows it is a delta ([ModeDelta]), unless that would be
// larger; in every other case the full bundle, with the reason in
// [HeaderFallback].
//
// # Acknowledge
//
// An acknowledgement is idempotent on client, release and state, and no client
// waits for it. [StateApplied] and [StateFailed] are what counts and what every
// client sends; the other states it may send on the way, and Anvil's own client
// does not. The next check's If-None-Match is an implicit "applied".
//
// # Errors
//
// Errors are [Problem] documents (RFC 9457, application/problem+json) with a
// hint for people. 401 and 403: the token; stop and say so. 404 on check: the
// channel offers nothing yet. 410: the client is forgotten, register again.
// 426: no version in common, with the range. 429 and 503: Retry-After.
package protocol

import "time"

// Version is the protocol version spoken here.
const Version = 1

// Paths of the four endpoints.
const (
	PathRegister    = "/api/v1/push/register"
	PathCheck       = "/api/v1/push/check"
	PathBundle      = "/api/v1/push/bundle"
	PathAcknowledge = "/api/v1/push/acknowledge"
)

// Header names of Anvil's own.
const (
	HeaderClient   = "Anvil-Client"    // request: the client's id
	HeaderRelease  = "Anvil-Release"   // bundle: the release that was sent
	HeaderRevision = "Anvil-Revision"  // bundle: the revision it names
	HeaderMode     = "Anvil-Mode"      // bundle: full or delta
	HeaderFrom     = "Anvil-From"      // bundle: the release a delta starts from
	HeaderFallback = "Anvil-Fallback"  // bundle: why it is not the delta asked for
	HeaderNextPoll = "Anvil-Next-Poll" // check: come back in so many seconds
)

// Media types.
const (
	TypeJSON    = "application/json"
	TypeProblem = "application/problem+json"
	TypeBundle  = "application/zip"
)

// WaitMax is the longest time that a server holds a check. Common load
// balancers close an idle connection after 60 seconds.
const WaitMax = 50 * time.Second

// Mode is how content travels.
type Mode string

// The modes of a bundle.
const (
	ModeFull  Mode = "full"
	ModeDelta Mode = "delta"
)

// Fallback is why a full bundle came where a delta was asked for.
type Fallback string

// The reasons for a full bundle.
const (
	FallbackUnknown Fallback = "unknown-from"   // the server never released it, or not any more
	FallbackLarger  Fallback = "delta-larger"   // the delta would not save anything
	FallbackChannel Fallback = "unrelated-from" // a release of another channel
)

// Reason is why a channel offers a release.
type Reason string

// The reasons for a release.
const (
	ReasonDraft     Reason = "draft"
	ReasonPublish   Reason = "publish"
	ReasonSchedule  Reason = "schedule"
	ReasonRenewal   Reason = "renewal"
	ReasonRollback  Reason = "rollback"
	ReasonRewritten Reason = "history rewritten"
)

// Registration is a client's first word on every start.
type Registration struct {
	ClientID  string            `json:"client_id"` // stable, the client's own choice, 1 to 128 of [A-Za-z0-9._-]
	App       string            `json:"app,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	Protocol  []int             `json:"protocol"` // versions spoken
	Modes     []Mode            `json:"modes"`
	Held      *Held             `json:"held"`                // what it holds, null for nothing
	Ephemeral bool              `json:"ephemeral,omitempty"` // the id was drawn at random and is kept nowhere
}

// Held names what a client holds.
type Held struct {
	Release  string `json:"release"`
	Revision string `json:"revision"`
	Sequence int64  `json:"sequence"`
}

// Registered is the answer to a [Registration].
type Registered struct {
	Protocol int    `json:"protocol"`
	Stream   string `json:"stream"` // organisation/project/channel: what manifests must say
	Poll     Poll   `json:"poll"`
	Lease    int    `json:"lease_s"` // forgotten when silent for so many seconds
}

// Poll is how a client paces its checks, in seconds.
type Poll struct {
	WaitMax int `json:"wait_max"`
	Min     int `json:"min"` // without long poll: uniform between Min and Max
	Max     int `json:"max"`
}

// Offer is what a channel offers this client.
type Offer struct {
	Release    string    `json:"release"`
	Revision   string    `json:"revision"`
	Sequence   int64     `json:"sequence"`
	Created    time.Time `json:"created"`
	Expires    time.Time `json:"expires"`
	Reason     Reason    `json:"reason"`
	FetchAfter int       `json:"fetch_after_ms"` // wait so long before fetching: many wake at once
}

// State is how far a client came with a release.
type State string

// The states of an acknowledgement.
const (
	StateReceived   State = "received"
	StateVerified   State = "verified"
	StateApplied    State = "applied"
	StateFailed     State = "failed"
	StateRolledBack State = "rolled_back"
)

// Code says what kind of failure a [StateFailed] is.
type Code string

// The codes of a failure. Of content: [CodeCompile] and [CodeRefused].
const (
	CodeCompile   Code = "compile"   // the content does not compile
	CodeRefused   Code = "refused"   // the application's Accept said no
	CodeUntrusted Code = "untrusted" // signature, stream, sequence or expiry
	CodeTampered  Code = "tampered"  // bytes do not match the signed sums
	CodeMachine   Code = "machine"   // disk, network
)

// Acknowledgement reports how a client came along with a release.
type Acknowledgement struct {
	ClientID string `json:"client_id"`
	Release  string `json:"release"`
	Revision string `json:"revision"`
	From     string `json:"from,omitempty"`
	State    State  `json:"state"`
	Code     Code   `json:"code,omitempty"`
	Message  string `json:"message,omitempty"`
	Mode     Mode   `json:"mode,omitempty"`
	Bytes    int64  `json:"bytes,omitempty"`
	TookMS   int64  `json:"took_ms,omitempty"`
}

// Problem is an error document (RFC 9457). Type is a relative reference such
// as "/problems/token-unknown"; Hint says what to do next.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Help   string `json:"hint,omitempty"`
	Min    int    `json:"min,omitempty"` // 426: the protocol versions spoken
	Max    int    `json:"max,omitempty"`
}

// Error says it to people. Programs look at Status.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Title + ": " + p.Detail
}

// Hint is what to do next, empty when nothing is known to help.
func (p *Problem) Hint() string { return p.Help }
