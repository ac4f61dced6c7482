package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Exit codes, as `anvil help` says them.
const (
	exitOK     = 0
	exitFailed = 1 // what was asked for did not happen, or problems were found
	exitUsage  = 2 // the command line itself is wrong
)

const about = `Anvil keeps prompts for language models as YAML files in git.

Authors edit in their own editor: every save is checked and committed.
Applications follow a project and always hold a signed, verified revision.

  anvil demo                      see it work, in a folder of its own
  anvil init && anvil watch       begin with a folder of yours
  anvil serve                     and serve it to applications

Exit codes: 0 done · 1 failed, or problems were found · 2 wrong command line.`

// app is what the commands share: the streams and the flags that mean the same
// everywhere.
type app struct {
	in       io.Reader
	out, err io.Writer

	dir     string // --dir: where to look for the organisation
	state   string // --state: the server's state folder
	server  string // --server: a server's URL instead of the local socket
	json    bool   // --json: for scripts
	verbose bool   // --verbose: the log, on standard error
}

// run executes one command line and answers the exit code. An error is printed
// as an *error* line and, when it knows what to do next, a *hint* line.
func run(ctx context.Context, args []string, in io.Reader, out, err io.Writer) int {
	a := &app{in: in, out: out, err: err}
	root := a.root()
	root.SetArgs(args)
	failure := root.ExecuteContext(ctx)
	if failure == nil {
		return exitOK
	}
	failure = misspelled(root, failure)
	if errors.Is(failure, errReported) {
		return exitFailed
	}
	fmt.Fprintf(err, "error: %v\n", failure)
	if hint := hintOf(failure); hint != "" {
		fmt.Fprintf(err, "hint: %s\n", strings.ReplaceAll(hint, "\n", "\n      "))
	}
	var usage *usageError
	if errors.As(failure, &usage) {
		return exitUsage
	}
	return exitFailed
}

// misspelled turns cobra's word on an unknown command into an error with a hint.
func misspelled(root *cobra.Command, err error) error {
	if !strings.HasPrefix(err.Error(), "unknown command") {
		return err
	}
	hint := "anvil help lists the commands"
	if typed := strings.Split(err.Error(), `"`); len(typed) > 1 {
		if near := root.SuggestionsFor(typed[1]); len(near) > 0 {
			hint = "did you mean anvil " + near[0] + "? " + hint
		}
	}
	return &usageError{err: err, hint: hint}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "anvil",
		Short:         "Prompts as files, versions as commits",
		Long:          about,
		SilenceErrors: true,
		SilenceUsage:  true,

		DisableSuggestions:         true, // misspelled makes a hint of them
		SuggestionsMinimumDistance: 2,
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{err: err, hint: cmd.CommandPath() + " --help shows the flags"}
	})
	flags := root.PersistentFlags()
	flags.StringVar(&a.dir, "dir", ".", "the organisation's folder, or one inside it")
	flags.StringVar(&a.state, "state", "", "the server's state folder (default below $XDG_STATE_HOME/anvil)")
	flags.StringVar(&a.server, "server", "", "a server's URL instead of the local daemon (with ANVIL_TOKEN)")
	flags.BoolVar(&a.json, "json", false, "print JSON for scripts")
	flags.BoolVar(&a.verbose, "verbose", false, "log to standard error")

	root.AddGroup(
		&cobra.Group{ID: "write", Title: "Write:"},
		&cobra.Group{ID: "share", Title: "Share:"},
		&cobra.Group{ID: "ship", Title: "Ship:"},
		&cobra.Group{ID: "run", Title: "Run:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("write", a.newCommand(), a.checkCommand(), a.renderCommand())
	add("share", a.keysCommand())
	add("ship", a.publishCommand(), a.releasesCommand(), a.tokensCommand(), a.connectCommand())
	add("run", a.initCommand(), a.watchCommand(), a.serveCommand(), a.statusCommand(), a.acceptCommand(), a.demoCommand(), a.versionCommand())
	root.SetHelpCommandGroupID("run")
	root.SetCompletionCommandGroupID("run")
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			group(c)
		}
	}
	return root
}

// logger is silent unless --verbose: what people need to know is printed, the
// log is for those who look closer.
func (a *app) logger() *slog.Logger {
	if !a.verbose {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// twins gives every flag of a command its ANVIL_* twin: --behind-proxy is
// ANVIL_BEHIND_PROXY. The command line wins.
func twins(cmd *cobra.Command) error {
	var failure error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := "ANVIL_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, set := os.LookupEnv(name)
		if !set || f.Changed || failure != nil {
			return
		}
		if err := cmd.Flags().Set(f.Name, value); err != nil {
			failure = &usageError{err: fmt.Errorf("%s: %w", name, err)}
		}
	})
	return failure
}
