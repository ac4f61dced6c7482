package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	deltaFile   = "delta.json"
	deltaType   = "anvil.delta"
	blobsFolder = "blobs/"
)

// ReadDelta applies a delta to base, a verified release of the same stream, and
// verifies the result as [Read] would verify it whole. The result shares the
// content that did not change with base.
func ReadDelta(r io.ReaderAt, size int64, base *Bundle, e Expect) (*Bundle, error) {
	limits := e.Limits.effective()
	a, err := openArchive(r, size, limits)
	if err != nil {
		return nil, err
	}
	head, at, err := a.head(e.Unverified, deltaFile)
	if err != nil {
		return nil, err
	}
	known, err := e.authenticate(head[manifestFile], head[signatureFile])
	if err != nil {
		return nil, err
	}
	if base == nil {
		return nil, refuse(ErrFormat, "delta-base", deltaFile, "it starts from a release and none is held")
	}
	if err := sameStream(base.Manifest, known.manifest); err != nil {
		return nil, err
	}
	one := reader{a: a}
	raw, err := one.read(at)
	if err != nil {
		return nil, err
	}
	d, err := parseDelta(raw)
	if err != nil {
		return nil, err
	}
	if d.base != base.Sums.Root() {
		return nil, refuse(ErrFormat, "delta-base", deltaFile, "it starts from other content than what is held")
	}
	sums, err := d.apply(base.Sums)
	if err != nil {
		return nil, err
	}
	if err := known.root(sums); err != nil {
		return nil, err
	}
	blobs := d.blobs()
	at++
	if err := a.names(at, len(blobs), func(i int) string { return blobsFolder + hexHash(blobs[i]) }); err != nil {
		return nil, err
	}
	held := make(map[[sha256.Size]byte][]byte, len(blobs))
	for i, hash := range blobs {
		if held[hash], err = one.read(at + i); err != nil {
			return nil, err
		}
	}
	content := make(map[string][]byte, sums.Len())
	for i := range sums.lines {
		// What is missing, here or in a base that was not whole, complete finds.
		if data, ok := base.Content[sums.lines[i].path]; ok {
			content[sums.lines[i].path] = data
		}
	}
	for _, o := range d.ops {
		if !o.removed {
			content[o.path] = held[o.hash]
		}
	}
	return known.hold(sums, content, limits)
}

func sameStream(from, to *Manifest) error {
	if from == nil || from.Type != TypeRelease || to.Type != TypeRelease {
		return refuse(ErrFormat, "delta-type", manifestFile, "a delta leads from a release to a release")
	}
	if from.Stream != to.Stream {
		return refuse(ErrStream, "delta-stream", manifestFile, "it is of stream %q, what is held is of %q", to.Stream, from.Stream)
	}
	return nil
}

// WriteDelta writes what turns from into to, releases of one stream. Of from it
// uses Manifest and Sums only, and of to.Content only the files that differ.
func WriteDelta(w io.Writer, from, to *Bundle) error {
	known, err := to.authentic()
	if err != nil {
		return err
	}
	if err := sameStream(from.Manifest, known.manifest); err != nil {
		return err
	}
	if err := known.root(to.Sums); err != nil {
		return err
	}
	if err := to.Sums.checkPaths(); err != nil {
		return err
	}
	d := difference(from.Sums, to.Sums)
	raw, err := d.encode()
	if err != nil {
		return err
	}
	if len(raw) > MaxSums {
		return refuse(ErrTooLarge, "delta-size", deltaFile, "%d bytes, at most %d fit", len(raw), MaxSums).
			advise("send the full bundle")
	}
	held := make(map[[sha256.Size]byte][]byte)
	for _, o := range d.ops {
		if o.removed {
			continue
		}
		data, ok := to.Content[o.path]
		switch {
		case !ok:
			return refuse(ErrFormat, "content-missing", o.path, "SHA256SUMS lists it and it is not there")
		case len(data) > MaxFile:
			return refuse(ErrTooLarge, "content-size", o.path, "%d bytes, at most %d are accepted", len(data), MaxFile)
		case sha256.Sum256(data) != o.hash:
			return refuse(ErrTampered, "content-hash", o.path, "its content is not what SHA256SUMS says")
		}
		held[o.hash] = data
	}
	files := []file{{name: manifestFile, content: to.Raw}, {name: signatureFile, content: to.Signature}, {name: deltaFile, content: raw}}
	for _, hash := range d.blobs() {
		files = append(files, file{name: blobsFolder + hexHash(hash), content: held[hash]})
	}
	return writeZIP(w, files)
}

// delta is delta.json. It is not signed: whatever it says, the result must hash
// to what the manifest says.
type delta struct {
	base [sha256.Size]byte
	ops  []op // sorted by path, one a path
}

// op puts a file in its place, or takes it away.
type op struct {
	path    string
	hash    [sha256.Size]byte
	removed bool
}

