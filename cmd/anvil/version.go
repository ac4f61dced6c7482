package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// releaseVersion is set when a released binary is linked; otherwise the version comes
// from what the toolchain recorded.
var releaseVersion = ""

func version() string {
	if releaseVersion != "" {
		return releaseVersion
	}
	built, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	if v := built.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range built.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return "devel"
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  takes(0, 0),
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return json.NewEncoder(a.raw).Encode(map[string]string{
					"version": version(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
				})
			}
			_, err := fmt.Fprintf(a.out, "anvil %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
