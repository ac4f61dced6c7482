package httpapi

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"github.com/anvilpeering/anvil/push"
)

// Defaults of [Options]. One token serves a fleet, which comes all at once when
// it is woken: the bursts let 15,000 clients check, fetch and acknowledge.
const (
	DefaultRate  = 2_000  // requests a second
	DefaultBurst = 60_000 // requests
	DefaultGrace = 10 * time.Second
)

// Options of a [Server].
type Options struct {
	// Push is the push server, nil where nothing is pushed (anvil watch).
	Push *push.Push
	// Status is the daemon's, as JSON; nil where there is no daemon.
	Status func() any
	// Accept says that a held file is right as it stands; nil where there is no
	// daemon.
	Accept func(path string) error
	// Ready reports whether the first scan's releases are recorded. nil: at once.
	Ready func() bool
	// Organisation, Version, Root (its folder) and Trust (the allowed_signers
	// line of the key that signs) are told in the status; Root on the socket
	// alone.
	Organisation, Version, Root, Trust string
	// URL is how clients reach the server, told in the status. "" is the first
	// TCP address that it listens on.
	URL string
	// TLS is for TCP listeners, nil for none.
	TLS *tls.Config
	// BehindProxy believes the X-Forwarded-For header of a proxy at a loopback,
	// link-local or private address, and leaves the look at Host to it.
	BehindProxy bool
	// Hosts are names that requests may use for this server beside addresses,
	// localhost and the machine's own name.
	Hosts []string
	// Rate and Burst bound the requests of one token, AddressRate and
	// AddressBurst those of one address before its token is looked at.
	Rate, AddressRate   float64 // a second
	Burst, AddressBurst int
	// Connections bounds the TCP connections of a listener at a time. 0: as many
	// as leave this process descriptors for its own files.
	Connections int
	// Grace is how long a stop waits for answers that are being sent.
	Grace time.Duration
	// Logger is told of errors and slow requests. nil: silent.
	Logger *slog.Logger
}

// Server answers on the addresses that it was told to listen on.
type Server struct {
	o       Options
	log     *slog.Logger
	handler *echo.Echo
	hosts   map[string]bool
	stop    chan struct{} // closed when parked polls are answered

	addresses *addressLimits
	tokens    *tokenLimits

	deaf, full, unknown sparing // lines of the log

	mu    sync.Mutex
	doors []door
}

// door is a listener and who may come in by it.
type door struct {
	net.Listener
	local bool
}

// New makes a server. It listens nowhere yet.
func New(o Options) *Server {
	o.Rate = cmp.Or(o.Rate, DefaultRate)
	o.Burst = cmp.Or(o.Burst, DefaultBurst)
	o.AddressRate = cmp.Or(o.AddressRate, DefaultRate)
	o.AddressBurst = cmp.Or(o.AddressBurst, DefaultBurst)
	o.Grace = cmp.Or(o.Grace, DefaultGrace)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		o:         o,
		log:       o.Logger,
		hosts:     map[string]bool{"localhost": true},
		stop:      make(chan struct{}),
		addresses: newAddressLimits(o.AddressRate, o.AddressBurst),
		tokens:    newTokenLimits(o.Rate, o.Burst),
	}
	if name, err := os.Hostname(); err == nil {
		s.hosts[strings.ToLower(name)] = true
	}
	for _, name := range o.Hosts {
		s.hosts[strings.ToLower(name)] = true
	}
	s.handler = s.routes()
	return s
}

// Listen opens a listener: on "tcp" every request needs a token, on "unix" the
// peer is the user of this process and needs none. It may be called for both,
// before Serve.
func (s *Server) Listen(network, addr string) (net.Addr, error) {
	d := door{local: network == "unix"}
	var err error
	switch network {
	case "tcp":
		if d.Listener, err = net.Listen(network, addr); err == nil {
			d.Listener = s.bounded(d.Listener, cmp.Or(s.o.Connections, maxConnections()))
			if s.o.TLS != nil {
				d.Listener = tls.NewListener(d.Listener, s.o.TLS)
			}
		}
	case "unix":
		if d.Listener, err = listenSocket(addr); err == nil {
			d.Listener = &entrance{Listener: d.Listener, s: s}
		}
	default:
		err = fmt.Errorf("unknown network %q", network)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doors = append(s.doors, d)
	return d.Addr(), nil
}

// URL is how clients reach the server, "" when it listens on no TCP address.
func (s *Server) URL() string {
	if s.o.URL != "" {
		return s.o.URL
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.doors {
		switch {
		case d.local:
		case s.o.TLS != nil:
			return "https://" + d.Addr().String()
		default:
			return "http://" + d.Addr().String()
		}
	}
	return ""
}

// Close closes listeners that Serve was never called for.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, d := range s.doors {
		if err := d.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

type localKey struct{}

// isLocal reports whether a request came through the socket.
func isLocal(r *http.Request) bool {
	local, _ := r.Context().Value(localKey{}).(bool)
	return local
}

// Serve answers until ctx ends. Then it takes no more connections, tells who
// is parked to come back later, waits for answers that are being sent, and
// returns nil. It is called once.
func (s *Server) Serve(ctx context.Context) error {
	s.mu.Lock()
	doors := s.doors
	s.mu.Unlock()
	if len(doors) == 0 {
		return errors.New("serve: no address to listen on")
	}
	serving, failed := errgroup.WithContext(ctx)
	servers := make([]*http.Server, len(doors))
	for i, d := range doors {
		servers[i] = s.server(d)
		serving.Go(func() error {
			if err := servers[i].Serve(d.Listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve %s: %w", d.Addr(), err)
			}
			return nil
		})
	}
	<-failed.Done()
	for _, server := range servers {
		server.SetKeepAlivesEnabled(false) // an answer ends its connection
	}
	close(s.stop)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.Grace)
	defer cancel()
	var stopping sync.WaitGroup
	for _, server := range servers {
		stopping.Go(func() {
			if err := server.Shutdown(grace); err != nil {
				s.log.Warn("connections cut", "error", err)
				server.Close()
			}
		})
	}
	stopping.Wait()
	return serving.Wait()
}

// server has no write timeout: each request sets its own.
func (s *Server) server(d door) *http.Server {
	return &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), localKey{}, d.local)
		},
		ConnContext: withGuest,
		ConnState:   watch,
	}
}
