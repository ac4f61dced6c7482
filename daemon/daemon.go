package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Daemon watches one organisation. Status, Accept and Rescan may be called from
// any goroutine; all other fields belong to the goroutine of Run.
type Daemon struct {
	o      Options
	root   string // links in the folders above resolved, as the watcher names files
	pid    *pidFile
	closed sync.Once

	status   atomic.Pointer[Status]
	dirty    *dirty
	requests chan request
	rescan   chan struct{}
	over     chan struct{} // closed when Run has returned, or Close was called
	tips     *tips

	watching
	agenda
	difference
	gitView
	record
}

// agenda is what is due, and when.
type agenda struct {
	hints    hints // taken from dirty and not looked at yet
	settle   settle
	retry    map[string]again // moving files, as they were
	retryAt  time.Time        // when to look at those again
	scanAt   time.Time        // a walk is wanted then; zero: none
	judgeAt  time.Time        // a judgement is wanted then; zero: none
	gitAt    time.Time
	rescanAt time.Time
	deepAt   time.Time
	periodic bool // the next walk is a routine one

	clock    clock
	started  bool // the first round is over
	scanned  bool
	stopping bool
	idle     bool // the folder is not there, or not on the branch
	waits    waits
}

// Open takes the repository for this process: a second daemon is refused with a
// [RunningError]. Run gives it back when it returns, Close without Run.
func Open(o Options) (*Daemon, error) {
	o = o.withDefaults()
	if o.Root == "" || o.Repo == nil || o.Library == nil {
		return nil, errors.New("open daemon: a folder, a repository and a library are needed")
	}
	if o.Repo.Root() == "" {
		return nil, errors.New("open daemon: the repository is bare: it has no folder to watch")
	}
	root, err := filepath.Abs(o.Root)
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if err != nil {
		return nil, fmt.Errorf("open daemon: %w", err)
	}
	own := filepath.Join(o.Repo.CommonDir(), "anvil")
	pid, err := takePID(own, root)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{own, filepath.Join(own, "pid")} {
		if err := o.Repo.Share(name); err != nil {
			o.Logger.Warn("others of the repository cannot use a file", "error", err)
		}
	}
	d := &Daemon{
		o:        o,
		root:     root,
		pid:      pid,
		dirty:    newDirty(),
		requests: make(chan request),
		rescan:   make(chan struct{}, 1),
		over:     make(chan struct{}),
		watching: watching{retryWatch: watchRetry, gitFolders: findGit(o.Repo.Root(), o.Repo.CommonDir(), "")},
		agenda:   agenda{settle: newSettle(o), retry: make(map[string]again)},
		difference: difference{
			files:  make(map[string]known),
			older:  make(map[string][]older),
			delta:  make(map[string]*entry),
			parked: make(map[string]*entry),
			holds:  make(map[string]Hold),
			edits:  edits{name: filepath.Join(own, "edits.json"), share: o.Repo.Share},
		},
	}
	d.tips = &tips{on: o.OnTip, retry: o.TipRetry, log: o.Logger, change: d.dirty.poke, wake: make(chan struct{}, 1)}
	d.edits.clear()
	if d.lastEdits, err = d.edits.load(root); err != nil {
		o.Logger.Warn("uncommitted files are taken for edits of what git checked out", "error", err)
	}
	d.clearStaged()
	d.publish()
	return d, nil
}

// Close gives the repository back. After Run it does nothing.
func (d *Daemon) Close() error {
	var err error
	d.closed.Do(func() {
		close(d.over)
		err = d.pid.release()
	})
	return err
}

