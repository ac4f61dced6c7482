package bundle

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// zipArchive is a ZIP whose directory keeps to the form that writeZIP writes. What
// its entries hold is checked when they are read.
type zipArchive struct {
	r       io.ReaderAt
	entries []entry
	limits  Limits
}

// openArchive reads the central directory. Nothing that is declared there is
// believed further than the limits go.
func openArchive(r io.ReaderAt, size int64, limits Limits) (*zipArchive, error) {
	if size > limits.Total {
		return nil, refuse(ErrTooLarge, "zip-total", "", "the archive has %d bytes, at most %d are read", size, limits.Total)
	}
	if size < endLen {
		return nil, refuse(ErrFormat, "zip-end", "", "it is too short for a ZIP")
	}
	end, err := readAt(r, size-endLen, endLen)
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	count, length, offset := int(le.Uint16(end[10:])), int64(le.Uint32(end[12:])), int64(le.Uint32(end[16:]))
	switch {
	case le.Uint32(end) != endMark:
		return nil, refuse(ErrFormat, "zip-end", "", "it does not end with the end record of a ZIP: it is none, or truncated, or something is appended")
	case le.Uint16(end[20:]) != 0:
		return nil, refuse(ErrFormat, "zip-comment", "", "the archive has a comment")
	case count > maxZIPCount || length == 0xffffffff || offset == 0xffffffff:
		return nil, refuse(ErrFormat, "zip-zip64", "", "zip64 is not used")
	case offset+length != size-endLen:
		return nil, refuse(ErrFormat, "zip-layout", "", "the directory does not lie directly before the end record")
	case !bytes.Equal(end, zipEnd(count, length, offset)):
		return nil, refuse(ErrFormat, "zip-end", "", "the end record is not that of one whole archive")
	case count > limits.Entries:
		return nil, refuse(ErrTooLarge, "zip-count", "", "%d entries, at most %d are read", count, limits.Entries)
	case length > int64(count)*(centralLen+maxPath):
		return nil, refuse(ErrFormat, "zip-layout", "", "the directory is too large for its entries")
	}
	directory, err := readAt(r, offset, length)
	if err != nil {
		return nil, err
	}
	a := &zipArchive{r: r, limits: limits, entries: make([]entry, 0, min(count, len(directory)/centralLen))}
	var at, total int64
	var again []byte
	for i := range count {
		e, rest, err := parseCentral(directory, i)
		if err != nil {
			return nil, err
		}
		again = e.central(again[:0])
		if !bytes.Equal(again, directory[:len(directory)-len(rest)]) {
			return nil, diagnose(e.name, "zip-", directory[4:], again[4:], centralFields)
		}
		if e.offset != at {
			return nil, refuse(ErrFormat, "zip-layout", e.name, "entries do not follow one another without gap or overlap")
		}
		if err := e.check(limits); err != nil {
			return nil, err
		}
		at = e.end()
		if total += e.size; total > limits.Total {
			return nil, refuse(ErrTooLarge, "zip-total", "", "the entries have more than %d bytes", limits.Total)
		}
		a.entries = append(a.entries, e)
		directory = rest
	}
	if len(directory) != 0 || at != offset {
		return nil, refuse(ErrFormat, "zip-layout", "", "there is something between the entries and the directory")
	}
	return a, nil
}

func parseCentral(b []byte, index int) (e entry, rest []byte, err error) {
	le := binary.LittleEndian
	if len(b) < centralLen || le.Uint32(b) != centralMark {
		return e, nil, refuse(ErrFormat, "zip-layout", "", "entry %d of the directory is missing", index+1)
	}
	name := int(le.Uint16(b[28:]))
	if len(b) < centralLen+name {
		return e, nil, refuse(ErrFormat, "zip-layout", "", "entry %d of the directory is cut off", index+1)
	}
	e = entry{
		name: string(b[centralLen : centralLen+name]), method: le.Uint16(b[10:]), crc: le.Uint32(b[16:]),
		packed: int64(le.Uint32(b[20:])), size: int64(le.Uint32(b[24:])), offset: int64(le.Uint32(b[42:])),
	}
	return e, b[centralLen+name:], nil
}

// check holds what an entry declares to the limits and to what a writer does.
func (e *entry) check(limits Limits) error {
	if e.packed == 0xffffffff || e.size == 0xffffffff || e.offset == 0xffffffff {
		return refuse(ErrFormat, "zip-zip64", e.name, "zip64 is not used")
	}
	if most := limits.of(e.name); e.size > most {
		return refuse(ErrTooLarge, "zip-size", e.name, "%d bytes, at most %d are read", e.size, most)
	}
	switch e.method {
	case methodStore:
		if e.packed != e.size {
			return refuse(ErrFormat, "zip-stored", e.name, "it is stored and its two sizes differ")
		}
	case methodDeflate:
		if e.packed >= e.size {
			return refuse(ErrFormat, "zip-deflated", e.name, "it is compressed and not smaller for it")
		}
		if e.size > e.packed*limits.Ratio {
			return refuse(ErrTooLarge, "zip-ratio", e.name, "it grows more than %d times when decompressed", limits.Ratio)
		}
	default:
		return refuse(ErrFormat, "zip-method", e.name, "compression method %d is not used, only 0 and 8", e.method)
	}
	return nil
}

