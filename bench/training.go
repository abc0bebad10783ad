package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/onnxio"
)

// torchBuild is a PyTorch to compare with, and the settings among which the fastest for this machine is looked for: OpenBLAS does
// not know every processor, and takes an old kernel for one that it does not.
type torchBuild struct {
	item     string // of tools/obtain
	settings []string
}

var torchBuilds = []torchBuild{
	{"torch-debian", []string{"", "OPENBLAS_CORETYPE=HASWELL", "OPENBLAS_CORETYPE=SKYLAKEX", "OPENBLAS_CORETYPE=ZEN"}},
	{"torch", []string{""}},
}

func trainingSuites() (list []suite) {
	for _, n := range stepNets {
		list = append(list, suite{"training " + n.name, n.training})
	}
	return list
}

// tunedTorch are the commands that start the builds which are there.
var tunedTorch = sync.OnceValue(func() (list []*exec.Cmd) {
	for _, b := range torchBuilds {
		cmd, err := b.tuned()
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: training: no %s: %v\n", b.item, err)
			continue
		}
		list = append(list, cmd)
	}
	return list
})

// training compares training steps with PyTorch's: one network, one batch and the same first weights, everybody pinned to the same
// cores, in turns. Losses are compared too, for a wrong step may be quick. One thread is measured by the time it computes, which
// other work on the machine hardly changes; two threads by the clock, and only a quiet machine gives that a meaning: elsewhere they
// wait for each other, and PyTorch's wait longest.
func (n stepNet) training() (rows []Row, err error) {
	for threads := 1; threads <= 2; threads++ {
		r, err := n.compare(threads, tunedTorch())
		rows = append(rows, r...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// tuned is the command that starts the build with the best of its settings.
func (b torchBuild) tuned() (*exec.Cmd, error) {
	cache := os.Getenv("ASTRONNX_CACHE")
	if cache == "" {
		cache = ".cache"
	}
	interpreter := filepath.Join(cache, b.item, "bin", "python")
	if !exists(interpreter) {
		return nil, fmt.Errorf("it is not in the cache: go run ./tools/obtain %s", b.item)
	}
	var best *exec.Cmd
	least := time.Duration(math.MaxInt64)
	var failures []error
	for _, setting := range b.settings {
		cmd := exec.Command(interpreter, filepath.Join("bench", "_peers", "torch", "step.py"))
		// Without the first two, glibc gives big tensors back to the system after each step and faults them in again.
		cmd.Env = append(os.Environ(), "MALLOC_MMAP_THRESHOLD_=1073741824", "MALLOC_TRIM_THRESHOLD_=1073741824", setting)
		d, err := productTime(cmd)
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", setting, err)) // a kernel that the processor cannot run
			continue
		}
		if d < least {
			best, least = cmd, d
		}
	}
	if best == nil {
		return nil, errors.Join(failures...)
	}
	setting := best.Env[len(best.Env)-1]
	fmt.Fprintf(os.Stderr, "bench: training: %s %s multiplies at %.0f GFLOP/s\n", b.item, setting, 2*1024*1024*1024/float64(least.Nanoseconds()))
	return best, nil
}

func productTime(cmd *exec.Cmd) (time.Duration, error) {
	q, err := startPinned(cmd, 1)
	if err != nil {
		return 0, err
	}
	defer q.stop()
	return q.ask(stepRequest{Kind: "product", Threads: 1, Block: 7})
}

// startPinned starts a copy of the command on the first cores.
func startPinned(cmd *exec.Cmd, threads int) (*peer, error) {
	cores := "0"
	if threads > 1 {
		cores = fmt.Sprintf("0-%d", threads-1)
	}
	pinned := exec.Command("taskset", append([]string{"--cpu-list", cores, cmd.Path}, cmd.Args[1:]...)...)
	pinned.Env = append(cmd.Env[:len(cmd.Env):len(cmd.Env)], fmt.Sprint("OMP_NUM_THREADS=", threads), fmt.Sprint("OPENBLAS_NUM_THREADS=", threads))
	var errout bytes.Buffer
	pinned.Stderr = &errout
	q, err := startPeer(pinned)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, errout.Bytes())
	}
	return q, nil
}

