//go:build unix

package bundle

import (
	"errors"
	"io/fs"
	"os"
)

func exposed(stat fs.FileInfo) bool { return stat.Mode().Perm()&0o077 != 0 }

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
