package bundle

// Limits bound what is read. A zero field, or one above the default, means the
// default: limits can be lowered, not raised.
type Limits struct {
	Entries int   // entries of an archive; default 60,000
	File    int64 // bytes of one content file; default 1 MiB
	Sums    int64 // bytes of SHA256SUMS and of delta.json; default 16 MiB
	Total   int64 // bytes of the archive, and of all that is in it; default 1 GiB
	Ratio   int64 // times that an entry may grow when decompressed; default 100
}

// The default limits, which are also those of the format.
const (
	MaxEntries  = 60_000
	MaxFile     = 1 << 20
	MaxSums     = 16 << 20
	MaxTotal    = 1 << 30
	MaxRatio    = 100
	MaxManifest = 64 << 10 // also of envelope.json

	maxSignature = 4 << 10
)

func (l Limits) effective() Limits {
	return Limits{
		Entries: int(lower(int64(l.Entries), MaxEntries)),
		File:    lower(l.File, MaxFile),
		Sums:    lower(l.Sums, MaxSums),
		Total:   lower(l.Total, MaxTotal),
		Ratio:   lower(l.Ratio, MaxRatio),
	}
}

func lower(asked, most int64) int64 {
	if asked <= 0 || asked > most {
		return most
	}
	return asked
}
