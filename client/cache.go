package client

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anvilpeering/anvil/bundle"
)

const (
	kept       = 3  // releases of a stream that stay in the cache
	packsMost  = 16 // packs that a release is spread over before it gets one of its own
	lockWait   = 5 * time.Second
	lockRetry  = 5 * time.Millisecond
	heldFile   = "held.json"
	currentPtr = "current"

	packsFolder = "packs"
	unfinished  = ".new-" // what the names of files begin with until they are whole
)

var (
	recordName = regexp.MustCompile(`^[0-9]{1,16}-[0-9a-f]{16}$`)
	packName   = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// cache is a folder of verified releases, for one stream of those in it. The
// package comment shows its layout. Nothing that is read from it is believed
// before bundle.Assemble has verified it.
type cache struct {
	root   string
	stream string // folder of the stream, below root

	// valid is the record that this process verified, wrote, or found written with
	// what it would have: only its packs are built upon, as others may be damaged.
	valid string

	step func(string) error // after each step of a store, for tests that die or fail there
}

// record is a release as the cache keeps it, read but not verified.
type record struct {
	name      string
	raw       []byte
	signature []byte
	sums      []byte
	held      held
	confirmed time.Time // when the server last named it, zero when unknown
}

// held is what a record says beyond the signed files. All of it is information,
// and nobody signed it: its hash is in the folder's name.
type held struct {
	Release  string    `json:"release"`  // the server's name for it
	Accepted time.Time `json:"accepted"` // when it was verified first
	Packs    []string  `json:"packs"`
}

func openCache(root string, s stream) *cache {
	return &cache{root: root, stream: filepath.Join(root, "streams", s.project, s.channel), step: func(string) error { return nil }}
}

// lock takes the folder's lock, which ends with the process. Readers go on without
// it when it cannot be had, as everything is verified; writers do not. unlock is
// never nil.
func (c *cache) lock(exclusive bool) (unlock func(), err error) {
	if exclusive {
		if err := makeFolder(c.root); err != nil {
			return func() {}, err
		}
	}
	f, err := os.OpenFile(filepath.Join(c.root, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return func() {}, err
	}
	for deadline := time.Now().Add(lockWait); ; time.Sleep(lockRetry) {
		taken, err := tryLock(f, exclusive)
		if taken {
			return func() { _ = f.Close() }, nil
		}
		if err == nil && time.Now().After(deadline) {
			err = fmt.Errorf("another process holds %s for longer than %s", f.Name(), lockWait)
		}
		if err != nil {
			_ = f.Close()
			return func() {}, err
		}
	}
}

// clientID returns the id kept in the folder, making one at the first time.
func (c *cache) clientID() (string, error) {
	path := filepath.Join(c.root, "client")
	if id, ok := readClientID(path); ok {
		return id, nil
	}
	unlock, err := c.lock(true)
	if err != nil {
		return "", fmt.Errorf("keep client id: %w", err)
	}
	defer unlock()
	if id, ok := readClientID(path); ok {
		return id, nil
	}
	id := randomID()
	if err := c.replace(path, []byte(id+"\n")); err != nil {
		return "", fmt.Errorf("keep client id: %w", err)
	}
	return id, nil
}

func readClientID(path string) (string, bool) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", false
	}
	id := strings.TrimSpace(string(raw))
	return id, clientID.MatchString(id)
}

func randomID() string { return "c-" + strings.ToLower(rand.Text()) }

// replace puts a file in place of another in one step. The lock is held.
func (c *cache) replace(path string, data []byte) error {
	return c.place(path, func(temporary string) error {
		return errors.Join(writeDurably(temporary, data), c.step("written "+filepath.Base(path)))
	})
}

// place has something written under another name, gives it its own in one step,
// and makes that durable. The lock is held, so that whatever has the other name
// is of a crash.
func (c *cache) place(path string, write func(temporary string) error) error {
	folder, name := filepath.Split(path)
	temporary := filepath.Join(folder, unfinished+name)
	if err := os.RemoveAll(temporary); err != nil {
		return err
	}
	err := write(temporary)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.RemoveAll(temporary)
		return err
	}
	if err := c.step("renamed " + name); err != nil {
		return err
	}
	return syncFolder(folder)
}