// of returns how large an entry may be.
func (l Limits) of(name string) int64 {
	switch name {
	case manifestFile, envelopeFile:
		return MaxManifest
	case signatureFile, envelopeSignatureFile:
		return maxSignature
	case payloadFile:
		return l.Total
	case sumsFile, resourcesFile, deltaFile:
		return l.Sums
	}
	return l.File
}

// field is a fixed field of a header, for saying which of them is wrong.
type field struct {
	rule, name string
	from, to   int
}

// Offsets are those after the mark.
var (
	commonFields = [...]field{
		{"version", "the version needed is not 2.0", 0, 2},
		{"flags", "the flags are not the one for UTF-8 (encrypted, with a data descriptor, or without it)", 2, 4},
		{"header", "the method differs between the directory and the entry's own header", 4, 6},
		{"date", "the date is not 1980-01-01 00:00", 6, 10},
		{"header", "CRC or sizes differ between the directory and the entry's own header", 10, 22},
		{"header", "the name differs between the directory and the entry's own header", 22, 24},
		{"extra", "it has an extra field", 24, 26},
	}
	centralFields = func() []field {
		fields := []field{{"creator", "the creator is not Unix, version 2.0", 0, 2}}
		for _, f := range commonFields {
			fields = append(fields, field{f.rule, f.name, f.from + 2, f.to + 2})
		}
		return append(
			fields,
			field{"comment", "it has a comment", 28, 30},
			field{"disk", "it lies on another disk", 30, 32},
			field{"attributes", "it has internal attributes", 32, 34},
			field{"mode", "it is not a regular file of mode 0644", 34, 38},
		)
	}()
)

// diagnose says where got differs from want.
func diagnose(name, prefix string, got, want []byte, fields []field) error {
	for _, f := range fields {
		if !bytes.Equal(got[f.from:f.to], want[f.from:f.to]) {
			return refuse(ErrFormat, prefix+f.rule, name, "%s", f.name)
		}
	}
	return refuse(ErrFormat, prefix+"header", name, "the entry's own header says something else than the directory")
}

// reader reads entries. It is for one goroutine; the archive is for many.
type reader struct {
	a       *zipArchive
	input   bytes.Reader
	inflate io.ReadCloser
	buffer  []byte
}

// read returns the content of entry i, which then is of the declared size and
// CRC and uses all of its bytes in the archive.
func (r *reader) read(i int) ([]byte, error) {
	e := &r.a.entries[i]
	r.buffer = e.local(r.buffer[:0])
	want := len(r.buffer)
	raw, err := readAt(r.a.r, e.offset, int64(want)+e.packed)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(raw[:want], r.buffer) {
		if binary.LittleEndian.Uint32(raw) != localMark {
			return nil, refuse(ErrFormat, "zip-layout", e.name, "it has no header of its own")
		}
		return nil, diagnose(e.name, "zip-", raw[4:], r.buffer[4:], commonFields[:])
	}
	content := raw[want:len(raw):len(raw)]
	if e.method == methodDeflate {
		if content, err = r.decompress(content, e); err != nil {
			return nil, err
		}
	}
	if crc32.ChecksumIEEE(content) != e.crc {
		return nil, refuse(ErrTampered, "zip-crc", e.name, "its checksum is wrong")
	}
	return content, nil
}

// section returns where a stored entry lies. Its checksum is for the caller, who has
// a better one.
func (r *reader) section(i int) (*io.SectionReader, error) {
	e := &r.a.entries[i]
	want := e.local(nil)
	got, err := readAt(r.a.r, e.offset, int64(len(want)))
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(got, want) {
		if binary.LittleEndian.Uint32(got) != localMark {
			return nil, refuse(ErrFormat, "zip-layout", e.name, "it has no header of its own")
		}
		return nil, diagnose(e.name, "zip-", got[4:], want[4:], commonFields[:])
	}
	return io.NewSectionReader(r.a.r, e.offset+int64(len(want)), e.packed), nil
}

func (r *reader) decompress(raw []byte, e *entry) ([]byte, error) {
	r.input.Reset(raw)
	if r.inflate == nil {
		r.inflate = flate.NewReader(&r.input)
	} else if err := r.inflate.(flate.Resetter).Reset(&r.input, nil); err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	content := make([]byte, e.size)
	if _, err := io.ReadFull(r.inflate, content); err != nil {
		return nil, refuse(ErrFormat, "zip-deflated", e.name, "it cannot be decompressed to the size declared: %v", err)
	}
	var more [1]byte
	if n, err := io.ReadFull(r.inflate, more[:]); n != 0 || !errors.Is(err, io.EOF) {
		return nil, refuse(ErrTooLarge, "zip-deflated", e.name, "it decompresses to more than the size declared")
	}
	if r.input.Len() != 0 {
		return nil, refuse(ErrFormat, "zip-deflated", e.name, "there are bytes after its compressed content")
	}
	return content, nil
}

// readAt reads exactly length bytes.
func readAt(r io.ReaderAt, offset, length int64) ([]byte, error) {
	b := make([]byte, length)
	n, err := r.ReadAt(b, offset)
	switch {
	case n == len(b):
		return b, nil
	case err == nil, errors.Is(err, io.EOF):
		return nil, refuse(ErrFormat, "zip-end", "", "it ends early")
	}
	return nil, fmt.Errorf("read archive: %w", err)
}
