package client

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
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
	clientFile = "client"

	maxHeld      = 16 << 10 // bytes of held.json
	maxSignature = 4 << 10  // and of a signature

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
	folder
	stream string // folder of the stream, below

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
	return &cache{folder: folder{root}, stream: filepath.Join("streams", s.project, s.channel), step: func(string) error { return nil }}
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
	f, err := c.open("lock", os.O_RDWR|os.O_CREATE)
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
	if id, ok := c.readClientID(); ok {
		return id, nil
	}
	unlock, err := c.lock(true)
	if err != nil {
		return "", fmt.Errorf("keep client id: %w", err)
	}
	defer unlock()
	if id, ok := c.readClientID(); ok {
		return id, nil
	}
	id := randomID()
	if err := c.replace(clientFile, []byte(id+"\n")); err != nil {
		return "", fmt.Errorf("keep client id: %w", err)
	}
	return id, nil
}

func (c *cache) readClientID() (string, bool) {
	raw, err := c.readFile(clientFile, 1<<10)
	if err != nil {
		return "", false
	}
	id := strings.TrimSpace(string(raw))
	return id, clientID.MatchString(id)
}

func randomID() string { return "c-" + strings.ToLower(rand.Text()) }

// replace puts a file in place of another in one step. The lock is held.
func (c *cache) replace(path string, data []byte) error {
	return c.place(path, func(root *os.Root, temporary string) error {
		return errors.Join(writeDurably(root, temporary, data), c.step("written "+filepath.Base(path)))
	})
}

// place has something written under another name, gives it its own in one step,
// and makes that durable. The lock is held, so that whatever has the other name
// is of a crash.
func (c *cache) place(path string, write func(root *os.Root, temporary string) error) error {
	return c.in(path, func(root *os.Root) error {
		folder, name := filepath.Dir(path), filepath.Base(path)
		temporary := filepath.Join(folder, unfinished+name)
		if err := root.RemoveAll(temporary); err != nil {
			return err
		}
		err := write(root, temporary)
		if err == nil {
			err = root.Rename(temporary, path)
		}
		if err != nil {
			_ = root.RemoveAll(temporary)
			return err
		}
		if err := c.step("renamed " + name); err != nil {
			return err
		}
		return syncFolder(root, folder)
	})
}

// records lists the releases kept, highest sequence first, none above the current
// one: what stands above was never finished.
func (c *cache) records() ([]string, error) {
	entries, err := c.list(c.stream)
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
	raw, err := c.readFile(filepath.Join(c.stream, currentPtr), 1<<10)
	if err != nil {
		return ""
	}
	name, ok := strings.CutSuffix(string(raw), "\n")
	if !ok || !recordName.MatchString(name) {
		return ""
	}
	if st, err := c.stat(filepath.Join(c.stream, name)); err != nil || !st.IsDir() {
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
	for _, file := range []struct {
		name string
		most int64
		into *[]byte
	}{
		{"manifest.json", bundle.MaxManifest, &r.raw}, {"manifest.json.sig", maxSignature, &r.signature}, {"SHA256SUMS", bundle.MaxSums, &r.sums},
	} {
		raw, err := c.readFile(filepath.Join(dir, file.name), file.most)
		if err != nil {
			return nil, fmt.Errorf("read cached release: %w", err)
		}
		*file.into = raw
	}
	raw, err := c.readFile(filepath.Join(dir, heldFile), maxHeld)
	if err != nil {
		return nil, fmt.Errorf("read cached release: %w", err)
	}
	if !strings.HasSuffix(name, "-"+sumOf(raw)) {
		return nil, fmt.Errorf("read cached release: %s is not what its folder was named for", heldFile)
	}
	if err := json.Unmarshal(raw, &r.held); err != nil {
		return nil, fmt.Errorf("read cached release: %s: %w", heldFile, err)
	}
	if n := len(r.held.Packs); n > packsMost {
		return nil, fmt.Errorf("read cached release: %s: %d packs are too many", heldFile, n)
	}
	for _, p := range r.held.Packs {
		if !packName.MatchString(p) {
			return nil, fmt.Errorf("read cached release: %s: %q is no pack", heldFile, p)
		}
	}
	if name == c.current() {
		if st, err := c.stat(filepath.Join(c.stream, currentPtr)); err == nil {
			r.confirmed = st.ModTime()
		}
	}
	return r, nil
}

// content returns the files that a record's sums name, by their paths. Whether
// they are what the sums say is not checked here. The manifest has been verified:
// it says how much is read at most.
func (c *cache) content(r *record) (map[string][]byte, error) {
	sums, err := bundle.ParseSums(r.sums)
	if err != nil {
		return nil, fmt.Errorf("read cached release: %w", err)
	}
	m, err := bundle.ParseManifest(r.raw)
	if err != nil {
		return nil, fmt.Errorf("read cached release: %w", err)
	}
	// No release is built on packs that are more than half of others' files.
	most := 2*min(m.Content.Bytes, bundle.MaxTotal) + packsMost*packOverhead
	files := make(map[hash][]byte, sums.Len())
	for _, p := range r.held.Packs {
		raw, err := c.readFile(filepath.Join(packsFolder, p), most)
		if err != nil {
			return nil, fmt.Errorf("read cached release: %w", err)
		}
		most -= int64(len(raw))
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
		path := filepath.Join(c.stream, currentPtr)
		_ = c.in(path, func(root *os.Root) error { return root.Chtimes(path, now, now) })
	}
}

func (c *cache) index(pack string) ([]entry, error) {
	f, err := c.open(filepath.Join(packsFolder, pack), os.O_RDONLY)
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

func sumOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}
