package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/push"
)

func isPoll(r *http.Request) bool { return r.URL.Path == protocol.PathCheck }

func (s *Server) register(c echo.Context, t push.Token) error {
	var r protocol.Registration
	if err := s.decode(c, &r); err != nil {
		return err
	}
	answer, created, err := s.o.Push.Register(c.Request().Context(), t, r)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return s.answer(c, status, answer)
}

func (s *Server) acknowledge(c echo.Context, t push.Token) error {
	body, err := read(c, maxBatch)
	if err != nil {
		return err
	}
	all, err := acknowledgements(body)
	if err != nil {
		return err
	}
	if err := s.o.Push.Acknowledge(c.Request().Context(), t, all); err != nil {
		return err
	}
	c.Response().Header()["Cache-Control"] = noStore
	return c.NoContent(http.StatusAccepted)
}

// Names of headers as net/http writes them, so that setting one costs no
// canonical form of it.
const (
	headerETag     = "Etag"
	headerApplied  = "Preference-Applied"
	headerNextPoll = protocol.HeaderNextPoll
)

func (s *Server) check(c echo.Context, t push.Token) error {
	r, h := c.Request(), c.Response().Header()
	q := push.CheckRequest{
		Client: r.Header.Get(protocol.HeaderClient),
		Held:   entityTag(r.Header.Get("If-None-Match")),
		Stop:   s.stop,
	}
	if wait, ok := preferredWait(r.Header["Prefer"]); ok {
		q.Wait = min(wait, protocol.WaitMax)
		if err := http.NewResponseController(c.Response()).SetWriteDeadline(time.Now().Add(q.Wait + answerTime)); err != nil {
			return err
		}
		h[headerApplied] = []string{"wait=" + strconv.Itoa(int(q.Wait/time.Second))}
	}
	a, err := s.o.Push.Check(r.Context(), t, q)
	if err != nil {
		return err
	}
	h["Cache-Control"] = noStore
	if !a.Stay() {
		h[headerETag] = a.ETag
		h["Content-Type"] = typeJSON
		c.Response().WriteHeader(http.StatusOK)
		_, err := c.Response().Write(a.Body)
		return err
	}
	if q.Held != "" {
		h[headerETag] = []string{`"` + q.Held + `"`}
	}
	if s.stopping() {
		// Not all at once, wherever they go next.
		h[headerNextPoll] = []string{strconv.Itoa(1 + rand.IntN(5))}
	}
	return c.NoContent(http.StatusNotModified)
}

func (s *Server) stopping() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

func (s *Server) bundle(c echo.Context, t push.Token) error {
	r := c.Request()
	query := r.URL.Query()
	d, err := s.o.Push.Bundle(r.Context(), t, push.BundleRequest{
		Client: r.Header.Get(protocol.HeaderClient), To: query.Get("to"), From: query.Get("from"),
	})
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Content-Type", protocol.TypeBundle)
	h.Set(headerETag, d.ETag)
	h.Set(protocol.HeaderRelease, d.To.ID.String())
	h.Set(protocol.HeaderRevision, d.To.Revision.String())
	h.Set(protocol.HeaderMode, d.Mode)
	if d.From != nil {
		h.Set(protocol.HeaderFrom, d.From.ID.String())
	}
	if d.Fallback != "" {
		h.Set(protocol.HeaderFallback, d.Fallback)
	}
	h.Set("Cache-Control", "private, no-cache")
	if d.Exact {
		h.Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	size := len(d.Body)
	take := answerTime + time.Duration(size/slowest)*time.Second
	if err := http.NewResponseController(c.Response()).SetWriteDeadline(time.Now().Add(take)); err != nil {
		return err
	}
	if !isPartial(r) {
		h.Set("Content-Length", strconv.Itoa(size))
		h.Set("Accept-Ranges", "bytes")
		c.Response().WriteHeader(http.StatusOK)
		_, err := c.Response().Write(d.Body)
		return err
	}
	w := &failing{ResponseWriter: c.Response()}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(d.Body))
	if w.status != 0 {
		return refuse(w.status, "range", http.StatusText(w.status), fmt.Sprintf("the bundle has %d bytes", size), "ask without a Range header")
	}
	return nil
}

// isPartial reports whether a request wants less than the whole, or nothing
// when it has it.
func isPartial(r *http.Request) bool {
	for _, name := range []string{"Range", "If-Range", "If-None-Match", "If-Match"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

// failing keeps the errors that net/http answers in plain text from being sent.
type failing struct {
	http.ResponseWriter
	status int // of the error, 0 for none
}

func (w *failing) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		w.status = status
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

var errNotSent = errors.New("an error is answered elsewhere")

func (w *failing) Write(b []byte) (int, error) {
	if w.status != 0 {
		return 0, errNotSent
	}
	return w.ResponseWriter.Write(b)
}
