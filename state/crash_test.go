package state_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/anvilpeering/anvil/state"
)

// crashPath tells the test binary to be the process that is killed.
const crashPath = "ANVIL_STATE_CRASH"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashPath); path != "" {
		if err := acknowledgeForEver(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// acknowledgeForEver records acknowledgements from 16 goroutines and prints the
// number of each once it was told that it is durable.
func acknowledgeForEver(path string) error {
	s, err := state.Open(context.Background(), path)
	if err != nil {
		return err
	}
	k := state.ClientKey{Token: "tok", ID: "c1"}
	start, err := strconv.Atoi(os.Getenv(crashPath + "_FROM"))
	if err != nil {
		return err
	}
	numbers, failed := make(chan int), make(chan error)
	for range 16 {
		go func() {
			for n := range numbers {
				err := s.Update(context.Background(), func(tx *state.Tx) error {
					_, err := tx.Acknowledge(state.Acknowledgement{ClientKey: k, Release: fmt.Sprint(n), State: "applied"})
					return err
				})
				if err != nil {
					failed <- err
				}
				fmt.Println(n) // one write(2)
			}
		}()
	}
	for n := start; ; n++ {
		select {
		case numbers <- n:
		case err := <-failed:
			return err
		}
	}
}

// What a process said is durable is there after it was killed, and the file is
// whole.
func TestKilledProcessLosesNothing(t *testing.T) {
	killRounds(t, func(round int) (after int, again bool) { return 200 + 137*round, round < 5 })
}

// killRounds starts a process again and again, and kills it when it has said of
// so many acknowledgements that they are durable.
func killRounds(t *testing.T, plan func(round int) (after int, again bool)) {
	path := filepath.Join(t.TempDir(), "anvil.db")
	s, k := withClient(t, path)
	s.Close()
	acknowledged := map[string]bool{}
	next := 0
	for round := 0; ; round++ {
		after, again := plan(round)
		if !again {
			t.Logf("%d acknowledged over %d kills", len(acknowledged), round)
			return
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), crashPath+"="+path, crashPath+"_FROM="+fmt.Sprint(next))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		for seen := 0; ; seen++ {
			if seen == after {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			line, err := lines.ReadString('\n')
			if err != nil { // a line that was cut off was never said
				break
			}
			n, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			acknowledged[fmt.Sprint(n)] = true
			next = max(next, n+1)
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the process was not killed")
		}
		next += 32 // those that were on their way

		s := open(t, path)
		there := map[string]bool{}
		all, err := s.Acknowledgements(t.Context(), k, 10_000_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range all {
			there[a.Release] = true
		}
		for n := range acknowledged {
			if !there[n] {
				t.Errorf("round %d: acknowledgement %s is lost", round, n)
			}
		}
		s.Close()
		db := raw(t, path)
		var check string
		if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&check); err != nil || check != "ok" {
			t.Errorf("round %d: integrity check: %s, %v", round, check, err)
		}
		db.Close()
	}
}

func BenchmarkAcknowledge(b *testing.B) {
	s, err := state.Open(b.Context(), filepath.Join(b.TempDir(), "anvil.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	k := state.ClientKey{Token: "tok", ID: "c1"}
	err = s.Update(b.Context(), func(tx *state.Tx) error {
		if err := tx.InsertToken(state.Token{ID: k.Token}); err != nil {
			return err
		}
		return tx.PutClient(state.Client{ClientKey: k})
	})
	if err != nil {
		b.Fatal(err)
	}
	n := make(chan int)
	go func() {
		defer close(n)
		for i := range b.N {
			n <- i
		}
	}()
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			release := fmt.Sprint(<-n)
			err := s.Update(context.Background(), func(tx *state.Tx) error {
				_, err := tx.Acknowledge(state.Acknowledgement{ClientKey: k, Release: release, State: "applied"})
				return err
			})
			if err != nil {
				b.Error(err)
			}
		}
	})
}
