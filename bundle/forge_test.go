package bundle

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// forged is a ZIP put together byte by byte, sharing no code with the writer, so
// that a test can say anything in any field. What is not set is what the format
// asks for.
type forged struct {
	prefix  []byte // before the first entry; offsets do not know of it
	entries []*forgedEntry
	gap     []byte // before the directory
	suffix  []byte // after the end record
	comment []byte
	end     func(b []byte) // changes the end record in place
	order   []int          // of the directory; nil: as the entries
}

type forgedEntry struct {
	name    string
	content []byte

	packed      []byte // nil: content, deflated when method is 8
	method      uint16
	crc         *uint32
	size        *uint32
	packedSize  *uint32
	offset      *uint32
	gap         []byte // before the entry
	descriptor  bool
	localExtra  []byte
	extra       []byte
	comment     []byte
	localName   string
	local       func(b []byte) // changes the local header in place
	central     func(b []byte) // changes the central header in place
	absent      bool           // in the directory only
	undeclared  bool           // in the body only
	mode        uint32
	localMethod *uint16
}

func deflated(content []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = w.Write(content)
	_ = w.Close()
	return b.Bytes()
}

func pick(value *uint32, otherwise uint32) uint32 {
	if value != nil {
		return *value
	}
	return otherwise
}

func ptr[T any](v T) *T { return &v }

func (f *forged) bytes() []byte {
	le := binary.LittleEndian
	var body []byte
	offsets := make([]uint32, len(f.entries))
	entries := make([]*forgedEntry, len(f.entries)) // copies, with what was not set
	common := func(e *forgedEntry, method uint16, nameLen, extraLen int) []byte {
		flags := uint16(0x800)
		if e.descriptor {
			flags |= 8
		}
		var b []byte
		b = le.AppendUint16(b, 20)
		b = le.AppendUint16(b, flags)
		b = le.AppendUint16(b, method)
		b = le.AppendUint16(b, 0)
		b = le.AppendUint16(b, 0x21)
		b = le.AppendUint32(b, pick(e.crc, crc32.ChecksumIEEE(e.content)))
		b = le.AppendUint32(b, pick(e.packedSize, uint32(len(e.packed))))
		b = le.AppendUint32(b, pick(e.size, uint32(len(e.content))))
		b = le.AppendUint16(b, uint16(nameLen))
		return le.AppendUint16(b, uint16(extraLen))
	}
	for i := range f.entries {
		e := ptr(*f.entries[i])
		entries[i] = e
		if e.packed == nil {
			e.packed = e.content
			if e.method == 8 {
				e.packed = deflated(e.content)
			}
		}
		if e.localName == "" {
			e.localName = e.name
		}
		if e.mode == 0 {
			e.mode = 0o100644
		}
		body = append(body, e.gap...)
		offsets[i] = uint32(len(body))
		if e.absent {
			continue
		}
		method := e.method
		if e.localMethod != nil {
			method = *e.localMethod
		}
		header := le.AppendUint32(nil, 0x04034b50)
		header = append(header, common(e, method, len(e.localName), len(e.localExtra))...)
		if e.descriptor {
			clear(header[14:26])
		}
		header = append(append(header, e.localName...), e.localExtra...)
		if e.local != nil {
			e.local(header)
		}
		body = append(append(body, header...), e.packed...)
		if e.descriptor {
			body = le.AppendUint32(body, 0x08074b50)
			body = le.AppendUint32(body, crc32.ChecksumIEEE(e.content))
			body = le.AppendUint32(body, uint32(len(e.packed)))
			body = le.AppendUint32(body, uint32(len(e.content)))
		}
	}
	body = append(body, f.gap...)
	start := len(body)
	order := f.order
	if order == nil {
		for i := range f.entries {
			order = append(order, i)
		}
	}
	count := 0
	for _, i := range order {
		e := entries[i]
		if e.undeclared {
			continue
		}
		count++
		header := le.AppendUint32(nil, 0x02014b50)
		header = le.AppendUint16(header, 3<<8|20)
		header = append(header, common(e, e.method, len(e.name), len(e.extra))...)
		header = le.AppendUint16(header, uint16(len(e.comment)))
		header = le.AppendUint16(header, 0)
		header = le.AppendUint16(header, 0)
		header = le.AppendUint32(header, e.mode<<16)
		header = le.AppendUint32(header, pick(e.offset, offsets[i]))
		header = append(append(append(header, e.name...), e.extra...), e.comment...)
		if e.central != nil {
			e.central(header)
		}
		body = append(body, header...)
	}
	end := le.AppendUint32(nil, 0x06054b50)
	end = le.AppendUint16(end, 0)
	end = le.AppendUint16(end, 0)
	end = le.AppendUint16(end, uint16(count))
	end = le.AppendUint16(end, uint16(count))
	end = le.AppendUint32(end, uint32(len(body)-start))
	end = le.AppendUint32(end, uint32(start))
	end = le.AppendUint16(end, uint16(len(f.comment)))
	if f.end != nil {
		f.end(end)
	}
	body = append(append(body, end...), f.comment...)
	return append(append(bytes.Clone(f.prefix), body...), f.suffix...)
}

// forge lays a bundle out as its writer would, for a test to spoil. The bundle
// may be one that the writer would refuse: it is signed all the same.
func forge(b *Bundle) *forged {
	f := &forged{}
	for _, head := range []forgedEntry{
		{name: "manifest.json", content: b.Raw},
		{name: "manifest.json.sig", content: b.Signature},
		{name: "SHA256SUMS", content: b.Sums.Bytes()},
		{name: "README.txt", content: []byte(ReadMe)},
	} {
		f.entries = append(f.entries, &head)
	}
	if data, ok := b.Content["resources.json"]; ok {
		f.entries = append(f.entries, &forgedEntry{name: "resources.json", content: data})
	}
	for path := range b.Sums.All() {
		if path != "resources.json" {
			f.entries = append(f.entries, &forgedEntry{name: path, content: b.Content[path]})
		}
	}
	return f
}

func (f *forged) entry(t testing.TB, name string) *forgedEntry {
	t.Helper()
	for _, e := range f.entries {
		if e.name == name {
			return e
		}
	}
	t.Fatalf("no entry %q", name)
	return nil
}

func (f *forged) remove(name string) {
	for i, e := range f.entries {
		if e.name == name {
			f.entries = append(f.entries[:i:i], f.entries[i+1:]...)
			return
		}
	}
}
