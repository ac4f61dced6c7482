package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// errReported ends a command whose findings are already printed: exit 1, no
// error line.
var errReported = errors.New("reported")

// hinted is an error that says what to do next.
type hinted struct {
	err  error
	hint string
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }
func (h *hinted) Hint() string  { return h.hint }

// fail builds an error with a hint.
func fail(hint, format string, args ...any) error {
	return &hinted{err: fmt.Errorf(format, args...), hint: hint}
}

// usageError is a wrong command line: exit 2.
type usageError struct {
	err  error
	hint string
}

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }
func (u *usageError) Hint() string  { return u.hint }

// exitError ends a command with a code that another program asks for.
type exitError struct {
	err  error
	code int
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// hintOf finds the outermost advice in an error's chain.
func hintOf(err error) string {
	var advice interface{ Hint() string }
	if errors.As(err, &advice) {
		return advice.Hint()
	}
	return ""
}

// takes demands between least and most arguments, named as in the usage line.
func takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= most {
			return nil
		}
		problem := "too many arguments"
		if len(args) < least {
			problem = "an argument is missing"
		}
		return &usageError{err: errors.New(problem), hint: "usage: " + cmd.UseLine()}
	}
}

// group makes a command of commands: alone it shows them, and a word that is
// none of them is a wrong command line.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return unknownCommand(cmd, args[0])
	}
	return cmd
}

// unknownCommand names the nearest command there is.
func unknownCommand(parent *cobra.Command, typed string) error {
	hint := parent.CommandPath() + " --help lists the commands"
	parent.SuggestionsMinimumDistance = 2
	if near := parent.SuggestionsFor(typed); len(near) > 0 {
		hint = "did you mean " + parent.CommandPath() + " " + near[0] + "? " + hint
	}
	return &usageError{err: fmt.Errorf("unknown command %q for %q", typed, parent.CommandPath()), hint: hint}
}
