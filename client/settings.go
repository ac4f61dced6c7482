package client

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/anvilpeering/anvil/bundle"
)

var (
	clientID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)
	label    = regexp.MustCompile(`^[[:print:]]{1,128}$`)
)

// settings are options after the environment was asked and everything checked.
type settings struct {
	Options
	urls     []*url.URL
	trust    *bundle.Trust
	stream   stream // without an organisation
	folder   string // of the cache, "" for none
	http     *http.Client
	ownHTTP  bool
	warnings []string
}

func invalid(option, advice, format string, args ...any) error {
	return advise(advice, nil, "option %s: %s", option, fmt.Sprintf(format, args...))
}

// missing is an option without which there is nothing to open.
func missing(what, env, option, advice string) error {
	return advise(advice, nil, "no %s: set %s or Options.%s", what, env, option)
}

func settle(o Options) (*settings, error) {
	s := &settings{Options: o}
	for _, check := range []func() error{s.settleStream, s.settleServer, s.settleTrust, s.settleNames, s.settleTimes, s.settleSize, s.settleCache} {
		if err := check(); err != nil {
			return nil, fmt.Errorf("open client: %w", err)
		}
	}
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	s.Logger = s.Logger.With("project", s.Project, "channel", s.Channel)
	s.settleHTTP()
	return s, nil
}

func (s *settings) settleStream() error {
	s.Project = or(s.Project, "ANVIL_PROJECT")
	s.Channel = or(s.Channel, "ANVIL_CHANNEL")
	if s.Channel == "" {
		s.Channel = DefaultChannel
	}
	if s.Project == "" {
		return missing("project", "ANVIL_PROJECT", "Project", "ANVIL_PROJECT is the project's folder name, as in support")
	}
	const advice = "names are lower-case letters, digits, dots, dashes and underscores, as in support or production"
	if !isName(s.Project) {
		return invalid("Project", advice, "%q is no name", s.Project)
	}
	if !isChannel(s.Channel) {
		return invalid("Channel", advice, "%q is no name", s.Channel)
	}
	s.stream = stream{project: s.Project, channel: s.Channel}
	return nil
}

func (s *settings) settleServer() error {
	option := "URLs"
	if len(s.URLs) == 0 {
		option = "URLs (ANVIL_URL)"
		for u := range strings.SplitSeq(os.Getenv("ANVIL_URL"), ",") {
			if u = strings.TrimSpace(u); u != "" {
				s.URLs = append(s.URLs, u)
			}
		}
	}
	if len(s.URLs) == 0 && !s.Frozen {
		return missing("server", "ANVIL_URL", "URLs", "ANVIL_URL is like https://anvil.example.com or http://localhost:8470; only with Options.Frozen a client needs none")
	}
	for _, text := range s.URLs {
		u, err := url.Parse(text)
		const advice = "an address is https://HOST or http://localhost:PORT, without user, query and fragment"
		complete := completed(text)
		switch {
		case complete != "":
			return invalid(option, advice, "%q has no scheme: write %s", text, complete)
		case err != nil:
			return invalid(option, advice, "%q is no address", concealed(text))
		case u.Scheme != "https" && u.Scheme != "http", u.Host == "", u.User != nil, u.RawQuery != "", u.Fragment != "":
			return invalid(option, advice, "%q is no server's address", concealed(text))
		}
		if u.Scheme == "http" && !loopback(u.Hostname()) {
			s.warnings = append(s.warnings, fmt.Sprintf("the token travels unencrypted to %s: use https", u.Host))
		}
		u.Path = strings.TrimRight(u.Path, "/")
		s.urls = append(s.urls, u)
	}
	s.Token = strings.TrimSpace(or(s.Token, "ANVIL_TOKEN"))
	const advice = "`anvil connect PROJECT CHANNEL --name APP` on the server makes one and prints the lines to paste"
	if s.Token == "" && len(s.urls) > 0 {
		return missing("token", "ANVIL_TOKEN", "Token", advice)
	}
	if strings.ContainsFunc(s.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return invalid("Token", advice, "contains what no token contains")
	}
	return nil
}

// completed is an address that lacks nothing but its scheme with it, else "".
func completed(text string) string {
	if strings.Contains(text, "://") || strings.ContainsAny(text, "@?# ") {
		return ""
	}
	u, err := url.Parse("https://" + text)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	if loopback(u.Hostname()) {
		u.Scheme = "http"
	}
	return u.String()
}

