package main

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/anvilpeering/anvil/push"
	"github.com/spf13/cobra"
)

func (a *app) connectCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "connect PROJECT CHANNEL",
		Short: "Print what an application needs to follow a channel",
		Long: `Makes a client token and prints the environment that package client reads, with
the few lines of Go that go with it. The token is shown this once.`,
		Example: "  anvil connect support production --name checkout",
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
	if name == "" {
		name = project + "-" + channel
	}
	var made madeToken
	n := push.NewToken{Name: name, Role: push.RoleClient, Project: project, Channel: channel}
	if err := r.call(cmd.Context(), http.MethodPost, "/api/v1/tokens", n, &made); err != nil {
		return err
	}
	c := connection{URL: s.URL, Token: made.Secret, ID: made.ID, Project: project, Channel: channel, Trust: s.Trust}
	if r.token != "" {
		c.URL = r.base // as this machine reaches it
	}
	if a.json {
		return json.NewEncoder(a.out).Encode(c)
	}
	fmt.Fprintf(a.out, `# the environment of %s
export ANVIL_URL='%s'
export ANVIL_TOKEN='%s'
export ANVIL_PROJECT='%s'
export ANVIL_CHANNEL='%s'
export ANVIL_TRUST='%s'

// in Go: go get github.com/anvilpeering/anvil/client
prompts, err := client.Open(ctx, client.Options{})
if err != nil {
	return err
}
defer prompts.Close()
out, err := prompts.Render("%s/SET/PROMPT", client.Args{"name": "value"})
`, name, c.URL, c.Token, c.Project, c.Channel, c.Trust, project)
	return nil
}
