package bundle

import (
	"encoding/hex"
	"io"
	"sync/atomic"
)

const (
	signatureFile = "manifest.json.sig"
	sumsFile      = "SHA256SUMS"
	readMeFile    = "README.txt"
)

// Read reads and verifies a full bundle. r is read by several goroutines at once.
func Read(r io.ReaderAt, size int64, e Expect) (*Bundle, error) {
	limits := e.Limits.effective()
	o, err := openBundle(r, size, e, limits)
	if err != nil {
		return nil, err
	}
	files := make([][]byte, o.sums.Len())
	err = o.complete(o.sums, limits, func() fetch {
		read := o.reader()
		return func(line int) (_ []byte, err error) {
			files[line], err = read(line)
			return files[line], err
		}
	})
	if err != nil {
		return nil, err
	}
	content := make(map[string][]byte, len(files))
	for line, data := range files {
		content[o.sums.lines[line].path] = data
	}
	return o.bundle(o.sums, content), nil
}

// opened is a bundle of which everything is verified but its files.
type opened struct {
	*authentic
	archive *zipArchive
	sums    Sums
	entry   []int // of the archive, by line of the sums
}

// reader returns a way to read files for one goroutine.
func (o *opened) reader() fetch {
	r := reader{a: o.archive}
	return func(line int) ([]byte, error) { return r.read(o.entry[line]) }
}

// openBundle is steps 1 to 8 of docs/bundle-format.md.
func openBundle(r io.ReaderAt, size int64, e Expect, limits Limits) (*opened, error) {
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
	if err := known.listing(sums); err != nil {
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
	o := &opened{authentic: known, archive: a, sums: sums, entry: make([]int, len(order))}
	for i, line := range order {
		o.entry[line] = at + i
	}
	return o, nil
}

// head reads manifest and signature and returns the index of the first entry
// after them. The names of the entries that must follow are checked, too.
// Without a signature it goes on only when nobody asks for one.
func (a *zipArchive) head(unsigned bool, then ...string) (map[string][]byte, int, error) {
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
func (a *zipArchive) names(at, n int, name func(i int) string) error {
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
	if _, err := known.hold(b.Sums, b.Content, Limits{}.effective()); err != nil {
		return err
	}
	return b.write(w, func(line int, f *file) { f.content = b.Content[f.name] })
}

// WriteFiles writes a full bundle whose files are asked for when their turn comes,
// by several goroutines, so that no more than some dozens of them are in memory;
// b.Content is not used. Each is held to the sums: after an error of theirs, what
// has been written is no bundle.
func WriteFiles(w io.Writer, b *Bundle, open func(path string) ([]byte, error)) error {
	known, err := b.authentic()
	if err != nil {
		return err
	}
	if err := known.listing(b.Sums); err != nil {
		return err
	}
	var total atomic.Int64
	limits := Limits{}.effective()
	err = b.write(w, func(line int, f *file) {
		name := f.name
		f.load = func() ([]byte, error) {
			data, err := open(name)
			if err != nil {
				return nil, err
			}
			total.Add(int64(len(data)))
			return data, known.accept(b.Sums, line, data, limits)
		}
	})
	if err != nil {
		return err
	}
	return known.bytes(total.Load(), limits)
}

// write writes the entries of a full bundle; fill says where a file comes from.
func (b *Bundle) write(w io.Writer, fill func(line int, f *file)) error {
	if len(b.Sums.raw) > MaxSums {
		return refuse(ErrTooLarge, "sums-size", sumsFile, "%d bytes, at most %d fit", len(b.Sums.raw), MaxSums)
	}
	files := []file{
		{name: manifestFile, content: b.Raw},
		{name: signatureFile, content: b.Signature},
		{name: sumsFile, content: b.Sums.raw},
		{name: readMeFile, content: []byte(ReadMe)},
	}
	for _, line := range b.Sums.order() {
		f := file{name: b.Sums.lines[line].path}
		fill(line, &f)
		files = append(files, f)
	}
	return writeZIP(w, files)
}

// authentic checks a bundle that is about to be written: the manifest is one and
// the signature fits it, whoever made it.
func (b *Bundle) authentic() (*authentic, error) {
	s, err := parseSignature(signatureFile, b.Signature)
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
