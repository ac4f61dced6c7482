// Command anvil is Anvil's one binary: it watches a folder of prompts, checks
// and commits every save, serves signed releases to applications, and is the
// command line for all of it. This package is the command line and the wiring;
// whatever it knows how to do lives in the packages below.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
