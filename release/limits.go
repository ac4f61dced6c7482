package release

import (
	"errors"
	"fmt"
	"strings"

	"github.com/anvilpeering/anvil/bundle"
	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/prompt"
)

// What no reader of bundles would accept is refused before it is signed: a
// release that cannot be applied would look like an outage to every client.

// fixedEntries is how many entries a full bundle has beside the content.
const fixedEntries = 4

// checkPaths refuses names and sizes of SHA256SUMS that no reader would accept.
func checkPaths(c content) error {
	if n := len(c) + fixedEntries; n > bundle.MaxEntries {
		return fmt.Errorf("%d files are more than the %d that a bundle holds", len(c), bundle.MaxEntries-fixedEntries)
	}
	lines := make(map[string][32]byte, len(c))
	for _, f := range c {
		lines[f.path] = [32]byte{}
	}
	_, err := bundle.ParseSums(bundle.NewSums(lines).Bytes())
	return err
}

func checkFile(path string, size int64) error {
	if size > bundle.MaxFile {
		return &bundle.Error{
			Kind: bundle.ErrTooLarge, Rule: "file-size", Path: path,
			Message: fmt.Sprintf("%d bytes are more than the %d that a file may have", size, bundle.MaxFile),
		}
	}
	return nil
}

func checkTotal(bytes int64) error {
	// Names, headers and SHA256SUMS of the most files that there may be.
	const framing = 96 << 20
	if bytes > bundle.MaxTotal-framing {
		return fmt.Errorf("%d bytes in all are more than a bundle holds", bytes)
	}
	return nil
}

// unfit turns a refusal of the bundle format into the problem of a file.
func unfit(project string, rev gitstore.Hash, err error) error {
	p := prompt.Problem{Path: project, Line: 1, Col: 1, Level: prompt.Error, Rule: "bundle", Message: err.Error()}
	var refused *bundle.Error
	if errors.As(err, &refused) {
		if refused.Path != "" {
			p.Path = strings.TrimPrefix(refused.Path, contentPrefix)
		}
		p.Message, p.Hint = refused.Message, refused.Hint()
	}
	return &UnfitError{Project: project, Revision: rev, Problems: []prompt.Problem{p}}
}
