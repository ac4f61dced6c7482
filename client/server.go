package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/anvilpeering/anvil/protocol"
)

const (
	answerTimeout = 15 * time.Second // for what is answered at once, and beyond the wait of a check
	bodyTimeout   = 30 * time.Second // for the rest of an answer; a bundle gets more as it comes in
	silence       = 30 * time.Second // a bundle that sends nothing for so long is given up
	slowest       = 32 << 10         // bytes a second of a bundle, beyond bodyTimeout
	maxAnswer     = 1 << 20          // bytes of a JSON answer
	maxRelease    = 256              // bytes of the server's name for a release

	// maxRetryAfter is all that a server gets whatever it asks for, so that one
	// forged answer does not put a client to sleep. Also for a server in need a
	// quarter of an hour is enough: ten thousand clients are then eleven questions a
	// second, and each is told again.
	maxRetryAfter = 15 * time.Minute
)

// errVersion is a server with which no protocol version is shared.
var errVersion = errors.New("no protocol version in common")

// server speaks the protocol with whichever of the URLs answers.
type server struct {
	urls   []*url.URL
	token  string
	id     string
	http   *http.Client
	most   int64        // bytes of a bundle
	active atomic.Int32 // index of the URL that answered last
}

// answerError is an answer that is not the one hoped for.
type answerError struct {
	problem    *protocol.Problem
	retryAfter time.Duration
}

func (e *answerError) Error() string { return e.problem.Error() }
func (e *answerError) Hint() string  { return e.problem.Hint() }

func (e *answerError) Unwrap() error {
	switch e.problem.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return ErrDenied
	case http.StatusUpgradeRequired:
		return errVersion
	}
	return nil
}

// answered returns the status of a problem document in the chain, else 0.
func answered(err error) int {
	var a *answerError
	if errors.As(err, &a) {
		return a.problem.Status
	}
	return 0
}

// request is one question to the server.
type request struct {
	method string
	path   string
	query  url.Values
	header http.Header
	body   any
	limit  time.Duration // for the answer's head
	bulk   bool          // the answer may be long
}

// do asks the URLs in turn, beginning with the one that answered last, until one
// gives an answer of ours that take reads to its end.
func (s *server) do(ctx context.Context, q request, take func(*http.Response) error) error {
	if len(s.urls) == 0 {
		return advise("set Options.URLs or ANVIL_URL", []error{ErrOffline}, "ask server: there is no address")
	}
	first := int(s.active.Load())
	var failed error
	for i := range s.urls {
		at := (first + i) % len(s.urls)
		answer, err := s.ask(ctx, s.urls[at], q)
		if err == nil {
			err = take(answer)
			_ = answer.Body.Close()
		}
		if err == nil || decided(err) {
			s.active.Store(int32(at))
			return err
		}
		if ctx.Err() != nil {
			return err
		}
		if failed == nil || answered(err) != 0 {
			failed = err
		}
	}
	return failed
}

// decided says that an error is the server's word: another of its replicas would
// say the same.
func decided(err error) bool {
	status := answered(err)
	return status != 0 && status < 500 || errors.Is(err, errVersion) || code(err) != protocol.CodeMachine
}

func (s *server) url() string {
	if len(s.urls) == 0 {
		return ""
	}
	return s.urls[s.active.Load()].String()
}

