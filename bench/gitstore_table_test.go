//go:build bench && linux

package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/gitstore"
)

// TestGitstoreTable prints what package gitstore takes for the work of a day
// beside the git command line: on generated repositories, in one run, the two in
// turn, the medians and how many times faster Anvil is. ANVIL_BENCH_SIZES says
// how many prompts the repositories have, ANVIL_BENCH_SAVES how many saves the
// last rows make.
//
// Each side has a repository of its own, so that neither spoils what the other
// keeps between two commits. The times of git are those of its processes, as a
// program would have to start them; a row shows what a process that does nothing
// takes.
func TestGitstoreTable(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIPPED: needs git")
	}
	isolateGit(t)
	out := &table{t: t}
	defer out.print()
	for _, prompts := range sizes(t) {
		measure(t, out, prompts)
	}
	measureBases(t, out)
	measureSaves(t, out)
}

func measure(t *testing.T, out *table, prompts int) {
	r := rounds(prompts)
	ours, theirs := newRepository(t, prompts), newRepository(t, prompts)
	out.at(prompts)
	out.row("a git process that does nothing", nil, median(r, func() { theirs.git("version") }))

	one := func(w *repository, round int) []string { return w.save(round*7919, 1) }
	compare := func(work string, options gitstore.Options, save func(w *repository, round int) []string, rounds int, others ...string) {
		repo := ours.open(options)
		defer repo.Close()
		ours.commit(repo, save(ours, -1)) // what a running daemon has read, is read
		var own []time.Duration
		git := make([][]time.Duration, len(others))
		for round := range rounds {
			paths := save(ours, round)
			own = append(own, ours.timed(func() { ours.commit(repo, paths) }))
			for i, config := range others {
				paths := save(theirs, round*len(others)+i)
				git[i] = append(git[i], theirs.timed(func() { theirs.gitCommit(config, paths) }))
			}
		}
		for i, config := range others {
			out.row(strings.TrimSpace(work+", beside git "+config), own, git[i])
		}
	}
	durable := gitstore.Options{}
	compare("commit of one file, durable", durable, one, r, "", "core.fsync=all")
	compare("commit of one file, as git does it", gitstore.Options{Durability: gitstore.NoFsync}, one, r, "")
	out.row("commit of one file, durable, to a branch that is not checked out", ours.commitElsewhere(r), nil)
	many := func(w *repository, round int) []string { return w.save(round*31+1, prompts/100) }
	compare(fmt.Sprintf("commit of %d files, durable", prompts/100), durable, many, max(r/3, 3), "", "core.fsync=all")

	out.row("open, nothing in memory, beside git diff --cached",
		median(r, func() { ours.open(durable).Close() }),
		median(r, func() { theirs.git("diff", "--cached", "--quiet") }))
	for _, files := range []int{1, prompts / 100} {
		ours.diffs(out, files, r)
	}
	out.memory("peak memory of open and commit", peakOfCommit(t, ours), theirs.peakOfGit(theirs.save(5, 1)))
	merges(out, ours, theirs, fmt.Sprintf("merge of %d files, committed and checked out", min(1000, prompts)), min(1000, prompts), false)
	if prompts <= 10_000 {
		merges(out, ours, theirs, "import of all files: objects, merge, commit, checkout; git: merge", prompts, true)
		firstCommit(t, out, prompts)
	}
}

// commitElsewhere commits one file where there is no index to keep.
func (w *repository) commitElsewhere(rounds int) []time.Duration {
	repo := w.open(gitstore.Options{})
	defer repo.Close()
	tip := w.tip(repo)
	if err := repo.SetRef("refs/heads/elsewhere", gitstore.Hash{}, tip); err != nil {
		w.t.Fatal(err)
	}
	var times []time.Duration
	for round := range rounds + 1 {
		c := gitstore.NewCommit{Branch: "refs/heads/elsewhere", Tip: tip, Message: "update", Author: author}
		c.Edits = []gitstore.Edit{{Path: promptFile(w.prompts / 2), Content: fmt.Appendf(nil, "round %d\n", round)}}
		times = append(times, w.timed(func() {
			var err error
			if tip, err = repo.Commit(context.Background(), c); err != nil {
				w.t.Fatal(err)
			}
		}))
	}
	return times[1:]
}

