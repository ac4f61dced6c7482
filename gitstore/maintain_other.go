//go:build !unix

package gitstore

import "os/exec"

func prepareNiced(*exec.Cmd) {}

func lowerPriority(int) {}
