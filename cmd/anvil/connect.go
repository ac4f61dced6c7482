package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/anvilpeering/anvil/httpapi"
	"github.com/anvilpeering/anvil/push"
	"github.com/spf13/cobra"
)

func (a *app) connectCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "connect PROJECT CHANNEL",
		Short: "Print what an application needs to follow a channel",
		Long: `Makes a client token and prints the environment that package client reads, for a
shell to take as it is, with the lines of Go that go with it as comments.`,
		Example: "  anvil connect support production --name checkout > ../checkout.env",
		Args:    takes(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.connect(cmd, args[0], args[1], name)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "what the token is called (default: PROJECT-CHANNEL)")
	return cmd
}

// connection is everything that an application needs.
type connection struct {
	URL     string `json:"url"`
	Token   string `json:"token"`
	ID      string `json:"token_id"`
	Project string `json:"project"`
	Channel string `json:"channel"`
	Trust   string `json:"trust"`
}

func (a *app) connect(cmd *cobra.Command, project, channel, name string) error {
	r, err := a.remote()
	if err != nil {
		return err
	}
	var s daemonStatus
	if err := r.call(cmd.Context(), http.MethodGet, "/api/v1/status", nil, &s); err != nil {
		return err
	}
	if s.Trust == "" {
		return fail("start a server: anvil serve", "anvil watch is running here, and serves no applications")
	}
	address := s.URL
	if r.token != "" {
		address = r.base // as this machine reaches it
	}
	if u, err := url.Parse(address); err == nil && net.ParseIP(u.Hostname()).IsUnspecified() {
		return fail("tell the server how clients reach it: anvil serve --url https://anvil.example.com", "%s is no address that a client can use", address)
	}
	offers, err := s.offers(project, channel)
	if err != nil {
		return err
	}
	if !offers {
		fmt.Fprintf(a.err, "note: %s/%s offers nothing yet: anvil publish %s %s\n", project, channel, project, channel)
	}
	if name == "" {
		name = project + "-" + channel
	}
	var made httpapi.NewToken
	n := push.NewToken{Name: name, Role: push.RoleClient, Project: project, Channel: channel}
	if err := r.call(cmd.Context(), http.MethodPost, "/api/v1/tokens", n, &made); err != nil {
		return err
	}
	c := connection{URL: address, Token: made.Secret, ID: made.ID, Project: project, Channel: channel, Trust: s.Trust}
	if a.json {
		return json.NewEncoder(a.raw).Encode(c)
	}
	fmt.Fprintf(a.out, "# the environment of %s; the token is shown this once\n", name)
	for _, v := range [][2]string{
		{"ANVIL_URL", c.URL}, {"ANVIL_TOKEN", c.Token}, {"ANVIL_PROJECT", c.Project}, {"ANVIL_CHANNEL", c.Channel}, {"ANVIL_TRUST", c.Trust},
	} {
		fmt.Fprintf(a.out, "export %s=%s\n", v[0], quoted(v[1]))
	}
	fmt.Fprintf(a.out, `
# in Go:
#	prompts, err := client.Open(ctx, client.Options{})
#	out, err := prompts.Render("%s/SET/PROMPT", client.Args{"name": "value"})
`, project)
	return nil
}

// quoted makes a text one word of a shell, whatever is in it.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// offers reports whether a channel offers something, and refuses a project that
// the server does not know.
func (s daemonStatus) offers(project, channel string) (bool, error) {
	known := map[string]bool{}
	for _, c := range s.Channels {
		known[c.Project] = true
		if c.Project == project && c.Channel == channel && c.Head != nil {
			return true, nil
		}
	}
	for _, w := range s.Waiting {
		known[w.Project] = true
	}
	if !known[project] {
		names := strings.Join(slices.Sorted(maps.Keys(known)), ", ")
		return false, fail("projects: "+names, "there is no project %s", project)
	}
	return false, nil
}
