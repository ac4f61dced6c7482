package bundle

import (
	"encoding/hex"
	"io"
)

const (
	signatureFile = "manifest.json.sig"
	sumsFile      = "SHA256SUMS"
	readMeFile    = "README.txt"
)

// Read reads and verifies a full bundle. r is read by several goroutines at once.
func Read(r io.ReaderAt, size int64, e Expect) (*Bundle, error) {
	limits := e.Limits.effective()
	a, err := openArchive(r, size, limits)
	if err != nil {
		return nil, err
	}
	head, at, err := a.head(e.Unverified, sumsFile, readMeFile)
	if err != nil {
		return nil, err
	}
	one := reader{a: a}
	known, err := e.authenticate(head[manifestFile], head[signatureFile])
	if err != nil {
		return nil, err
	}
	raw, err := one.read(at)
	if err != nil {
		return nil, err
	}
	sums, err := ParseSums(raw)
	if err != nil {
		return nil, err
	}
	if err := known.root(sums); err != nil {
		return nil, err
	}
	readMe, err := one.read(at + 1)
	if err != nil {
		return nil, err
	}
	if string(readMe) != ReadMe {
		return nil, refuse(ErrFormat, "readme", readMeFile, "it is not the text of this format version")
	}
	order := sums.order()
	at += 2
	if err := a.names(at, len(order), func(i int) string { return sums.lines[order[i]].path }); err != nil {
		return nil, err
	}
	files := make([][]byte, len(order))
	err = parallel(len(order), func() func(int) error {
		r := reader{a: a}
		return func(i int) (err error) {
			files[i], err = r.read(at + i)
			return err
		}
	})
	if err != nil {
		return nil, err
	}
	content := make(map[string][]byte, len(order))
	for i, line := range order {
		content[sums.lines[line].path] = files[i]
	}
	return known.complete(sums, content, limits)
}

// head reads manifest and signature and returns the index of the first entry
// after them. The names of the entries that must follow are checked, too.
// Without a signature it goes on only when nobody asks for one.
func (a *archive) head(unsigned bool, then ...string) (map[string][]byte, int, error) {
	read := map[string][]byte{}
	one := reader{a: a}
	at := 0
	for _, name := range append([]string{manifestFile, signatureFile}, then...) {
		there := at < len(a.entries) && a.entries[at].name == name
		if !there && name == signatureFile {
			if unsigned {
				continue
			}
			return nil, 0, refuse(ErrUnsigned, "signature", signatureFile, "there is no signature")
		}
		if !there {
			return nil, 0, refuse(ErrFormat, "entries", name, "it is not there, or not in its place")
		}
		if name == manifestFile || name == signatureFile {
			content, err := one.read(at)
			if err != nil {
				return nil, 0, err
			}
			read[name] = content
		}
		at++
	}
	return read, at - len(then), nil
}

// names checks that the entries from at on are exactly these.
func (a *archive) names(at, n int, name func(i int) string) error {
	for i := range n {
		if at+i >= len(a.entries) {
			return refuse(ErrTampered, "entries-missing", name(i), "it is listed and not there")
		}
		if got := a.entries[at+i].name; got != name(i) {
			return refuse(ErrTampered, "entries", got, "%q was expected in this place", name(i))
		}
	}
	if rest := a.entries[at+n:]; len(rest) > 0 {
		return refuse(ErrTampered, "entries-unlisted", rest[0].name, "nothing lists it")
	}
	return nil
}

// order returns the indexes of the lines in the order in which an archive has
// the files: resources.json, then content.
func (s Sums) order() []int {
	order := make([]int, 0, len(s.lines))
	for i := range s.lines {
		if s.lines[i].path == resourcesFile {
			order = append([]int{i}, order...)
		} else {
			order = append(order, i)
		}
	}
	return order
}

// Write writes a full bundle. What a reader would refuse whoever it trusts is
// refused here, too: then nothing has been written.
func Write(w io.Writer, b *Bundle) error {
	known, err := b.authentic()
	if err != nil {
		return err
	}
	if _, err := known.complete(b.Sums, b.Content, Limits{}.effective()); err != nil {
		return err
	}
	if len(b.Sums.raw) > MaxSums {
		return refuse(ErrTooLarge, "sums-size", sumsFile, "%d bytes, at most %d fit", len(b.Sums.raw), MaxSums)
	}
	files := []file{
		{manifestFile, b.Raw},
		{signatureFile, b.Signature},
		{sumsFile, b.Sums.raw},
		{readMeFile, []byte(ReadMe)},
	}
	for _, line := range b.Sums.order() {
		path := b.Sums.lines[line].path
		files = append(files, file{path, b.Content[path]})
	}
	return writeZIP(w, files)
}

// authentic checks a bundle that is about to be written: the manifest is one and
// the signature fits it, whoever made it.
func (b *Bundle) authentic() (*authentic, error) {
	s, err := parseSignature(b.Signature)
	if err != nil {
		return nil, err
	}
	if err := s.verify(b.Raw, ManifestNamespace); err != nil {
		return nil, err
	}
	m, err := ParseManifest(b.Raw)
	if err != nil {
		return nil, err
	}
	return &authentic{raw: b.Raw, signature: b.Signature, manifest: m}, nil
}

func hexHash(hash [32]byte) string { return hex.EncodeToString(hash[:]) }
