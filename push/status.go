package push

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/anvilpeering/anvil/protocol"
	"github.com/anvilpeering/anvil/release"
)

// Health is how a client is doing.
type Health string

// The healths of a client, worst first.
const (
	HealthSilent  Health = "silent"  // has missed three polls
	HealthFailing Health = "failing" // could not take what is on offer
	HealthBehind  Health = "behind"  // holds something else than what is on offer
	HealthCurrent Health = "current"
)

// Client is a registered client as others see it.
type Client struct {
	ID        string            `json:"id"`
	Token     string            `json:"token"`
	Project   string            `json:"project"`
	Channel   string            `json:"channel"`
	App       string            `json:"app,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	Ephemeral bool              `json:"ephemeral,omitempty"`
	FirstSeen time.Time         `json:"first_seen"`
	LastSeen  time.Time         `json:"last_seen"`
	Held      *protocol.Held    `json:"held"` // null for nothing
	Health    Health            `json:"health"`
	Report    *Report           `json:"report,omitempty"`
}

// Report is the last thing that a client said of a release.
type Report struct {
	State   protocol.State `json:"state"`
	Release string         `json:"release"`
	Code    protocol.Code  `json:"code,omitempty"`
	Message string         `json:"message,omitempty"`
	At      time.Time      `json:"at"`
}

// Clients returns the registered clients, sorted by project, channel and id.
func (p *Push) Clients() []Client {
	clients, _, _ := p.FindClients(ClientQuery{}) // all of them is no wrong question
	return clients
}

// Cursor names the place of a client in the order of [Push.Clients].
func (c Client) Cursor() string {
	return strings.Join([]string{c.Project, c.Channel, c.ID, c.Token}, "/")
}

// ClientQuery asks for some of the registered clients.
type ClientQuery struct {
	Scope Token  // of what it covers; the zero Token covers all
	After string // what follows this cursor, "" for the first
	Limit int    // so many at most, 0 for all
}

// FindClients returns the registered clients that q asks for, in the order of
// [Push.Clients], and whether there are more.
func (p *Push) FindClients(q ClientQuery) (clients []Client, more bool, err error) {
	after := strings.Split(q.After, "/")
	if q.After != "" && len(after) != 4 {
		return nil, false, invalid("take it from the answer before", "%.300q is no place in the list of clients", q.After)
	}
	type place struct {
		at [4]string
		c  *client
	}
	var all []place
	for _, c := range p.clients.all() {
		a := c.about.Load()
		at := place{[4]string{a.Project, a.Channel, a.ID, a.Token}, c}
		if q.Scope.Covers(a.Project, a.Channel) && (q.After == "" || slices.Compare(at.at[:], after) > 0) {
			all = append(all, at)
		}
	}
	slices.SortFunc(all, func(a, b place) int { return slices.Compare(a.at[:], b.at[:]) })
	if more = q.Limit > 0 && len(all) > q.Limit; more {
		all = all[:q.Limit]
	}
	clients = make([]Client, len(all))
	for i, at := range all {
		clients[i] = p.clientOf(at.c)
	}
	return clients, more, nil
}

func (p *Push) clientOf(c *client) Client {
	a, held, report := c.about.Load(), c.held.Load(), c.report.Load()
	out := Client{
		ID: a.ID, Token: a.Token, Project: a.Project, Channel: a.Channel, App: a.App, Labels: a.Labels,
		Ephemeral: a.Ephemeral, FirstSeen: a.FirstSeen, LastSeen: moment(c.seen.Load()),
		Health: p.health(c),
	}
	if held.Release != "" {
		out.Held = &protocol.Held{Release: held.Release, Revision: held.Revision, Sequence: held.Sequence}
	}
	if report.State != "" {
		out.Report = &Report{
			State: protocol.State(report.State), Release: report.Release,
			Code: protocol.Code(report.Code), Message: report.Message, At: report.At,
		}
	}
	return out
}

func (p *Push) health(c *client) Health {
	a, held, report := c.about.Load(), c.held.Load(), c.report.Load()
	g := p.lines.get(a.Project, a.Channel).now.Load()
	silent := 3 * time.Duration(max(p.o.Poll.Max, p.o.Poll.WaitMax)) * time.Second
	switch {
	case p.now().Sub(moment(c.seen.Load())) > silent:
		return HealthSilent
	case g.release == nil && held.Release != "":
		return HealthBehind // it holds what the channel no longer knows
	case g.release == nil || held.Release == g.id:
		return HealthCurrent
	case report.State == string(protocol.StateFailed) && report.Release == g.id:
		return HealthFailing
	}
	return HealthBehind
}

// ChannelStatus is what a channel offers, and how its clients are doing.
type ChannelStatus struct {
	Project string           `json:"project"`
	Channel string           `json:"channel"`
	Head    *release.Release `json:"head"`              // null: nothing yet
	Damaged string           `json:"damaged,omitempty"` // why what it offers cannot be read
	Hint    string           `json:"hint,omitempty"`    // the way out of that
	Clients int              `json:"clients"`
	Current int              `json:"current"`
	Behind  int              `json:"behind"` // all that are neither current nor failing nor silent
	Failing int              `json:"failing"`
	Silent  int              `json:"silent"`
	Failure *Failure         `json:"failure,omitempty"` // the newest of the failing
}

// Failure is why a client could not take what is on offer, in its own words.
type Failure struct {
	Client  string        `json:"client"`
	Code    protocol.Code `json:"code,omitempty"`
	Message string        `json:"message,omitempty"`
	At      time.Time     `json:"at"`
}

// Channels returns every channel that offers something or is followed by a
// client, sorted by project and channel.
func (p *Push) Channels() []ChannelStatus {
	byName := map[[2]string]*ChannelStatus{}
	at := func(project, channel string) *ChannelStatus {
		name := [2]string{project, channel}
		if byName[name] == nil {
			byName[name] = &ChannelStatus{Project: project, Channel: channel}
		}
		return byName[name]
	}
	for _, head := range p.log.Heads() {
		at(head.Project, head.Channel).Head = head
	}
	for _, damage := range p.log.Damaged() {
		s := at(damage.Project, damage.Channel)
		s.Damaged, s.Hint = damage.Error(), damage.Hint()
	}
	for _, c := range p.clients.all() {
		about := c.about.Load()
		s := at(about.Project, about.Channel)
		s.Clients++
		switch p.health(c) {
		case HealthCurrent:
			s.Current++
		case HealthFailing:
			s.Failing++
			if r := c.report.Load(); s.Failure == nil || r.At.After(s.Failure.At) {
				s.Failure = &Failure{Client: about.ID, Code: protocol.Code(r.Code), Message: r.Message, At: r.At}
			}
		case HealthSilent:
			s.Silent++
		case HealthBehind:
			s.Behind++
		}
	}
	all := make([]ChannelStatus, 0, len(byName))
	for _, s := range byName {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b ChannelStatus) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Channel, b.Channel))
	})
	return all
}

// Parked returns how many polls wait for the next release of a channel.
func (p *Push) Parked(project, channel string) int {
	return int(p.lines.get(project, channel).parked.Load())
}
