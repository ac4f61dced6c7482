package client

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/anvilpeering/anvil/bundle"
)

// A pack is many files in one, so that a release of ten thousand prompts costs
// one fsync and not ten thousand:
//
//	"anvil-pack 1\n" | count u32 | count × (SHA-256, length u32) | the files
//
// Integers are big-endian. Its name in the cache is the SHA-256 of its bytes; a
// reader believes neither that nor the hashes inside, the manifest's sums decide.
const packMagic = "anvil-pack 1\n"

const (
	packEntry    = sha256.Size + 4
	packOverhead = int64(len(packMagic)) + 4 + packEntry*bundle.MaxEntries // of the largest pack, beside the files
)

var errPack = errors.New("damaged pack")

type hash = [sha256.Size]byte

type packed struct {
	hash hash
	data []byte
}

func encodePack(files []packed) (name string, raw []byte) {
	size := len(packMagic) + 4 + packEntry*len(files)
	for _, f := range files {
		size += len(f.data)
	}
	raw = make([]byte, 0, size)
	raw = append(raw, packMagic...)
	raw = binary.BigEndian.AppendUint32(raw, uint32(len(files)))
	for _, f := range files {
		raw = append(raw, f.hash[:]...)
		raw = binary.BigEndian.AppendUint32(raw, uint32(len(f.data)))
	}
	for _, f := range files {
		raw = append(raw, f.data...)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), raw
}

// entry is a file of a pack, as its index claims.
type entry struct {
	hash hash
	size int64
}

// readIndex reads the index of a pack that has so many bytes, as far as the
// first of its files.
func readIndex(r io.Reader, size int64) ([]entry, error) {
	var head [len(packMagic) + 4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || string(head[:len(packMagic)]) != packMagic {
		return nil, fmt.Errorf("%w: no pack", errPack)
	}
	count := int64(binary.BigEndian.Uint32(head[len(packMagic):]))
	size -= int64(len(head)) + count*packEntry
	if size < 0 {
		return nil, fmt.Errorf("%w: cut short", errPack)
	}
	raw := make([]byte, count*packEntry)
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, fmt.Errorf("%w: cut short", errPack)
	}
	entries := make([]entry, count)
	for i := range entries {
		e := raw[i*packEntry:]
		entries[i] = entry{hash(e[:sha256.Size]), int64(binary.BigEndian.Uint32(e[sha256.Size:packEntry]))}
		size -= entries[i].size
	}
	if size != 0 {
		return nil, fmt.Errorf("%w: %d bytes too long", errPack, size)
	}
	return entries, nil
}

// decodePack adds the files of a pack, which share the memory of raw.
func decodePack(raw []byte, into map[hash][]byte) error {
	r := bytes.NewReader(raw)
	entries, err := readIndex(r, r.Size())
	if err != nil {
		return err
	}
	data := raw[len(raw)-r.Len():]
	for _, e := range entries {
		into[e.hash] = data[:e.size:e.size]
		data = data[e.size:]
	}
	return nil
}
