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
	"sort"

	"golang.org/x/sync/errgroup"
)

// packed is an object on its way into a pack.
type packed struct {
	hash   Hash
	bytes  []byte // header and zlib stream
	offset int64
	sum    uint32
}

// writePack writes objects as one pack with its index: git unpacks or repacks it as it likes.
func (r *Repo) writePack(list []newObject) error {
	entries := packEntries(list)
	pack := []byte("PACK\x00\x00\x00\x02")
	pack = binary.BigEndian.AppendUint32(pack, uint32(len(entries)))
	for i := range entries {
		entries[i].offset = int64(len(pack))
		pack = append(pack, entries[i].bytes...)
	}
	sum := sha1.Sum(pack)
	pack = append(pack, sum[:]...)
	index := packIndex(entries, sum)

	dir := filepath.Join(r.objects.dirs[0], "pack")
	if _, err := r.disk.mkdir(dir); err != nil {
		return fmt.Errorf("write pack: %w", err)
	}
	name := filepath.Join(dir, "pack-"+hex.EncodeToString(sum[:]))
	for _, f := range []struct {
		pattern, ending string
		data            []byte
	}{{"tmp_pack_*", ".pack", pack}, {"tmp_idx_*", ".idx", index}} { // the index last: it makes the pack known
		temp, err := r.disk.temporary(dir, f.pattern, f.data)
		if err != nil {
			return fmt.Errorf("write pack: %w", err)
		}
		if err := r.disk.rename(temp, name+f.ending); err != nil {
			_ = r.disk.remove(temp)
			return fmt.Errorf("write pack: %w", err)
		}
	}
	if err := r.disk.syncDir(dir); err != nil {
		return fmt.Errorf("write pack: %w", err)
	}
	return r.objects.list()
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
func packIndex(entries []packed, sum [sha1.Size]byte) []byte {
	sorted := make([]packed, len(entries))
	copy(sorted, entries)
	sort.Slice(sorted, func(i, j int) bool { return bytes.Compare(sorted[i].hash[:], sorted[j].hash[:]) < 0 })
	out := []byte("\377tOc\x00\x00\x00\x02")
	n := 0
	for first := range 256 {
		for n < len(sorted) && int(sorted[n].hash[0]) <= first {
			n++
		}
		out = binary.BigEndian.AppendUint32(out, uint32(n))
	}
	for _, e := range sorted {
		out = append(out, e.hash[:]...)
	}
	for _, e := range sorted {
		out = binary.BigEndian.AppendUint32(out, e.sum)
	}
	var far []byte
	for _, e := range sorted {
		if e.offset < 1<<31 {
			out = binary.BigEndian.AppendUint32(out, uint32(e.offset))
			continue
		}
		out = binary.BigEndian.AppendUint32(out, 1<<31|uint32(len(far)/8))
		far = binary.BigEndian.AppendUint64(far, uint64(e.offset))
	}
	out = append(out, far...)
	out = append(out, sum[:]...)
	own := sha1.Sum(out)
	return append(out, own[:]...)
}