// Run watches and commits until ctx ends; then it finishes the commit under
// way, takes what has settled, and returns nil. It is called once.
func (d *Daemon) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, d.Close()) }()
	handing, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { d.tips.run(handing) })
	defer group.Wait()
	defer stop()

	d.start(time.Now())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		d.turn(time.Now())
		timer.Reset(time.Until(d.next()))
		select {
		case <-ctx.Done():
			d.finish()
			return nil
		case <-timer.C:
		case <-d.dirty.signal:
		case <-d.rescan:
			d.scanAt = time.Now()
			d.hints.all = true // also in the middle of a rebase
			d.deepAt = d.scanAt
			d.gitAt = d.scanAt
		case r := <-d.requests:
			r.done <- d.accept(r.path)
		}
	}
}

// Status returns what is known now. It is never nil.
func (d *Daemon) Status() *Status { return d.status.Load() }

// Rescan asks for a walk of the folder that reads every file.
func (d *Daemon) Rescan() {
	select {
	case d.rescan <- struct{}{}:
	default:
	}
}

// startGrace bounds how long files that do not stand still keep the daemon from
// being ready.
const startGrace = 10 * time.Second

// start looks at git and at the folder for the first time, commits what can be
// committed at once, and hands on the tip.
func (d *Daemon) start(now time.Time) {
	d.clock.jumped(now)
	d.deepAt = now.Add(deepRescan)
	d.rescanAt = now.Add(rescan)
	d.refresh(now)
	d.quiet = d.lastSign(now)
	d.tellSkipped(now)
	d.checkRoot(now)
	d.turn(now)
	d.started, d.readyBy = true, now.Add(startGrace)
	if !d.tip.IsZero() {
		d.tips.set(d.tip)
	}
}

// turn does whatever is due.
func (d *Daemon) turn(now time.Time) {
	d.gather(now)
	if d.hints.git {
		d.hints.git = false
		d.gitAt = earlier(d.gitAt, now.Add(d.o.Quiet))
	}
	if d.clock.jumped(now) {
		d.hints.merge(hints{all: true, rebuild: "the machine slept"})
		d.scanAt = now
	}
	if due(d.rootAt, now) {
		d.checkRoot(now)
	}
	if d.polling != "" {
		if due(d.watchAt, now) {
			d.hints.merge(hints{rebuild: "trying to watch again"})
			d.scanAt = now
		}
		if due(d.pollAt, now) {
			d.pollAt = now.Add(d.o.Poll)
			d.scanAt, d.gitAt = now, now
		}
	}
	if due(d.gitAt, now) {
		d.refresh(now)
	}
	if due(d.rescanAt, now) {
		d.rescanAt = now.Add(rescan)
		d.scanAt, d.periodic = now, d.polling == ""
	}
	d.tell(now)
	if d.pause(now) {
		d.publish()
		return
	}
	if d.settle.due(now) || !d.scanAt.IsZero() && due(d.scanAt, now) {
		d.look(now)
	}
	if len(d.retry) > 0 && due(d.retryAt, now) {
		for path := range maps.Clone(d.retry) {
			d.observe(path, now, sourceWatch)
		}
	}
	if !d.judgeAt.IsZero() && due(d.judgeAt, now) {
		d.round(now)
	}
	d.remember()
	d.tell(now)
	d.publish()
}

// gather takes the hints that came since the last look.
func (d *Daemon) gather(now time.Time) {
	h := d.dirty.take()
	d.settle.add(now, h.events)
	d.hints.merge(h)
	if h.rebuild != "" {
		d.rootAt = now // it may be the root itself
	}
}

func due(at, now time.Time) bool { return !now.Before(at) }

// next is when something is due again.
func (d *Daemon) next() time.Time {
	next := earlier(earlier(d.gitAt, d.rootAt), d.rescanAt)
	if d.polling != "" {
		next = earlier(next, earlier(d.pollAt, d.watchAt))
	}
	if at, ok := d.settle.deadline(); ok {
		next = earlier(next, at)
	}
	if at, ok := d.waits.due(); ok {
		next = earlier(next, at)
	}
	if len(d.retry) > 0 {
		next = earlier(next, d.retryAt)
	}
	if !d.scanAt.IsZero() {
		next = earlier(next, d.scanAt)
	}
	if !d.judgeAt.IsZero() {
		at := d.judgeAt
		if _, until := d.blocked(time.Now()); until.After(at) {
			at = until
		}
		next = earlier(next, at)
	}
	return next
}

