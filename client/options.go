package client

import (
	"io/fs"
	"log/slog"
	"net/http"
	"time"
)

// Defaults of [Options].
const (
	DefaultChannel      = "production"
	DefaultStartTimeout = 5 * time.Second
	DefaultMaxRelease   = 64 << 20 // bytes
)

// NoCache as [Options.Cache] keeps nothing on disk.
const NoCache = "none"

// Options says what to follow and how. The zero value takes everything from the
// environment; a field that is set wins over its variable. Open checks every
// field and says in a hint what would be right.
type Options struct {
	// URLs of the server and its replicas, tried in order when one fails.
	// ANVIL_URL, separated by commas. Optional only with Frozen.
	URLs []string

	// Token is a client token of exactly this project and channel. ANVIL_TOKEN.
	Token string

	// Project to follow. Two projects, two clients. ANVIL_PROJECT.
	Project string

	// Channel to follow. ANVIL_CHANNEL, else "production".
	Channel string

	// Trust is allowed_signers lines: who may sign for this stream. ANVIL_TRUST,
	// which is a path, or lines when it contains a space.
	Trust []byte

	// TrustFile is a file of such lines, instead of Trust.
	TrustFile string

	// InsecureSkipVerify accepts releases that nobody trusted has signed. Files
	// are still compared with the manifest's hashes, but the manifest may be
	// anyone's. It is logged as a warning at every start and shown by Status;
	// no environment variable sets it.
	InsecureSkipVerify bool

	// Cache is the folder that keeps verified releases; processes may share it.
	// ANVIL_CACHE, else a folder in the user's cache folder; [NoCache] keeps
	// nothing. A folder that cannot be written is a warning.
	Cache string

	// Embedded is a release compiled into the binary, the floor to start from:
	// one *.anvil.zip, or an unpacked bundle (with go:embed use "all:", partials
	// begin with an underscore).
	Embedded fs.FS

	// ClientID names this client to the server, 1 to 128 of [A-Za-z0-9._-].
	// ANVIL_CLIENT_ID, else one kept in the cache folder, else a random one that
	// the server forgets soon.
	ClientID string

	// App is the application's name as the server's pages show it, at most 128
	// characters. Default: the name of the binary.
	App string

	// Labels are shown beside it.
	Labels map[string]string

	// Accept has the last word before a release becomes visible, also on what
	// the cache or the binary holds at the start. Its error keeps the release
	// before. It must not call back into the client.
	Accept func(*Snapshot) error

	// Frozen follows only when Sync is called.
	Frozen bool

	// StartTimeout is how long Open waits for a first release when neither disk
	// nor binary has one. Default 5 s.
	StartTimeout time.Duration

	// MaxStale makes renders fail with [ErrStale] when the server has not
	// confirmed the release for so long. Default: never.
	MaxStale time.Duration

	// MaxRelease is how many bytes a release may have, all its files together and
	// the archive that it comes in, at most 1 GiB. A larger one is refused before it
	// is read. Default 64 MiB.
	MaxRelease int64

	// HTTP is used for proxies and own certificate authorities. Its Timeout is
	// ignored (a long poll is meant to take long) and redirects are not followed.
	HTTP *http.Client

	// Logger hears warnings, and one line for each release. Default slog.Default.
	Logger *slog.Logger
}