// diffs compares two commits that differ in some files, with and without
// anything in memory, beside git diff-tree.
func (w *repository) diffs(out *table, files, rounds int) {
	repo := w.open(gitstore.Options{})
	defer repo.Close()
	before := w.tip(repo)
	w.commit(repo, w.save(3, files))
	after := w.tip(repo)
	check := func(repo *gitstore.Repo) {
		changes, err := repo.Diff(before, after, "")
		if err != nil || len(changes) != files {
			w.t.Fatalf("%d changes, %v", len(changes), err)
		}
	}
	var warm, cold, git []time.Duration
	for range rounds {
		fresh := w.open(gitstore.Options{})
		cold = append(cold, timed(func() { check(fresh) }))
		fresh.Close()
		warm = append(warm, timed(func() { check(repo) }))
		git = append(git, timed(func() { w.git("diff-tree", "-r", before.String(), after.String()) }))
	}
	out.row(fmt.Sprintf("diff of %s, trees in memory", count(files, "file")), warm, git)
	out.row(fmt.Sprintf("diff of %s, nothing in memory", count(files, "file")), cold, git)
}

// measureBases looks for the merge base of branches of a long history.
func measureBases(t *testing.T, out *table) {
	const length = 20_000
	w := emptyRepository(t, 1)
	var in strings.Builder
	for i := range length {
		fmt.Fprintf(&in, "commit refs/heads/main\nmark :%d\ncommitter %s %d +0000\ndata 1\nm\n", i+1, who, 1_700_000_000+i)
		fmt.Fprintf(&in, "M 100644 inline f\ndata <<E\n%d\nE\n\n", i)
	}
	near, far := 10, length-1
	for _, back := range []int{near, far} {
		fmt.Fprintf(&in, "commit refs/heads/back%d\ncommitter %s 1800000000 +0000\ndata 1\nm\nfrom :%d\nM 100644 inline g\ndata 1\nx\n\n", back, who, length-back)
	}
	w.input(in.String(), "fast-import", "--quiet", "--force")
	w.git("repack", "-q", "-a", "-d")
	out.at(0)
	look := func(work string, back int) {
		side := fmt.Sprintf("back%d", back)
		own := median(7, func() {
			repo := w.open(gitstore.Options{})
			defer repo.Close()
			a, errA := repo.Resolve("main")
			b, errB := repo.Resolve(side)
			bases, err := repo.Bases(a, b)
			if err = errors.Join(errA, errB, err); err != nil || len(bases) != 1 {
				t.Fatalf("bases %v, %v", bases, err)
			}
		})
		out.row(fmt.Sprintf(work, back), own, median(7, func() { w.git("merge-base", "--all", "main", side) }))
	}
	look("open and merge base, %d commits back", near)
	look("open and merge base, %d commits back", far)
	w.git("commit-graph", "write", "--reachable") // as git gc does
	look("open and merge base, %d commits back, after git gc", far)
}

// measureSaves shows how the repository grows with saves, and what git gc makes
// of it.
func measureSaves(t *testing.T, out *table) {
	saves := 10_000
	if n, err := strconv.Atoi(os.Getenv("ANVIL_BENCH_SAVES")); err == nil {
		saves = n
	}
	prompts := 10_000
	for _, n := range sizes(t) {
		prompts = min(prompts, n)
	}
	w := newRepository(t, prompts)
	out.at(prompts)
	before := w.size()
	repo := w.open(gitstore.Options{Durability: gitstore.NoFsync})
	defer repo.Close()
	var first, last []time.Duration
	for i := range saves {
		paths := w.save(i*7919, 1)
		took := timed(func() { w.commit(repo, paths) })
		switch {
		case i < saves/100:
			first = append(first, took)
		case i >= saves-saves/100:
			last = append(last, took)
		}
	}
	out.row("commit of one file, the first 1 % of the saves, as git does it", first, nil)
	out.row("the same, the last 1 %", last, nil)
	after := w.size()
	gc := timed(func() { w.git("gc", "-q", "--prune=now") })
	out.note("size of .git", size(before))
	out.note(fmt.Sprintf("the same after %d saves", saves), size(after))
	out.note("the same after git gc", fmt.Sprintf("%s, %.1f s", size(w.size()), gc.Seconds()))
	paths := w.save(3, 1)
	w.commit(repo, paths) // the open repository goes on
}

// sizes are the numbers of prompts to measure with.
func sizes(t *testing.T) []int {
	var list []int
	for s := range strings.SplitSeq(cmp.Or(os.Getenv("ANVIL_BENCH_SIZES"), "1000,10000,100000"), ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 200 {
			t.Fatalf("ANVIL_BENCH_SIZES: %q is no number of at least 200", s)
		}
		list = append(list, n)
	}
	return list
}

func rounds(prompts int) int {
	if prompts > 20_000 {
		return 11
	}
	return 21
}
