//go:build !linux

package daemon

func remote(string) string { return "" }
