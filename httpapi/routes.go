package httpapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/push"
)

const pathClients = "/api/v1/clients"

func (s *Server) routes() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.answerError
	e.IPExtractor = echo.ExtractIPDirect() // without one echo believes any X-Forwarded-For
	if s.o.BehindProxy {
		e.IPExtractor = echo.ExtractIPFromXFFHeader()
	}
	e.Use(s.guard)

	e.POST(protocol.PathRegister, s.follow(s.register))
	e.GET(protocol.PathCheck, s.follow(s.check))
	e.GET(protocol.PathBundle, s.follow(s.bundle))
	e.POST(protocol.PathAcknowledge, s.follow(s.acknowledge))

	e.GET("/api/v1/status", s.manage(push.RoleViewer, s.status))
	e.GET("/api/v1/channels", s.manage(push.RoleViewer, s.channels))
	e.GET(pathClients, s.manage(push.RoleViewer, s.clients))
	e.GET("/api/v1/releases", s.manage(push.RoleViewer, s.releases))
	e.POST("/api/v1/publish", s.manage(push.RolePublisher, s.publish))
	e.POST("/api/v1/accept", s.manage(push.RoleEditor, s.accept))
	e.GET("/api/v1/tokens", s.manage(push.RolePublisher, s.listTokens))
	e.POST("/api/v1/tokens", s.manage(push.RolePublisher, s.createToken))
	e.DELETE("/api/v1/tokens/:id", s.manage(push.RolePublisher, s.revokeToken))

	e.GET("/healthz", s.healthz)
	return e
}

// healthz says whether the server is ready, to anybody.
func (s *Server) healthz(c echo.Context) error {
	if s.o.Ready != nil && !s.o.Ready() {
		r := refuse(http.StatusServiceUnavailable, "starting", "not ready yet", "the first scan's releases are not recorded yet", "")
		r.retry = jittered(0)
		return r
	}
	return s.answer(c, http.StatusOK, map[string]string{"status": "ok", "version": s.o.Version})
}