// compare takes turns with all the others.
func (n stepNet) compare(threads int, torch []*exec.Cmd) ([]Row, error) {
	dir, err := os.MkdirTemp("", "astronnx-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	request, err := n.request(dir)
	if err != nil {
		return nil, err
	}
	request.Threads = threads
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ours := exec.Command(self, "-steps")
	ours.Env = os.Environ()

	peers := append([]*exec.Cmd{ours, ours}, torch...)
	if n.Dims == 0 {
		peers = append(peers, torch...)
	}
	var members []*member
	for i, cmd := range peers {
		request.Stock, request.Conv1D = i == 1, i >= 2+len(torch)
		m, err := join(cmd, request)
		if err != nil {
			return nil, err
		}
		defer m.stop()
		members = append(members, m)
	}
	var turns []func() (time.Duration, error)
	for _, m := range members {
		turns = append(turns, m.turn)
	}
	best, err := takeTurns(5*time.Second, turns)
	if err != nil {
		return nil, err
	}
	title := fmt.Sprintf("%s step, %d thread", n.name, threads)
	if threads > 1 {
		title += "s"
	}
	rows := []Row{faster(title, best[0], best[1], "astronnx without operators of its own", 0)}
	for i, m := range members[2:] {
		apart, early := lossesApart(members[0].losses, m.losses)
		if early > 1e-3 {
			return rows, fmt.Errorf("the first losses are others than those of %s: %v, %v", m.about, members[0].losses[:3], m.losses[:3])
		}
		goal := 1.0
		if i >= len(torch) {
			goal = 5
		} else if n.Dims == 3 {
			goal = 1 / 1.1
		}
		rows = append(rows, faster(title, best[0], best[i+2], fmt.Sprintf("%s; losses %.0e apart", m.about, apart), goal))
	}
	for _, m := range members[2:] {
		rows = append(rows, less(title+", memory", float64(members[0].peak)/1e6, float64(m.peak)/1e6, "MB", m.about, 1))
	}
	return rows, nil
}

// request writes the network and a batch to files.
func (n stepNet) request(dir string) (stepRequest, error) {
	r := stepRequest{Kind: "step", Net: n, Block: n.block, Model: filepath.Join(dir, "model.onnx"), Result: filepath.Join(dir, "losses")}
	m, tensors, err := n.build()
	if err != nil {
		return r, err
	}
	if err := onnxio.WriteFile(r.Model, m, onnxio.SaveOptions{}); err != nil {
		return r, err
	}
	write := func(name string, t *graph.Tensor) file {
		f := file{filepath.Join(dir, name), t.Shape}
		err = errors.Join(err, os.WriteFile(f.Path, t.Raw, 0o600))
		return f
	}
	x, t := n.data()
	r.X, r.T = write("x", x), write("t", t)
	for i, w := range tensors {
		r.Tensors = append(r.Tensors, write(fmt.Sprint("tensor", i), w))
	}
	return r, err
}

// member is a process that takes part.
type member struct {
	*peer
	losses []float32 // or what else it was asked for
	about  string
	peak   int64
}

func join(cmd *exec.Cmd, r stepRequest) (*member, error) {
	q, err := startPinned(cmd, r.Threads)
	if err != nil {
		return nil, err
	}
	m := &member{peer: q}
	if err := m.prepare(r); err != nil {
		q.stop()
		return nil, err
	}
	return m, nil
}

// prepare hands a request to the member and reads what comes of it first.
func (m *member) prepare(r stepRequest) error {
	a, err := m.request(r)
	if err == nil {
		m.losses, err = readFloats(r.Result)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(m.cmd.Path), err)
	}
	m.about = strings.TrimSpace(a.About)
	return nil
}

func (m *member) turn() (time.Duration, error) {
	a, err := m.request(struct{}{})
	m.peak = a.Peak
	return time.Duration(a.NS), err
}

// lossesApart returns the largest relative difference of the losses, and that of the first two: later ones follow chaos.
func lossesApart(a, b []float32) (all, early float64) {
	for i := range a {
		d := math.Abs(float64(a[i])-float64(b[i])) / math.Max(math.Abs(float64(b[i])), 1e-3)
		if all = max(all, d); i < 2 {
			early = max(early, d)
		}
	}
	return all, early
}
