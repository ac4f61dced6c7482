package bundle

import "encoding/binary"

// The ZIP format has more than one way to say almost everything, and readers
// that disagree on which of them counts. Anvil writes one: entries one after
// another from offset 0, the central directory directly after them, the end
// record directly after that, no comment, no extra field, no data descriptor,
// names flagged as UTF-8, one date, mode 0644. The reader derives from what an
// entry is (an [entry]) the headers that this package would have written, and
// compares.

// entry is all that may differ from one entry to the next.
type entry struct {
	name   string
	method uint16
	crc    uint32
	packed int64 // bytes in the archive
	size   int64 // bytes of the content
	offset int64 // of the local header
}

const (
	methodStore   = 0
	methodDeflate = 8

	localLen   = 30
	centralLen = 46
	endLen     = 22

	localMark   = 0x04034b50
	centralMark = 0x02014b50
	endMark     = 0x06054b50

	zipVersion  = 20             // 2.0: what deflate needs
	zipCreator  = 3<<8 | 20      // Unix
	zipFlags    = 1 << 11        // the name is UTF-8
	zipTime     = 0              // 00:00:00
	zipDate     = 1<<5 | 1       // 1980-01-01, the earliest there is
	zipMode     = 0o100644 << 16 // a regular file
	maxZIPCount = 0xffff - 1     // above: zip64
)

// end returns the offset at which the next entry starts.
func (e *entry) end() int64 { return e.offset + localLen + int64(len(e.name)) + e.packed }

// common appends what the local and the central header share, from the version
// needed to the length of the extra field.
func (e *entry) common(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint16(b, zipVersion)
	b = le.AppendUint16(b, zipFlags)
	b = le.AppendUint16(b, e.method)
	b = le.AppendUint16(b, zipTime)
	b = le.AppendUint16(b, zipDate)
	b = le.AppendUint32(b, e.crc)
	b = le.AppendUint32(b, uint32(e.packed))
	b = le.AppendUint32(b, uint32(e.size))
	b = le.AppendUint16(b, uint16(len(e.name)))
	return le.AppendUint16(b, 0)
}

func (e *entry) local(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, localMark)
	b = e.common(b)
	return append(b, e.name...)
}

func (e *entry) central(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, centralMark)
	b = le.AppendUint16(b, zipCreator)
	b = e.common(b)
	b = le.AppendUint16(b, 0) // comment
	b = le.AppendUint16(b, 0) // disk
	b = le.AppendUint16(b, 0) // internal attributes
	b = le.AppendUint32(b, zipMode)
	b = le.AppendUint32(b, uint32(e.offset))
	return append(b, e.name...)
}

func zipEnd(count int, directory, offset int64) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, endMark)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, uint16(count))
	b = le.AppendUint16(b, uint16(count))
	b = le.AppendUint32(b, uint32(directory))
	b = le.AppendUint32(b, uint32(offset))
	return le.AppendUint16(b, 0)
}
