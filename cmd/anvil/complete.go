package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// completeParts completes projects, sets and addresses.
func (a *app) completeParts(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	tree, err := a.treeAt("")
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	// One level at a time, as shells complete folders.
	level := strings.Count(typed, "/")
	var all []string
	for p := range tree.Prompts() {
		parts := strings.SplitAfterN(p.Address.String(), "/", 3)
		if word := strings.Join(parts[:min(level+1, 3)], ""); strings.HasPrefix(word, typed) && !slices.Contains(all, word) {
			all = append(all, word)
		}
	}
	directive := cobra.ShellCompDirectiveNoFileComp
	if level < 2 {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return all, directive
}

// completeAddress completes the first argument.
func (a *app) completeAddress(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeParts(cmd, args, typed)
}

// completeSets completes projects and sets: what is named does not exist yet.
func (a *app) completeSets(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || strings.Count(typed, "/") > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeParts(cmd, args, typed)
}
