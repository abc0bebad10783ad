package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/train"
)

// stepRequest asks a process to prepare training steps of a network and to write its first losses, float32, to Result. An empty
// request after it asks for Block more steps.
type stepRequest struct {
	Kind    string  `json:"kind"` // step, or estimate for runs of the network and its first outputs
	Net     stepNet `json:"net"`
	Model   string  `json:"model"`   // the network as we have it
	Tensors []file  `json:"tensors"` // the network as others do, see stepNet
	X       file    `json:"x"`
	T       file    `json:"t"`
	Threads int     `json:"threads"`
	Block   int     `json:"block"`
	Result  string  `json:"result"`
	Stock   bool    `json:"stock"` // write no operators of our own; others pass over it
	// Conv1D asks a stranger to convolve on the sphere as people write it, not as it is quickest; we pass over it.
	Conv1D bool `json:"conv1d"`
}

// firstLosses is how many are compared.
const firstLosses = 20

// serveSteps is our side of a comparison of training steps, in a process of its own so that its memory can be told: it answers
// requests as the peers do.
func serveSteps(in io.Reader, out io.Writer) error {
	enc, lines := json.NewEncoder(out), bufio.NewScanner(in)
	var step func() (float64, error)
	block, clock := 1, clockTime
	for lines.Buffer(nil, 1<<20); lines.Scan(); {
		var r stepRequest
		err := json.Unmarshal(lines.Bytes(), &r)
		if err == nil && r.Kind != "" {
			block, clock = r.Block, clockTime
			if r.Threads == 1 {
				clock = processorTime
			}
			if r.Kind == "estimate" {
				step, err = r.estimator()
			} else {
				step, err = r.prepare()
			}
		}
		a := answer{About: "astronnx"}
		if err == nil {
			a.NS, err = medianStep(step, block, clock)
		}
		if err == nil {
			a.Peak, err = peakMemory()
		}
		if err != nil {
			a.Error = err.Error()
		}
		if err := enc.Encode(a); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (r stepRequest) prepare() (func() (float64, error), error) {
	net, err := onnxio.LoadFile(r.Model, onnxio.Options{})
	if err != nil {
		return nil, err
	}
	x, err := r.X.read()
	if err != nil {
		return nil, err
	}
	t, err := r.T.read()
	if err != nil {
		return nil, err
	}
	adam := train.Adam(1e-3)
	step, _, err := train.NewStep(net, train.Config{Loss: train.MSE(), Optimizer: adam, Batch: int(x.Shape[0]),
		Target: ops.Target{Kernels: !r.Stock}})
	if err != nil {
		return nil, err
	}
	trainer, err := train.NewTrainer(step, runtime.NewConfig().WithEngine("onnxruntime").WithThreads(r.Threads), train.Weights{})
	if err != nil {
		return nil, err
	}
	if err := trainer.Set(step.Batch[0], x); err != nil {
		return nil, err
	}
	if err := trainer.Set(step.Targets[0].Name, t); err != nil {
		return nil, err
	}
	var taken int64
	run := func() (float64, error) {
		taken++
		return trainer.Run(0, adam.Values(taken, adam.LearningRate())...)
	}
	losses := make([]float32, firstLosses)
	for i := range losses {
		loss, err := run()
		if err != nil {
			return nil, err
		}
		losses[i] = float32(loss)
	}
	raw, err := binary.Append(nil, binary.LittleEndian, losses)
	if err != nil {
		return nil, err
	}
	return run, os.WriteFile(r.Result, raw, 0o600)
}

// read returns the tensor, of float32.
func (f file) read() (*graph.Tensor, error) {
	raw, err := os.ReadFile(f.Path)
	t := graph.NewTensor(graph.Float32, f.Shape...)
	if err == nil && copy(t.Raw, raw) != len(t.Raw) {
		err = fmt.Errorf("%s holds %d bytes, expected %d", f.Path, len(raw), len(t.Raw))
	}
	return t, err
}

// medianStep is the median of so many steps, or of as many as half a second allows, at least three.
func medianStep(step func() (float64, error), times int, clock func() int64) (int64, error) {
	var taken []int64
	for begin := time.Now(); len(taken) < times && (len(taken) < 3 || time.Since(begin) < time.Second/2); {
		start := clock()
		if _, err := step(); err != nil {
			return 0, err
		}
		taken = append(taken, clock()-start)
	}
	slices.Sort(taken)
	return taken[len(taken)/2], nil
}

var epoch = time.Now()

func clockTime() int64 { return time.Since(epoch).Nanoseconds() }

// processorTime is what the process has used, in ns.
func processorTime() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// peakMemory is the most that the process had in memory, in bytes.
func peakMemory() (int64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	var kib int64
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	_, err = fmt.Sscan(rest, &kib)
	return kib << 10, err
}
