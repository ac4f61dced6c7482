package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/anvilpeering/anvil/httpapi"
	"github.com/anvilpeering/anvil/push"
	"github.com/anvilpeering/anvil/release"
	"github.com/spf13/cobra"
)

func (a *app) publishCommand() *cobra.Command {
	var to string
	var breaking bool
	cmd := &cobra.Command{
		Use:   "publish PROJECT CHANNEL",
		Short: "Make a channel offer what draft holds",
		Long: `Moves a channel to what the project's draft channel holds now, or to an older
release or revision of it. Clients of the channel take it within a second.

What applications of the channel could not go on with (a prompt or a parameter
that is gone or takes less: the rule breaking in docs/rules.md) is refused, unless
--breaking says that they can. Going back to what the channel offered before is
never refused.`,
		Example: "  anvil publish support production\n  anvil publish support production --to 3f2a91c\n  anvil publish support production --breaking",
		Args:    takes(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.remote()
			if err != nil {
				return err
			}
			var before []push.ChannelStatus
			if err := r.call(cmd.Context(), http.MethodGet, "/api/v1/channels", nil, &before); err != nil {
				return err
			}
			var published release.Release
			request := push.PublishRequest{Project: args[0], Channel: args[1], To: to, Breaking: breaking}
			if err := r.call(cmd.Context(), http.MethodPost, "/api/v1/publish", request, &published); err != nil {
				a.printBreaks(err)
				return err
			}
			if a.json {
				return json.NewEncoder(a.raw).Encode(&published)
			}
			fmt.Fprintf(a.out, "%s/%s offers revision %s (%s, release %s)%s\n",
				published.Project, published.Channel, published.Revision.Short(), count(published.Files, "file"), published.ID.Short(),
				firstOffer(before, published))
			return nil
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "a release or a revision of draft, or of the channel's own past (default: the newest draft)")
	cmd.Flags().BoolVar(&breaking, "breaking", false, "publish though applications of the channel may not go on with it")
	return cmd
}

// firstOffer says of a channel that offered nothing before that it is new, and
// which others the project has: its name may be a slip of the hand.
func firstOffer(before []push.ChannelStatus, r release.Release) string {
	var others []string
	for _, c := range before {
		switch {
		case c.Project != r.Project || c.Head == nil:
		case c.Channel == r.Channel:
			return ""
		case c.Channel != release.Draft:
			others = append(others, c.Channel)
		}
	}
	if len(others) == 0 {
		return " (a new channel)"
	}
	return fmt.Sprintf(" (a new channel, beside %s)", strings.Join(others, ", "))
}

// printBreaks lists what a refused publish would break, where the error names
// only the first.
func (a *app) printBreaks(err error) {
	refused, ok := errors.AsType[*httpapi.Breaking](err)
	if !ok || len(refused.Breaks) == 1 {
		return
	}
	const most = 50
	for i, b := range refused.Breaks {
		if i == most {
			fmt.Fprintf(a.err, "  … and %d more\n", len(refused.Breaks)-most)
			break
		}
		fmt.Fprintf(a.err, "  %s\n", b)
	}
}

func (a *app) releasesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "releases",
		Short: "List what each channel offers, and offered before",
	}
	var limit int
	list := &cobra.Command{
		Use:     "list [PROJECT CHANNEL]",
		Short:   "List every channel's offer, or the releases of one, newest first",
		Example: "  anvil releases list\n  anvil releases list support production",
		Args:    takes(0, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return &usageError{err: fmt.Errorf("which channel of %s?", args[0]), hint: "anvil releases list " + args[0] + " draft"}
			}
			r, err := a.remote()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return a.listChannels(cmd, r)
			}
			query := url.Values{"project": {args[0]}, "channel": {args[1]}, "limit": {strconv.Itoa(limit)}}
			var releases []release.Release
			if err := r.call(cmd.Context(), http.MethodGet, "/api/v1/releases?"+query.Encode(), nil, &releases); err != nil {
				return err
			}
			if a.json {
				return json.NewEncoder(a.raw).Encode(releases)
			}
			return a.table([]string{"RELEASE", "REVISION", "CREATED", "FILES", "REASON"}, func(row func(...any)) {
				for _, r := range releases {
					row(r.ID.Short(), r.Revision.Short(), stamp(r.Created), r.Files, r.Reason)
				}
			})
		},
	}
	list.Flags().IntVar(&limit, "limit", 20, "how many")
	cmd.AddCommand(a.withJSON(list))
	return group(cmd)
}

