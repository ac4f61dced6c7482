package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/anvilpeering/anvil/protocol"
)

// read reads a JSON body of at most so many bytes.
func read(c echo.Context, most int64) ([]byte, error) {
	r := c.Request()
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != protocol.TypeJSON {
		return nil, refuse(http.StatusUnsupportedMediaType, "media-type", "not JSON", "the Content-Type must be "+protocol.TypeJSON, "")
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, most))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, refuse(http.StatusRequestEntityTooLarge, "too-large", "body too large", tooLarge.Error(), "")
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "body", "body not received", err.Error(), "")
	}
	return body, nil // the guard's deadline ended with the body: net/http sees to that
}

// decode reads what another version of Anvil may have sent: fields that are not
// known here are passed over.
func decode(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return refuse(http.StatusBadRequest, "json", "invalid JSON", err.Error(), "")
	}
	return nil
}

func (s *Server) decode(c echo.Context, into any) error {
	body, err := read(c, maxBody)
	if err != nil {
		return err
	}
	return decode(body, into)
}

// acknowledgements decodes one or an array of them.
func acknowledgements(body []byte) ([]protocol.Acknowledgement, error) {
	for _, b := range body {
		switch b {
		case ' ', '\t', '\r', '\n':
			continue
		case '[':
			var all []protocol.Acknowledgement
			return all, decode(body, &all)
		}
		break
	}
	var one protocol.Acknowledgement
	if err := decode(body, &one); err != nil {
		return nil, err
	}
	return []protocol.Acknowledgement{one}, nil
}

// answer sends JSON.
func (s *Server) answer(c echo.Context, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h["Content-Type"] = typeJSON
	h["Cache-Control"] = noStore
	c.Response().WriteHeader(status)
	_, err = c.Response().Write(body)
	return err
}

var (
	typeJSON = []string{protocol.TypeJSON}
	noStore  = []string{"no-store"}
)
