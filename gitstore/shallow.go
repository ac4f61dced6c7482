package gitstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// shallow is the file of that name as it was last read: the commits at which a
// shallow clone ends.
type shallow struct {
	mu      sync.Mutex
	info    fs.FileInfo
	commits map[Hash]bool
}

func (s *shallow) holds(commonDir string, h Hash) (bool, error) {
	path := filepath.Join(commonDir, "shallow")
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !sameStat(s.info, info) {
		raw, err := os.ReadFile(path)
		if err != nil {
			return false, err
		}
		commits := map[Hash]bool{}
		for line := range strings.FieldsSeq(string(raw)) {
			cut, err := ParseHash(line)
			if err != nil {
				return false, fmt.Errorf("damaged shallow: %w", err)
			}
			commits[cut] = true
		}
		s.info, s.commits = info, commits
	}
	return s.commits[h], nil
}