func (a *app) listChannels(cmd *cobra.Command, r *remote) error {
	var channels []push.ChannelStatus
	if err := r.call(cmd.Context(), http.MethodGet, "/api/v1/channels", nil, &channels); err != nil {
		return err
	}
	if a.json {
		return json.NewEncoder(a.raw).Encode(channels)
	}
	return a.table([]string{"PROJECT", "CHANNEL", "REVISION", "CREATED", "CLIENTS", "CURRENT"}, func(row func(...any)) {
		for _, c := range channels {
			revision, created := "nothing yet", ""
			if c.Head != nil {
				revision, created = c.Head.Revision.Short(), stamp(c.Head.Created)
			}
			row(c.Project, c.Channel, revision, created, c.Clients, c.Current)
		}
	})
}

func (a *app) tokensCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tokens",
		Short: "Make, list and revoke tokens",
	}
	cmd.AddCommand(a.withJSON(a.tokensCreateCommand()), a.withJSON(a.tokensListCommand()), a.withJSON(a.tokensRevokeCommand()))
	return group(cmd)
}

func (a *app) tokensCreateCommand() *cobra.Command {
	var n push.NewToken
	var role string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token; its secret is shown once",
		Long: `Makes a token. A client token follows exactly one channel of one project; the
other roles are viewer, editor, publisher and admin, each with what the one
before it may.`,
		Example: "  anvil tokens create checkout --role client --project support --channel production",
		Args:    takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.remote()
			if err != nil {
				return err
			}
			n.Name, n.Role = args[0], push.Role(role)
			var made httpapi.NewToken
			if err := r.call(cmd.Context(), http.MethodPost, "/api/v1/tokens", n, &made); err != nil {
				return err
			}
			if a.json {
				return json.NewEncoder(a.raw).Encode(made)
			}
			fmt.Fprintln(a.out, made.Secret)
			return nil
		},
	}
	cmd.Flags().StringVar(&role, "role", string(push.RoleClient), "client, viewer, editor, publisher or admin")
	cmd.Flags().StringVar(&n.Project, "project", "", "the project it is for (others than clients: default all)")
	cmd.Flags().StringVar(&n.Channel, "channel", "", "the channel it is for (others than clients: default all)")
	return cmd
}

func (a *app) tokensListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List tokens, without their secrets",
		Args:  takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.remote()
			if err != nil {
				return err
			}
			var tokens []push.Token
			if err := r.call(cmd.Context(), http.MethodGet, "/api/v1/tokens", nil, &tokens); err != nil {
				return err
			}
			if a.json {
				return json.NewEncoder(a.raw).Encode(tokens)
			}
			return a.table([]string{"ID", "NAME", "ROLE", "PROJECT", "CHANNEL", "LAST USED", "STATE"}, func(row func(...any)) {
				for _, t := range tokens {
					state := "valid"
					if !t.Revoked.IsZero() {
						state = "revoked"
					}
					row(t.ID, t.Name, t.Role, all(t.Project), all(t.Channel), stamp(t.LastUsed), state)
				}
			})
		},
	}
}

func (a *app) tokensRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke ID",
		Short:   "Refuse a token from now on",
		Example: "  anvil tokens revoke 4Kd0aPz1x",
		Args:    takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.remote()
			if err != nil {
				return err
			}
			if err := r.call(cmd.Context(), http.MethodDelete, "/api/v1/tokens/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return err
			}
			if a.json {
				return json.NewEncoder(a.raw).Encode(map[string]string{"revoked": args[0]})
			}
			fmt.Fprintf(a.out, "revoked %s\n", args[0])
			return nil
		},
	}
}

// table prints rows under a head, in columns.
func (a *app) table(head []string, rows func(row func(...any))) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	write := func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, c)
		}
		fmt.Fprintln(w)
	}
	titles := make([]any, len(head))
	for i, h := range head {
		titles[i] = h
	}
	write(titles...)
	rows(write)
	return w.Flush()
}

// stamp writes a time for people, and nothing for no time.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// all names an empty scope.
func all(scope string) string {
	if scope == "" {
		return "all"
	}
	return scope
}