// concealed is an address without what may be a password.
func concealed(text string) string {
	if at := strings.LastIndex(text, "@"); at >= 0 {
		return "…" + text[at:]
	}
	return text
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

func (s *settings) settleTrust() error {
	if len(s.Trust) > 0 && s.TrustFile != "" {
		return invalid("Trust", "give the lines or a file of them", "set together with TrustFile")
	}
	lines, file, option := s.Trust, s.TrustFile, "Trust"
	if len(lines) == 0 && file == "" {
		option = "Trust (ANVIL_TRUST)"
		if env := strings.TrimSpace(os.Getenv("ANVIL_TRUST")); strings.Contains(env, " ") {
			lines = []byte(env)
		} else {
			file = env
		}
	}
	if file != "" {
		if option == "Trust" {
			option = "TrustFile"
		}
		read, err := os.ReadFile(file)
		const advice = "`anvil keys list --format allowed-signers` on the server prints the lines"
		if err != nil && option != "TrustFile" && errors.Is(err, fs.ErrNotExist) {
			return advise(advice, []error{err, ErrUntrusted}, "ANVIL_TRUST is neither an allowed_signers line nor a file: %s", file)
		}
		if err != nil {
			return advise("it is a file of allowed_signers lines: "+advice, []error{err}, "option %s: %v", option, err)
		}
		lines = read
	}
	if s.InsecureSkipVerify {
		s.warnings = append(s.warnings, "releases are not verified: Options.InsecureSkipVerify is set, anyone may have signed them")
	}
	if len(strings.TrimSpace(string(lines))) == 0 {
		if s.InsecureSkipVerify {
			return nil
		}
		advice := fmt.Sprintf("ANVIL_TRUST is the line that `anvil keys list --format allowed-signers` on the server prints; it reads: */%s/%s namespaces=%q ssh-ed25519 AAAA…", s.Project, s.Channel, bundle.ManifestNamespace)
		if file != "" {
			return advise(advice, []error{ErrUntrusted}, "option %s: no trusted key in %s", option, file)
		}
		return advise(advice, []error{ErrUntrusted}, "no trusted key: set ANVIL_TRUST or Options.Trust")
	}
	trust, err := bundle.ParseTrust(lines)
	if err != nil {
		advice := hint(err)
		if advice == "" {
			advice = "a line reads: */" + s.Project + "/" + s.Channel + " namespaces=\"" + bundle.ManifestNamespace + "\" ssh-ed25519 AAAA…"
		}
		return advise(advice, []error{err, ErrUntrusted}, "option %s: %v", option, err)
	}
	s.trust = trust
	s.warnings = append(s.warnings, trust.Warnings()...)
	return nil
}

func (s *settings) settleNames() error {
	s.ClientID = or(s.ClientID, "ANVIL_CLIENT_ID")
	if s.ClientID != "" && !clientID.MatchString(s.ClientID) {
		return invalid("ClientID", "1 to 128 of letters, digits, dot, underscore and dash; a host name is a good one", "%q is no id", s.ClientID)
	}
	if s.App == "" {
		if s.App = filepath.Base(os.Args[0]); !label.MatchString(s.App) {
			s.App = "application"
		}
	}
	const advice = "at most 128 printable characters"
	if !label.MatchString(s.App) {
		return invalid("App", advice, "%q is no name", s.App)
	}
	if len(s.Labels) > 32 {
		return invalid("Labels", "at most 32", "%d of them", len(s.Labels))
	}
	for name, value := range s.Labels {
		if !label.MatchString(name) || value != "" && !label.MatchString(value) {
			return invalid("Labels", advice, "%q is no label", name)
		}
	}
	return nil
}

func (s *settings) settleTimes() error {
	if s.StartTimeout < 0 {
		return invalid("StartTimeout", "a positive duration, or zero for 5 s", "%s is negative", s.StartTimeout)
	}
	if s.StartTimeout == 0 {
		s.StartTimeout = DefaultStartTimeout
	}
	if s.MaxStale < 0 {
		return invalid("MaxStale", "a positive duration, or zero for never", "%s is negative", s.MaxStale)
	}
	if s.MaxStale > 0 && s.MaxStale < shortestStale {
		return invalid("MaxStale", "the server confirms a release about once a minute: give it a few", "%s is shorter than %s", s.MaxStale, shortestStale)
	}
	return nil
}

func (s *settings) settleSize() error {
	if s.MaxRelease < 0 || s.MaxRelease > bundle.MaxTotal {
		return invalid("MaxRelease", fmt.Sprintf("from 1 to %d bytes, or zero for %d", bundle.MaxTotal, DefaultMaxRelease), "%d bytes", s.MaxRelease)
	}
	if s.MaxRelease == 0 {
		s.MaxRelease = DefaultMaxRelease
	}
	return nil
}

// shortestStale leaves room for one poll that took its time and another try.
const shortestStale = 3 * time.Minute

// settleCache finds the folder. Whether it can be used shows later and is no
// error.
func (s *settings) settleCache() error {
	s.Cache = or(s.Cache, "ANVIL_CACHE")
	switch s.Cache {
	case NoCache:
		return nil
	case "":
		// The folder of a user is shared by applications that have nothing to do
		// with each other: one each server.
		dir, err := os.UserCacheDir()
		if err != nil {
			s.warnings = append(s.warnings, "nothing is kept on disk: set Options.Cache or ANVIL_CACHE to a folder")
			return nil
		}
		sum := sha256.Sum256([]byte(strings.Join(s.URLs, ",")))
		s.folder = filepath.Join(dir, "anvil", "client-"+hex.EncodeToString(sum[:6]))
		return nil
	}
	folder, err := filepath.Abs(s.Cache)
	if err != nil {
		return advise("name a folder that this process may write", []error{err}, "option Cache: %v", err)
	}
	if st, err := os.Stat(folder); err == nil && !st.IsDir() {
		return invalid("Cache", "name a folder that this process may write, or \"none\"", "%s is a file", folder)
	}
	s.folder = folder
	return nil
}

func (s *settings) settleHTTP() {
	s.http = &http.Client{}
	if s.HTTP != nil {
		*s.http = *s.HTTP
	} else if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		s.http.Transport, s.ownHTTP = transport.Clone(), true
	}
	s.http.Timeout = 0
	s.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
}

// or returns the option, else what the environment says.
func or(option, env string) string {
	if option != "" {
		return option
	}
	return os.Getenv(env)
}