// difference returns the operations that turn from into to.
func difference(from, to Sums) *delta {
	d := &delta{base: from.Root()}
	a, b := from.lines, to.lines
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].path < b[0].path:
			d.ops = append(d.ops, op{path: a[0].path, removed: true})
			a = a[1:]
		case len(a) == 0 || b[0].path < a[0].path:
			d.ops = append(d.ops, op{path: b[0].path, hash: b[0].hash})
			b = b[1:]
		default:
			if a[0].hash != b[0].hash {
				d.ops = append(d.ops, op{path: b[0].path, hash: b[0].hash})
			}
			a, b = a[1:], b[1:]
		}
	}
	return d
}

// apply returns the sums after the operations. An operation that does nothing is
// none that a writer would have written.
func (d *delta) apply(from Sums) (Sums, error) {
	lines := make([]sum, 0, len(from.lines)+len(d.ops))
	rest := from.lines
	for _, o := range d.ops {
		i, held := slices.BinarySearchFunc(rest, o.path, func(l sum, path string) int { return strings.Compare(l.path, path) })
		lines = append(lines, rest[:i]...)
		rest = rest[i:]
		switch {
		case o.removed && !held:
			return Sums{}, refuse(ErrFormat, "delta-op", o.path, "the delta takes away what is not there")
		case !o.removed && held && rest[0].hash == o.hash:
			return Sums{}, refuse(ErrFormat, "delta-op", o.path, "the delta puts what is there already")
		}
		if held {
			rest = rest[1:]
		}
		if !o.removed {
			lines = append(lines, sum{o.path, o.hash})
		}
	}
	lines = append(lines, rest...)
	if len(lines) > MaxEntries {
		return Sums{}, refuse(ErrTooLarge, "sums-count", sumsFile, "%d files, at most %d are accepted", len(lines), MaxEntries)
	}
	return newSums(lines), nil
}

// blobs returns the hashes of the files that a delta carries, sorted, each once.
func (d *delta) blobs() [][sha256.Size]byte {
	var hashes [][sha256.Size]byte
	for _, o := range d.ops {
		if !o.removed {
			hashes = append(hashes, o.hash)
		}
	}
	slices.SortFunc(hashes, func(a, b [sha256.Size]byte) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(hashes)
}

type opJSON struct {
	Op     string `json:"op"` // put or del
	Path   string `json:"path"`
	SHA256 string `json:"sha256,omitempty"`
}

func (d *delta) encode() ([]byte, error) {
	wire := struct {
		Format string   `json:"format"`
		Type   string   `json:"type"`
		Base   string   `json:"base_sums_sha256"`
		Ops    []opJSON `json:"ops"`
	}{Format, deltaType, hexHash(d.base), make([]opJSON, 0, len(d.ops))}
	for _, o := range d.ops {
		if o.removed {
			wire.Ops = append(wire.Ops, opJSON{Op: "del", Path: o.path})
		} else {
			wire.Ops = append(wire.Ops, opJSON{"put", o.path, hexHash(o.hash)})
		}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(wire); err != nil {
		return nil, fmt.Errorf("encode delta: %w", err)
	}
	return b.Bytes(), nil
}

// parseDelta parses delta.json: strict JSON with exactly these keys.
func parseDelta(raw []byte) (*delta, error) {
	bad := func(format string, args ...any) error {
		return refuse(ErrFormat, "delta-json", deltaFile, format, args...)
	}
	if len(raw) > MaxSums {
		return nil, refuse(ErrTooLarge, "delta-size", deltaFile, "%d bytes, at most %d are read", len(raw), MaxSums)
	}
	value, err := parseJSON(raw)
	if err != nil {
		return nil, bad("%v", err)
	}
	top, ok := value.(map[string]any)
	ops, isList := top["ops"].([]any)
	base, _ := top["base_sums_sha256"].(string)
	format, _ := top["format"].(string)
	d := &delta{ops: make([]op, 0, len(ops))}
	switch {
	case !ok || len(top) != 4 || !isList:
		return nil, bad("its keys are format, type, base_sums_sha256 and ops, and ops is a list")
	case format != Format:
		return nil, refuse(ErrFormat, "delta-version", deltaFile, "format version %q is not known here", format)
	case top["type"] != deltaType:
		return nil, bad("its type is not %q", deltaType)
	case !decodeHash(&d.base, base):
		return nil, bad("base_sums_sha256 is not 64 lower-case hexadecimal digits")
	}
	for i, value := range ops {
		o, ok := parseOp(value)
		if !ok {
			return nil, bad(`operation %d is neither {"op":"put","path":…,"sha256":…} nor {"op":"del","path":…}`, i+1)
		}
		if err := checkPath(o.path); err != nil {
			return nil, err
		}
		if i > 0 && d.ops[i-1].path >= o.path {
			return nil, bad("operations are sorted by path, one a path: %q", o.path)
		}
		d.ops = append(d.ops, o)
	}
	return d, nil
}

func parseOp(value any) (o op, ok bool) {
	object, _ := value.(map[string]any)
	path, ok := object["path"].(string)
	if !ok {
		return o, false
	}
	o.path = path
	switch object["op"] {
	case "del":
		o.removed = true
		return o, len(object) == 2
	case "put":
		digits, _ := object["sha256"].(string)
		return o, decodeHash(&o.hash, digits) && len(object) == 3
	}
	return o, false
}