// round judges the delta and commits what passes.
func (d *Daemon) round(now time.Time) {
	// First the folder, then git: what was captured before git is seen to
	// stand still cannot be half of a checkout.
	d.freshen(now)
	d.refresh(now)
	d.tell(now)
	if _, until := d.blocked(now); !until.IsZero() {
		return // judgeAt stays, and is due when nothing blocks
	}
	d.judgeAt, d.trouble = time.Time{}, ""
	j := &judge{
		now:          now,
		missingGrace: d.o.MissingGrace,
		tornGrace:    d.o.TornGrace,
		settleMax:    d.o.SettleMax,
		tree:         d.tree,
		blobs:        d.blobs,
		index:        staging{d.index, d.indexAt},
		delta:        d.delta,
		older:        d.older,
		read:         d.o.Library.Read,
	}
	out, err := j.judge()
	if err != nil {
		d.trouble = err.Error()
		d.judgeAt = now.Add(d.o.BusyRecheck)
		return
	}
	d.judgeAt = out.again
	d.noteMoved(out.moved)
	if slices.ContainsFunc(out.commit, func(e *entry) bool { return e.merged != nil }) {
		d.remember() // so that a crash after the commit finds what the file was edited from
	}
	for _, e := range out.update {
		d.update(now, e)
	}
	if len(out.commit) > 0 {
		d.commit(now, out)
	}
	d.hold(now, out)
}

// freshen looks again at whatever in the delta is not as it was captured.
func (d *Daemon) freshen(now time.Time) {
	vanished := false
	for p, e := range maps.Clone(d.delta) {
		info, err := lstat(d.root, p)
		same := err == nil && e.got.is == present && statOf(info) == e.got.stat && info.Mode().IsRegular()
		if !same {
			d.observe(p, now, e.source)
		}
		vanished = vanished || e.got.is == missing
	}
	if vanished {
		d.checkRoot(now)
	}
}

// remember saves what each uncommitted file was edited from, unless it is on
// its way into a commit.
func (d *Daemon) remember() {
	if !d.unsaved {
		return
	}
	d.unsaved = false
	files := make(map[string]edit, len(d.delta))
	for p, base := range d.moved { // not looked at yet since the tip moved
		files[p] = edit{Base: base}
	}
	maps.Copy(files, d.lastEdits) // of files that are still moving
	for p, e := range d.parked {
		files[p] = edit{Base: e.base, Seen: e.seen, Moved: true}
	}
	for p, e := range d.delta {
		if !d.belongs(p) {
			continue
		}
		files[p] = edit{Base: e.base, Seen: e.seen, Moved: e.moved}
	}
	if err := d.edits.save(d.root, files); err != nil {
		d.o.Logger.Error("cannot remember what uncommitted files were edited from", "error", err)
	}
}

// finish takes what settles within patience.
func (d *Daemon) finish() {
	end := time.Now().Add(patience)
	d.unwatch()
	d.stopping = true
	for now := time.Now(); now.Before(end); now = time.Now() {
		d.turn(now)
		if _, settling := d.settle.deadline(); !settling && len(d.retry) == 0 {
			return
		}
		time.Sleep(min(time.Until(d.next()), time.Until(end)))
	}
}

// clock notices when the wall clock and the monotonic one part: the machine
// slept, or somebody set the time.
type clock struct {
	first time.Time
	drift time.Duration
}

// maxDrift is how far they may part between two looks.
const maxDrift = 5 * time.Second

func (c *clock) jumped(now time.Time) bool {
	if c.first.IsZero() {
		c.first = now
		return false
	}
	drift := now.Round(0).Sub(c.first.Round(0)) - now.Sub(c.first)
	jump := (drift - c.drift).Abs()
	c.drift = drift
	return jump > maxDrift
}
