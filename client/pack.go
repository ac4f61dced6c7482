package client

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// A pack is many files in one, so that a release of ten thousand prompts costs
// one fsync and not ten thousand:
//
//	"anvil-pack 1\n" | count u32 | count × (SHA-256, length u32) | the files
//
// Integers are big-endian. Its name in the cache is the SHA-256 of its bytes; a
// reader believes neither that nor the hashes inside, the manifest's sums decide.
const packMagic = "anvil-pack 1\n"

const packEntry = sha256.Size + 4

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

// decodePack adds the files of a pack, which share the memory of raw.
func decodePack(raw []byte, into map[hash][]byte) error {
	rest, ok := bytes.CutPrefix(raw, []byte(packMagic))
	if !ok || len(rest) < 4 {
		return fmt.Errorf("%w: no pack", errPack)
	}
	count := int64(binary.BigEndian.Uint32(rest))
	rest = rest[4:]
	if int64(len(rest)) < count*packEntry {
		return fmt.Errorf("%w: cut short", errPack)
	}
	index, data := rest[:count*packEntry], rest[count*packEntry:]
	for ; len(index) > 0; index = index[packEntry:] {
		size := int64(binary.BigEndian.Uint32(index[sha256.Size:]))
		if size > int64(len(data)) {
			return fmt.Errorf("%w: cut short", errPack)
		}
		into[hash(index[:sha256.Size])] = data[:size:size]
		data = data[size:]
	}
	if len(data) > 0 {
		return fmt.Errorf("%w: %d bytes too long", errPack, len(data))
	}
	return nil
}
