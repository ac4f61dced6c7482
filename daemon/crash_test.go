package daemon_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/anvilpeering/anvil/daemon"
	"github.com/anvilpeering/anvil/gitstore"
	"github.com/anvilpeering/anvil/library"
)

// childRoot is the variable that makes the test binary a daemon.
const childRoot = "ANVIL_TEST_DAEMON_ROOT"

// child runs a daemon until it is killed.
func child(root string) error {
	repo, err := gitstore.Open(root, gitstore.Options{Durability: gitstore.NoFsync})
	if err != nil {
		return err
	}
	o := quick()
	o.Root, o.Repo, o.Library = root, repo, library.Open(repo, "", library.Options{})
	o.OnTip = func(context.Context, gitstore.Hash) error {
		_, err := fmt.Println("tip")
		return err
	}
	d, err := daemon.Open(o)
	if err != nil {
		return err
	}
	return d.Run(context.Background())
}

// TestKilled kills a daemon at random moments while files are saved. Nothing
// that was saved is lost, nothing is committed twice, and no older text comes
// back.
func TestKilled(t *testing.T) {
	w := newWorld(t, "")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	self, err := os.Executable()
	w.must(err)
	version := 0
	for range 6 {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), childRoot+"="+w.root)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		w.must(err)
		w.must(cmd.Start())
		if !bufio.NewScanner(out).Scan() {
			t.Fatal("the child did not come up")
		}
		end := time.Now().Add(time.Duration(random.IntN(150)) * time.Millisecond)
		for time.Now().Before(end) {
			version++
			w.write(reply, good(fmt.Sprint("version ", version)))
			w.write(fmt.Sprintf("support/triage/n%d.yaml", version%5), good(fmt.Sprint("version ", version)))
			time.Sleep(time.Duration(random.IntN(40)) * time.Millisecond)
		}
		w.must(cmd.Process.Kill())
		if err := cmd.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
	}
	w.start()
	w.awaitCommitted(reply)
	w.rest()
	last := version + 1
	for rev := range strings.SplitSeq(w.git("log", "--format=%H", "--", reply), "\n") {
		var n int
		if _, err := fmt.Sscanf(w.git("show", rev+":"+reply), "name: A prompt\nparameters:\n  who: {type: string}\ntemplate: |\n  version %d", &n); err != nil {
			break // the first one
		}
		if n >= last {
			t.Errorf("version %d was committed before version %d", n, last)
		}
		last = n
	}
}
