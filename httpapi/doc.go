// Package httpapi is the doors of a server: the push endpoints that clients
// use, the management API, and who may come in by which.
//
// # Doors
//
// A TCP listener asks every request for a bearer token, on loopback too, and
// looks at the Host header, so that no page in a browser reaches it under a
// name of its own. A Unix socket lies in a folder that only its user can enter;
// who can open it is that user, and may do everything without a token.
//
// # Requests
//
// Before its token is looked at a request has passed the limit of its address;
// after, that of its token. Headers, bodies and times are bounded, each request
// by deadlines of its own, because a poll is meant to be long. Every error is a
// problem document (RFC 9457): see [protocol.Problem].
//
// # Routes
//
//	POST   /api/v1/push/register      client      protocol says what they do
//	GET    /api/v1/push/check         client
//	GET    /api/v1/push/bundle        client
//	POST   /api/v1/push/acknowledge   client
//	GET    /api/v1/status             viewer      [Status]
//	GET    /api/v1/channels           viewer      [push.ChannelStatus]
//	GET    /api/v1/clients            viewer      [push.Client]
//	GET    /api/v1/releases           viewer      ?project=&channel=&limit= → [release.Release], newest first
//	POST   /api/v1/publish            publisher   push.PublishRequest → release.Release, or 409 [Breaking]
//	POST   /api/v1/accept             editor      {"path"} → 204
//	GET    /api/v1/tokens             publisher   [push.Token]
//	POST   /api/v1/tokens             publisher   push.NewToken → 201 [NewToken]
//	DELETE /api/v1/tokens/:id         publisher   → 204
//	GET    /healthz                   anybody     200 when ready, 503 before
//
// A token sees and changes what its project and channel cover. Publishers make
// and revoke client tokens, admins all.
//
// Only this package knows echo.
package httpapi