// records lists the releases kept, highest sequence first, none above the current
// one: what stands above was never finished.
func (c *cache) records() ([]string, error) {
	entries, err := os.ReadDir(c.stream)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	current := c.current()
	var names []string
	for _, e := range entries {
		if recordName.MatchString(e.Name()) && (current == "" || e.Name() == current || sequenceOf(e.Name()) < sequenceOf(current)) {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		switch x, y := sequenceOf(a), sequenceOf(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return strings.Compare(a, b)
	})
	return names, nil
}

// current returns the name of the current record, "" when the pointer is damaged
// or points to nothing.
func (c *cache) current() string {
	raw, err := os.ReadFile(filepath.Join(c.stream, currentPtr))
	if err != nil {
		return ""
	}
	name, ok := strings.CutSuffix(string(raw), "\n")
	if !ok || !recordName.MatchString(name) {
		return ""
	}
	if st, err := os.Stat(filepath.Join(c.stream, name)); err != nil || !st.IsDir() {
		return ""
	}
	return name
}

func sequenceOf(record string) int64 {
	text, _, _ := strings.Cut(record, "-")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// read reads a record without its files.
func (c *cache) read(name string) (*record, error) {
	r := &record{name: name}
	dir := filepath.Join(c.stream, name)
	for file, into := range map[string]*[]byte{"manifest.json": &r.raw, "manifest.json.sig": &r.signature, "SHA256SUMS": &r.sums} {
		raw, err := readBounded(filepath.Join(dir, file), bundle.MaxSums)
		if err != nil {
			return nil, fmt.Errorf("read cached release: %w", err)
		}
		*into = raw
	}
	raw, err := readBounded(filepath.Join(dir, heldFile), 1<<20)
	if err != nil {
		return nil, fmt.Errorf("read cached release: %w", err)
	}
	if !strings.HasSuffix(name, "-"+sumOf(raw)) {
		return nil, fmt.Errorf("read cached release: %s is not what its folder was named for", heldFile)
	}
	if err := json.Unmarshal(raw, &r.held); err != nil {
		return nil, fmt.Errorf("read cached release: %s: %w", heldFile, err)
	}
	for _, p := range r.held.Packs {
		if !packName.MatchString(p) {
			return nil, fmt.Errorf("read cached release: %s: %q is no pack", heldFile, p)
		}
	}
	if name == c.current() {
		if st, err := os.Stat(filepath.Join(c.stream, currentPtr)); err == nil {
			r.confirmed = st.ModTime()
		}
	}
	return r, nil
}

func readBounded(path string, limit int64) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.Size() > limit {
		return nil, fmt.Errorf("%s: %d bytes are too many", path, st.Size())
	}
	return os.ReadFile(path)
}

// content returns the files that a record's sums name, by their paths. Whether
// they are what the sums say is not checked here.
func (c *cache) content(r *record) (map[string][]byte, error) {
	sums, err := bundle.ParseSums(r.sums)
	if err != nil {
		return nil, fmt.Errorf("read cached release: %w", err)
	}
	files := make(map[hash][]byte, sums.Len())
	for _, p := range r.held.Packs {
		raw, err := readBounded(filepath.Join(c.root, packsFolder, p), bundle.MaxTotal+packEntry*bundle.MaxEntries+1024)
		if err != nil {
			return nil, fmt.Errorf("read cached release: %w", err)
		}
		if err := decodePack(raw, files); err != nil {
			return nil, fmt.Errorf("read cached release: pack %s: %w", p, err)
		}
	}
	content := make(map[string][]byte, sums.Len())
	for path, h := range sums.All() {
		data, ok := files[h]
		if !ok {
			return nil, fmt.Errorf("read cached release: %s: %w: file missing", path, errPack)
		}
		content[path] = data
	}
	return content, nil
}

// touch remembers that the server named the current record now. It is not made
// durable: a lost minute of age is no loss.
func (c *cache) touch(now time.Time) {
	if c.valid != "" && c.current() == c.valid {
		_ = os.Chtimes(filepath.Join(c.stream, currentPtr), now, now)
	}
}

// store makes a verified release the current one, unless another process was
// further already: newer tells whether a manifest found here is a later one that
// is trusted. When store returns nil, the release, or a later one, survives a
// crash.
func (c *cache) store(b *bundle.Bundle, release string, accepted time.Time, newer func(*record) bool) error {
	unlock, err := c.lock(true)
	if err != nil {
		return fmt.Errorf("store release: %w", err)
	}
	defer unlock()
	if err := c.storeLocked(b, release, accepted, newer); err != nil {
		return fmt.Errorf("store release: %w", err)
	}
	return nil
}

func (c *cache) storeLocked(b *bundle.Bundle, release string, accepted time.Time, newer func(*record) bool) error {
	var base *record
	if current := c.current(); current != "" {
		if r, err := c.read(current); err == nil {
			if newer(r) {
				if bytes.Equal(r.raw, b.Raw) {
					c.valid = current // another process was faster with the same
				}
				return nil
			}
			if current == c.valid {
				base = r
			}
		}
	}
	for _, dir := range []string{filepath.Join(c.root, packsFolder), c.stream} {
		if err := makeFolder(dir); err != nil {
			return err
		}
	}
	packs, err := c.pack(b, base)
	if err != nil {
		return err
	}
	name, err := c.writeRecord(b, held{Release: release, Accepted: accepted.UTC(), Packs: packs})
	if err != nil {
		return err
	}
	if err := c.replace(filepath.Join(c.stream, currentPtr), []byte(name+"\n")); err != nil {
		return err
	}
	c.valid = name
	c.touch(accepted)
	c.prune(name)
	return nil
}

// pack writes the files that the packs of base do not hold, and returns all packs
// of the release.
func (c *cache) pack(b *bundle.Bundle, base *record) ([]string, error) {
	have := make(map[hash]bool)
	var packs []string
	if base != nil && len(base.held.Packs) < packsMost {
		var all, live int64
		for _, p := range base.held.Packs {
			entries, err := c.index(p)
			if err != nil {
				return c.pack(b, nil) // damaged since it was verified
			}
			for _, e := range entries {
				all += e.size
				have[e.hash] = true
			}
		}
		for path, h := range b.Sums.All() {
			if have[h] {
				live += int64(len(b.Content[path]))
			}
		}
		if 2*live < all { // mostly of releases past
			return c.pack(b, nil)
		}
		packs = slices.Clone(base.held.Packs)
	}
	var files []packed
	for path, h := range b.Sums.All() {
		if !have[h] {
			have[h] = true
			files = append(files, packed{h, b.Content[path]})
		}
	}
	if len(files) == 0 {
		return packs, nil
	}
	name, raw := encodePack(files)
	if err := c.replace(filepath.Join(c.root, packsFolder, name), raw); err != nil {
		return nil, err
	}
	return append(packs, name), nil
}

func (c *cache) index(pack string) ([]entry, error) {
	f, err := os.Open(filepath.Join(c.root, packsFolder, pack))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return readIndex(bufio.NewReaderSize(f, 64<<10), st.Size())
}

// writeRecord writes the release's folder under a name of its own.
func (c *cache) writeRecord(b *bundle.Bundle, h held) (string, error) {
	about, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return "", err
	}
	about = append(about, '\n')
	name := fmt.Sprintf("%d-%s", b.Manifest.Sequence, sumOf(about))
	return name, c.place(filepath.Join(c.stream, name), func(temporary string) error {
		if err := os.Mkdir(temporary, 0o700); err != nil {
			return err
		}
		for _, f := range []struct {
			name string
			data []byte
		}{
			{"manifest.json", b.Raw}, {"manifest.json.sig", b.Signature}, {"SHA256SUMS", b.Sums.Bytes()}, {heldFile, about},
		} {
			if err := writeDurably(filepath.Join(temporary, f.name), f.data); err != nil {
				return err
			}
			if err := c.step("written " + f.name); err != nil {
				return err
			}
		}
		return syncFolder(temporary)
	})
}

func sumOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

// prune removes what nothing names any more: older releases, packs of no release,
// and what a crash left behind. What cannot be removed stays for the next time.
func (c *cache) prune(current string) {
	entries, _ := os.ReadDir(c.stream)
	names, _ := c.records()
	keep := names[:min(kept, len(names))]
	for _, e := range entries {
		past := recordName.MatchString(e.Name()) && e.Name() != current && !slices.Contains(keep, e.Name())
		if (past || strings.HasPrefix(e.Name(), unfinished)) && !c.remove(c.stream, e.Name()) {
			return
		}
	}
	named, err := c.named()
	if err != nil {
		return
	}
	folder := filepath.Join(c.root, packsFolder)
	packs, _ := os.ReadDir(folder)
	for _, e := range packs {
		if !named[e.Name()] && !c.remove(folder, e.Name()) {
			return
		}
	}
}

func (c *cache) remove(folder, name string) bool {
	return errors.Join(os.RemoveAll(filepath.Join(folder, name)), c.step("removed "+name)) == nil
}

// named returns the packs that the releases of all streams name.
func (c *cache) named() (map[string]bool, error) {
	root := os.DirFS(c.root)
	abouts, err := fs.Glob(root, "streams/*/*/*/"+heldFile)
	if err != nil {
		return nil, err
	}
	named := make(map[string]bool)
	for _, path := range abouts {
		raw, err := fs.ReadFile(root, path)
		if err != nil {
			return nil, err
		}
		var h held
		if json.Unmarshal(raw, &h) != nil {
			continue // damaged: its packs are of no use to anyone
		}
		for _, p := range h.Packs {
			named[p] = true
		}
	}
	return named, nil
}
