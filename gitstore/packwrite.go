package gitstore

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"runtime"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"golang.org/x/sync/errgroup"
)

// packed is an object on its way into a pack.
type packed struct {
	hash   Hash
	bytes  []byte // header and zlib stream
	offset int64
	sum    uint32
}

// beginPack writes objects as one pack with its index, under temporary names:
// git unpacks or repacks it as it likes.
func (r *Repo) beginPack(list []newObject) (files []unsynced, dirs map[string]bool, err error) {
	entries := packEntries(list)
	pack := []byte("PACK\x00\x00\x00\x02")
	pack = binary.BigEndian.AppendUint32(pack, uint32(len(entries)))
	for i := range entries {
		entries[i].offset = int64(len(pack))
		pack = append(pack, entries[i].bytes...)
	}
	sum := sha1.Sum(pack)
	pack = append(pack, sum[:]...)
	index, err := packIndex(entries, sum)
	if err != nil {
		return nil, nil, fmt.Errorf("write pack index: %w", err)
	}

	dir := filepath.Join(r.objects.dirs[0], "pack")
	dirs = map[string]bool{dir: true}
	made, err := r.disk.mkdir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("write pack: %w", err)
	}
	if made {
		dirs[r.objects.dirs[0]] = true
	}
	name := filepath.Join(dir, "pack-"+hex.EncodeToString(sum[:]))
	for _, f := range []struct {
		pattern, ending string
		data            []byte
	}{{"tmp_pack_*", ".pack", pack}, {"tmp_idx_*", ".idx", index}} { // the index last: it makes the pack known
		temp, err := r.disk.temporary(dir, f.pattern, f.data)
		if err != nil {
			return files, dirs, fmt.Errorf("write pack: %w", err)
		}
		files = append(files, unsynced{temp, name + f.ending})
	}
	return files, dirs, nil
}

// packEntries deflates on all processors and keeps the order.
func packEntries(list []newObject) []packed {
	entries := make([]packed, len(list))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	const share = 64
	for from := 0; from < len(list); from += share {
		group.Go(func() error {
			for i := from; i < min(from+share, len(list)); i++ {
				var out bytes.Buffer
				out.Write(packEntryHeader(list[i].kind, len(list[i].data)))
				deflate(&out, list[i].data)
				entries[i] = packed{hash: list[i].hash, bytes: out.Bytes(), sum: crc32.ChecksumIEEE(out.Bytes())}
			}
			return nil
		})
	}
	_ = group.Wait() // none fails
	return entries
}

func packEntryHeader(k kind, size int) []byte {
	first := byte(k)<<4 | byte(size&15)
	size >>= 4
	var header []byte
	for size > 0 {
		header = append(header, first|0x80)
		first = byte(size & 0x7f)
		size >>= 7
	}
	return append(header, first)
}

// packIndex writes the index of a pack, version 2.
func packIndex(entries []packed, sum [sha1.Size]byte) ([]byte, error) {
	var w idxfile.Writer
	if err := w.OnHeader(uint32(len(entries))); err != nil {
		return nil, err
	}
	for _, e := range entries {
		w.Add(plumbing.Hash(e.hash), uint64(e.offset), e.sum)
	}
	if err := w.OnFooter(plumbing.Hash(sum)); err != nil {
		return nil, err
	}
	index, err := w.Index()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	_, err = idxfile.NewEncoder(&out).Encode(index)
	return out.Bytes(), err
}
