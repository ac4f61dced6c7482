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
	out, err io.Writer // show control characters instead of obeying them
	raw      io.Writer // standard output as it is

	dir     string // --dir: where to look for the organisation
	state   string // --state: the server's state folder
	server  string // --server: a server's URL instead of the local socket
	json    bool   // --json: for scripts, where a command has it
	verbose bool   // --verbose: the log, on standard error
}

// run executes one command line and answers the exit code. An error is printed
// as an *error* line and, when it knows what to do next, a *hint* line.
func run(ctx context.Context, args []string, in io.Reader, out, err io.Writer) int {
	a := &app{in: in, out: plain{out}, err: plain{err}, raw: out}
	root := a.root()
	root.SetArgs(args)
	failure := root.ExecuteContext(ctx)
	if failure == nil {
		return exitOK
	}
	failure = misspelled(root, failure)
	if errors.Is(failure, context.Canceled) && ctx.Err() != nil {
		return exitOK // it was asked to end, and did
	}
	if errors.Is(failure, errReported) {
		return exitFailed
	}
	fmt.Fprintf(a.err, "error: %v\n", failure)
	if hint := hintOf(failure); hint != "" {
		fmt.Fprintf(a.err, "hint: %s\n", strings.ReplaceAll(hint, "\n", "\n      "))
	}
	var usage *usageError
	if errors.As(failure, &usage) {
		return exitUsage
	}
	var asked *exitError
	if errors.As(failure, &asked) {
		return asked.code
	}
	return exitFailed
}

// misspelled turns cobra's word on an unknown command into an error with a hint.
func misspelled(root *cobra.Command, err error) error {
	if !strings.HasPrefix(err.Error(), "unknown command") {
		return err
	}
	typed := strings.Split(err.Error(), `"`)
	if len(typed) < 2 {
		return &usageError{err: err, hint: "anvil help lists the commands"}
	}
	return unknownCommand(root, typed[1])
}

// withJSON gives a command the flag for scripts.
func (a *app) withJSON(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&a.json, "json", false, "print JSON for scripts")
	return cmd
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "anvil",
		Short:         "Prompts as files, versions as commits",
		Version:       version(),
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
	flags.BoolVar(&a.verbose, "verbose", false, "log everything to standard error, not only what went wrong")

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
	add("write", a.newCommand(), a.withJSON(a.checkCommand()), a.withJSON(a.testCommand()), a.withJSON(a.renderCommand()),
		a.withJSON(a.fmtCommand()), a.withJSON(a.graphCommand()), a.withJSON(a.renameCommand()))
	add("share", a.withJSON(a.exportCommand()), a.bundleCommand(), a.mergeFileCommand(), a.keysCommand())
	add("ship", a.withJSON(a.publishCommand()), a.releasesCommand(), a.tokensCommand(), a.withJSON(a.connectCommand()))
	add("run", a.initCommand(), a.watchCommand(), a.serveCommand(),
		a.withJSON(a.statusCommand()), a.withJSON(a.acceptCommand()), a.demoCommand(), a.withJSON(a.versionCommand()))
	root.SetHelpCommandGroupID("run")
	root.SetCompletionCommandGroupID("run")
	root.SetVersionTemplate("anvil {{.Version}}\n")
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "completion":
			group(c)
		case "help":
			c.Run, c.RunE = nil, func(_ *cobra.Command, args []string) error {
				about, _, err := root.Find(args)
				if err != nil {
					return err
				}
				return about.Help()
			}
		}
	}
	return root
}

// logger writes warnings and errors to standard error, with --verbose all.
// What people need to know of their saves is printed apart from it.
func (a *app) logger() *slog.Logger {
	level := slog.LevelWarn
	if a.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: level}))
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
