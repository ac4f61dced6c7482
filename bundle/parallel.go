package bundle

import (
	"runtime"
	"sync"
	"sync/atomic"
)

const stride = 8 // items that a worker takes at a time

// parallel calls work for 0 to n-1 on all processors. Each worker makes its own
// work, which may keep buffers. The error returned is that of the lowest index
// that failed, whatever the timing.
func parallel(n int, worker func() func(i int) error) error {
	workers := min(runtime.GOMAXPROCS(0), (n+stride-1)/stride)
	if workers <= 1 {
		work := worker()
		for i := range n {
			if err := work(i); err != nil {
				return err
			}
		}
		return nil
	}
	var (
		next   atomic.Int64
		failed atomic.Int64 // lowest index so far
		lock   sync.Mutex
		first  error
		done   sync.WaitGroup
	)
	failed.Store(int64(n))
	for range workers {
		done.Go(func() {
			work := worker()
			for {
				from := next.Add(stride) - stride
				for i := from; i < min(from+stride, int64(n)); i++ {
					if i >= failed.Load() {
						return
					}
					if err := work(int(i)); err != nil {
						lock.Lock()
						if i < failed.Load() {
							failed.Store(i)
							first = err
						}
						lock.Unlock()
						return
					}
				}
				if from+stride >= int64(n) {
					return
				}
			}
		})
	}
	done.Wait()
	return first
}
