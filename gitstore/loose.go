package gitstore

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"sync"
)

var errLoose = errors.New("damaged loose object")

func loosePath(objectDir string, h Hash) string {
	name := h.String()
	return filepath.Join(objectDir, name[:2], name[2:])
}

// readLoose reads a loose object of one object folder; the error is
// fs.ErrNotExist when there is none.
func (s *objects) readLoose(objectDir string, h Hash) (object, error) {
	raw, err := s.disk.read(loosePath(objectDir, h))
	if err != nil {
		return object{}, err
	}
	o, err := parseLoose(raw)
	if err != nil {
		return object{}, fmt.Errorf("read object %s: %w", h, err)
	}
	return o, nil
}

// parseLoose inflates a loose object: its kind, a space, its size, a zero byte,
// its content.
func parseLoose(raw []byte) (object, error) {
	z, err := zlibReader(bytes.NewReader(raw))
	if err != nil {
		return object{}, errors.Join(errLoose, err)
	}
	defer zlibReaders.Put(z)
	var header [32]byte
	end := -1
	for n := range header {
		if _, err := io.ReadFull(z, header[n:n+1]); err != nil {
			return object{}, errors.Join(errLoose, err)
		}
		if header[n] == 0 {
			end = n
			break
		}
	}
	name, digits, ok := bytes.Cut(header[:max(end, 0)], []byte(" "))
	if !ok {
		return object{}, errLoose
	}
	k, err := parseKind(string(name))
	if err != nil {
		return object{}, err
	}
	size, err := strconv.ParseUint(string(digits), 10, 40)
	if err != nil {
		return object{}, errLoose
	}
	data, err := readSized(z, int64(size))
	return object{k, data}, err
}

// inflate reads one zlib stream that must hold exactly size bytes.
func inflate(r io.Reader, size int64) ([]byte, error) {
	z, err := zlibReader(r)
	if err != nil {
		return nil, err
	}
	defer zlibReaders.Put(z)
	return readSized(z, size)
}

// readSized reads size bytes and the end after them. What the size claims is
// not allocated before it is there.
func readSized(r io.Reader, size int64) ([]byte, error) {
	if size > objectSizeLimit {
		return nil, fmt.Errorf("object of %d bytes: larger than %d", size, objectSizeLimit)
	}
	var data []byte
	if size <= 1<<20 {
		data = make([]byte, size)
		if _, err := io.ReadFull(r, data); err != nil {
			return nil, err
		}
	} else {
		var buffer bytes.Buffer
		if n, err := io.CopyN(&buffer, r, size); err != nil {
			return nil, fmt.Errorf("object of %d bytes ends after %d: %w", size, n, err)
		}
		data = buffer.Bytes()
	}
	var one [1]byte
	if n, err := io.ReadFull(r, one[:]); n != 0 || err != io.EOF {
		return nil, fmt.Errorf("object of %d bytes does not end there: %w", size, errLoose)
	}
	return data, nil
}

var zlibReaders sync.Pool

func zlibReader(r io.Reader) (io.ReadCloser, error) {
	if z, ok := zlibReaders.Get().(io.ReadCloser); ok {
		if err := z.(zlib.Resetter).Reset(r, nil); err != nil {
			return nil, err
		}
		return z, nil
	}
	return zlib.NewReader(r)
}

var zlibWriters = sync.Pool{New: func() any {
	w, err := zlib.NewWriterLevel(nil, zlib.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

// deflate appends the zlib stream of the parts, as fast as it goes: git gc
// compresses better later.
func deflate(out *bytes.Buffer, parts ...[]byte) {
	w := zlibWriters.Get().(*zlib.Writer)
	defer zlibWriters.Put(w)
	w.Reset(out)
	for _, part := range parts {
		_, _ = w.Write(part) // a bytes.Buffer does not fail
	}
	_ = w.Close()
}