func (s *server) ask(ctx context.Context, base *url.URL, q request) (*http.Response, error) {
	target := base.JoinPath(q.path)
	target.RawQuery = q.query.Encode()
	var body io.Reader
	if q.body != nil {
		encoded, err := json.Marshal(q.body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(encoded)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(q.limit, func() { cancel(context.DeadlineExceeded) })
	r, err := http.NewRequestWithContext(ctx, q.method, target.String(), body)
	if err != nil {
		cancel(nil)
		return nil, fmt.Errorf("ask %s: %w", base.Host, err)
	}
	for name, values := range q.header {
		r.Header[name] = values
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set(protocol.HeaderClient, s.id)
	r.Header.Set("User-Agent", "anvil-client/"+strconv.Itoa(protocol.Version))
	if body != nil {
		r.Header.Set("Content-Type", protocol.TypeJSON)
	}
	answer, err := s.http.Do(r)
	if err != nil {
		timer.Stop()
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		cancel(nil)
		return nil, fmt.Errorf("ask %s: %w", base.Host, plain(err))
	}
	// From here on the timer watches the body instead.
	timer.Reset(bodyTimeout)
	answer.Body = &watched{ReadCloser: answer.Body, timer: timer, cancel: cancel, ctx: ctx, began: time.Now(), bulk: q.bulk}
	if answer.StatusCode < 300 || answer.StatusCode == http.StatusNotModified {
		return answer, nil
	}
	defer answer.Body.Close()
	return nil, refusal(base.Host, answer)
}

// plain drops the method and address that net/http puts before its errors.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// watched is a body that is given up when it falls silent or drips: it has to be
// complete after bodyTimeout, and a long one as much later as its bytes so far take
// at the slowest pace.
type watched struct {
	io.ReadCloser
	timer  *time.Timer
	cancel context.CancelCauseFunc
	ctx    context.Context // of the request: tells why it was given up
	began  time.Time
	bulk   bool
	came   int64 // bytes
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if n > 0 && w.bulk {
		w.came += int64(n)
		whole := bodyTimeout + time.Duration(w.came)*time.Second/slowest
		w.timer.Reset(min(silence, whole-time.Since(w.began)))
	}
	if err != nil && err != io.EOF {
		if cause := context.Cause(w.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

func (w *watched) Close() error {
	w.timer.Stop()
	err := w.ReadCloser.Close()
	w.cancel(nil)
	return err
}

// refusal makes an error of an answer that is no success.
func refusal(host string, answer *http.Response) error {
	if !is(answer, protocol.TypeProblem) {
		advice := "check the address, and what stands between here and the server"
		if to := answer.Header.Get("Location"); to != "" {
			advice = "redirects are not followed; if this is the server, use its address: " + to
		}
		return advise(advice, []error{ErrNotOurs}, "ask %s: status %d without a problem document: %v", host, answer.StatusCode, ErrNotOurs)
	}
	problem := new(protocol.Problem)
	if err := decode(answer, problem); err != nil {
		return fmt.Errorf("ask %s: %w", host, err)
	}
	problem.Status = answer.StatusCode
	if problem.Title == "" {
		problem.Title = http.StatusText(answer.StatusCode)
	}
	return &answerError{problem: problem, retryAfter: retryAfter(answer.Header.Get("Retry-After"), time.Now())}
}

// retryAfter reads seconds or a date, 0 for neither.
func retryAfter(text string, now time.Time) time.Duration {
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return min(max(0, time.Duration(min(seconds, int64(maxRetryAfter/time.Second)))*time.Second), maxRetryAfter)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(0, at.Sub(now)), maxRetryAfter)
	}
	return 0
}

func is(answer *http.Response, media string) bool {
	got, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	return err == nil && got == media
}

// decode reads a JSON answer. One that is none is not ours.
func decode(answer *http.Response, into any) error {
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if len(raw) > maxAnswer || json.Unmarshal(raw, into) != nil {
		return fmt.Errorf("read answer: %w", ErrNotOurs)
	}
	return nil
}

// notOurs describes a success that no Anvil server gives.
func notOurs(answer *http.Response) error {
	return advise("something between here and the server answers in its place: a captive portal, a proxy, or the address is another service's",
		[]error{ErrNotOurs}, "ask %s: status %d with %q: %v", answer.Request.URL.Host, answer.StatusCode, answer.Header.Get("Content-Type"), ErrNotOurs)
}

// register says who is here and what is held.
func (s *server) register(ctx context.Context, r protocol.Registration) (*protocol.Registered, error) {
	got := new(protocol.Registered)
	err := s.do(ctx, request{method: http.MethodPost, path: protocol.PathRegister, body: r, limit: answerTimeout}, func(answer *http.Response) error {
		if answer.StatusCode == http.StatusNotModified || !is(answer, protocol.TypeJSON) {
			return notOurs(answer)
		}
		*got = protocol.Registered{}
		if err := decode(answer, got); err != nil {
			return err
		}
		if got.Stream == "" {
			return notOurs(answer)
		}
		if got.Protocol != protocol.Version {
			return fmt.Errorf("the server chose protocol %d, %d is spoken here: %w", got.Protocol, protocol.Version, errVersion)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("register: %w", err)
	}
	return got, nil
}

// checked is what a check brought.
type checked struct {
	offer    *protocol.Offer // nil for "stay"
	nextPoll time.Duration   // come back then, 0 for no word of it
	waited   bool            // the server held the request, or would have
}

// check asks what the channel offers one who holds a release. The server may hold
// the question for as long as wait.
func (s *server) check(ctx context.Context, held string, wait time.Duration) (*checked, error) {
	header := http.Header{}
	if held != "" {
		header.Set("If-None-Match", strconv.Quote(held))
	}
	if wait > 0 {
		header.Set("Prefer", "wait="+strconv.Itoa(int(wait/time.Second)))
	}
	got := new(checked)
	err := s.do(ctx, request{method: http.MethodGet, path: protocol.PathCheck, header: header, limit: wait + answerTimeout}, func(answer *http.Response) error {
		*got = checked{
			nextPoll: retryAfter(answer.Header.Get(protocol.HeaderNextPoll), time.Now()),
			waited:   strings.Contains(answer.Header.Get("Preference-Applied"), "wait"),
		}
		if answer.StatusCode == http.StatusNotModified && held != "" {
			return nil
		}
		if answer.StatusCode != http.StatusOK || !is(answer, protocol.TypeJSON) {
			return notOurs(answer)
		}
		offer := new(protocol.Offer)
		if err := decode(answer, offer); err != nil {
			return err
		}
		if offer.Release == "" || len(offer.Release) > maxRelease {
			return notOurs(answer)
		}
		if offer.Release != held {
			got.offer = offer
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	return got, nil
}

// fetched is a bundle or a delta as it came, not verified.
type fetched struct {
	mode protocol.Mode
	body []byte
}

// fetch gets a release, as a delta from another one where that is named and the
// server can. The mode is told also when the content is refused.
func (s *server) fetch(ctx context.Context, to, from string, allow allowance) (*fetched, error) {
	query := url.Values{"to": {to}}
	if from != "" {
		query.Set("from", from)
	}
	got := new(fetched)
	err := s.do(ctx, request{method: http.MethodGet, path: protocol.PathBundle, query: query, limit: 2 * silence, bulk: true}, func(answer *http.Response) (err error) {
		*got = fetched{}
		mode := protocol.Mode(answer.Header.Get(protocol.HeaderMode))
		if answer.StatusCode != http.StatusOK || !is(answer, protocol.TypeBundle) || mode != protocol.ModeFull && mode != protocol.ModeDelta {
			return notOurs(answer)
		}
		if release := answer.Header.Get(protocol.HeaderRelease); release != to {
			return fmt.Errorf("asked for release %s and got %s: %w", short(to), short(release), ErrNotOurs)
		}
		got.mode = mode
		if got.body, err = readBundle(answer, s.most, allow); err != nil {
			return fmt.Errorf("read %s bundle: %w", mode, err)
		}
		return nil
	})
	if err != nil {
		return got, fmt.Errorf("fetch: %w", err)
	}
	return got, nil
}

// acknowledge reports, in one go.
func (s *server) acknowledge(ctx context.Context, acks []protocol.Acknowledgement) error {
	err := s.do(ctx, request{method: http.MethodPost, path: protocol.PathAcknowledge, body: acks, limit: answerTimeout}, func(*http.Response) error { return nil })
	if err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	return nil
}
