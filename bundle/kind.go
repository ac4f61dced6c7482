package bundle

import "io"

// Kind is what an archive is, by the entries it has.
type Kind int

// The kinds of archives.
const (
	Plain Kind = iota
	Encrypted
	Delta
)

// KindOf says what a file is. That it is a good one of its kind is for [Open],
// [OpenEnvelope] and [ReadDelta] to say.
func KindOf(r io.ReaderAt, size int64) (Kind, error) {
	a, err := openArchive(r, size, Limits{}.effective())
	if err != nil {
		return 0, err
	}
	for i := range a.entries {
		switch a.entries[i].name {
		case envelopeFile:
			return Encrypted, nil
		case deltaFile:
			return Delta, nil
		}
	}
	return Plain, nil
}
