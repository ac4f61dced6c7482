package bundle

import (
	"bufio"
	"bytes"
	"compress/flate"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"
)

// file is an entry to be written. What is not in content is loaded when its turn
// comes, by one of several goroutines.
type file struct {
	name    string
	content []byte
	load    func() ([]byte, error)
}

// weight is how many bytes the file takes in memory, as far as that is known.
func (f *file) weight() int {
	if f.load != nil {
		return loadedWeight
	}
	return len(f.content)
}

// What waits compressed to be written is bounded by entries and by bytes.
const (
	batchEntries = 256
	batchBytes   = 8 << 20
	loadedWeight = 128 << 10 // of a file whose size nobody knows yet
	keptBuffer   = 64 << 10  // larger ones are not used again
	leastPacked  = 32        // bytes: less is not worth a compressor
)

// writeZIP writes the files in the order given, compressed on all processors.
// The same files give the same bytes, as long as compress/flate does not change.
func writeZIP(w io.Writer, files []file) error {
	total := int64(endLen)
	for i := range files {
		total += int64(len(files[i].content)) + localLen + centralLen + 2*int64(len(files[i].name))
	}
	if total > MaxTotal {
		return refuse(ErrTooLarge, "zip-total", "", "%d bytes, at most %d fit", total, MaxTotal).
			advise("export fewer projects at a time")
	}
	if len(files) > MaxEntries {
		return refuse(ErrTooLarge, "zip-count", "", "%d entries, at most %d fit", len(files), MaxEntries).
			advise("export fewer projects at a time")
	}
	var (
		out       = bufio.NewWriterSize(w, 64<<10)
		directory []byte
		header    []byte
		offset    int64
		packed    = make([]packed, min(batchEntries, len(files)))
		packers   = make(chan *packer, runtime.GOMAXPROCS(0)) // kept: a compressor is large
	)
	for range cap(packers) {
		packers <- new(packer)
	}
	for rest := files; len(rest) > 0; {
		part := nextBatch(rest)
		rest = rest[len(part):]
		err := parallel(len(part), func() func(int) error {
			return func(i int) (err error) {
				content := part[i].content
				if part[i].load != nil {
					if content, err = part[i].load(); err != nil {
						return err
					}
				}
				p := <-packers
				packed[i], err = p.pack(content, packed[i].buffer)
				packers <- p
				return err
			}
		})
		if err != nil {
			return err
		}
		for i, f := range part {
			p := &packed[i]
			e := entry{
				name: f.name, method: p.method, crc: p.crc, offset: offset,
				packed: int64(len(p.content)), size: p.size,
			}
			header = e.local(header[:0])
			if _, err := out.Write(header); err != nil {
				return fmt.Errorf("write archive: %w", err)
			}
			if _, err := out.Write(p.content); err != nil {
				return fmt.Errorf("write archive: %w", err)
			}
			directory = e.central(directory)
			if offset = e.end(); offset > MaxTotal {
				return refuse(ErrTooLarge, "zip-total", f.name, "more than %d bytes do not fit", MaxTotal)
			}
			if p.buffer.Cap() > keptBuffer {
				p.buffer = nil
			}
		}
	}
	directory = append(directory, zipEnd(len(files), int64(len(directory)), offset)...)
	if _, err := out.Write(directory); err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	return nil
}

// nextBatch returns the files to be compressed next, at least one.
func nextBatch(files []file) []file {
	size := 0
	for i := range files {
		size += files[i].weight()
		if i == batchEntries || i > 0 && size > batchBytes {
			return files[:i]
		}
	}
	return files
}

// packed is an entry's content as it stands in the archive.
type packed struct {
	method  uint16
	crc     uint32
	size    int64 // of the content as it was
	content []byte
	buffer  *bytes.Buffer // content may lie in it; used again for a later entry
}

type packer struct{ deflate *flate.Writer }

// pack compresses content where that makes it smaller, and not so much smaller
// that a reader would take it for a bomb.
func (p *packer) pack(content []byte, buffer *bytes.Buffer) (packed, error) {
	if buffer == nil {
		buffer = new(bytes.Buffer)
	}
	buffer.Reset()
	if len(content) < leastPacked {
		return packed{method: methodStore, crc: crc32.ChecksumIEEE(content), size: int64(len(content)), content: content, buffer: buffer}, nil
	}
	if p.deflate == nil {
		var err error
		if p.deflate, err = flate.NewWriter(buffer, flate.DefaultCompression); err != nil {
			return packed{}, fmt.Errorf("compress: %w", err)
		}
	} else {
		p.deflate.Reset(buffer)
	}
	if _, err := p.deflate.Write(content); err != nil {
		return packed{}, fmt.Errorf("compress: %w", err)
	}
	if err := p.deflate.Close(); err != nil {
		return packed{}, fmt.Errorf("compress: %w", err)
	}
	result := packed{method: methodDeflate, crc: crc32.ChecksumIEEE(content), size: int64(len(content)), content: buffer.Bytes(), buffer: buffer}
	if buffer.Len() >= len(content) || buffer.Len()*MaxRatio < len(content) {
		result.method, result.content = methodStore, content
	}
	return result, nil
}
