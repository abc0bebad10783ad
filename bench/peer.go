package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"time"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/runtime"
)

// problem is a computation told to a program that knows nothing of us: files of little-endian elements, and a model of standard
// operators where there is one.
type problem struct {
	Kind    string          `json:"kind"` // product, conv or sphere
	Tensors []*graph.Tensor `json:"-"`    // weights, in the order of use; for a sphere each convolution's table before its weights
}

// peers are the programs of bench/_peers, a module of its own: nobody who links us links them.
type peers struct {
	dir       string
	processes map[string]*peer
	order     []string
}

type peer struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startPeers builds and starts the peers. What cannot be had is told on the standard error; no peer at all is the error.
func startPeers() (*peers, error) {
	dir, err := os.MkdirTemp("", "astronnx-peers")
	if err != nil {
		return nil, err
	}
	p := &peers{dir: dir, processes: map[string]*peer{}}
	var failures []error
	for _, name := range []string{"gomlx", "gorgonnx"} {
		binary := filepath.Join(dir, name)
		build := exec.Command("go", "build", "-C", filepath.Join("bench", "_peers"), "-o", binary, "./"+name)
		if text, err := build.CombinedOutput(); err != nil {
			failures = append(failures, fmt.Errorf("%s cannot be built: %w\n%s", name, err, text))
			continue
		}
		cmd := exec.Command(binary)
		cmd.Stderr = os.Stderr
		// gorgonia refuses a Go that it does not know unless told that this one's collector does not move objects either.
		minor := strings.Join(strings.SplitN(goruntime.Version(), ".", 3)[:2], ".")
		cmd.Env = append(os.Environ(), "ASSUME_NO_MOVING_GC_UNSAFE_RISK_IT_WITH="+minor)
		q, err := startPeer(cmd)
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", name, err))
			continue
		}
		p.processes[name], p.order = q, append(p.order, name)
	}
	if len(p.order) > 0 {
		for _, err := range failures {
			fmt.Fprintln(os.Stderr, "bench: peers:", err)
		}
		return p, nil
	}
	return p, errors.Join(failures...)
}

func startPeer(cmd *exec.Cmd) (*peer, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &peer{cmd, in, bufio.NewReader(out)}, cmd.Start()
}

func (q *peer) stop() {
	q.in.Close()
	q.cmd.Wait()
}

func (p *peers) names() []string {
	if p == nil {
		return nil
	}
	return p.order
}

func (p *peers) stop() {
	if p == nil {
		return
	}
	for _, q := range p.processes {
		q.stop()
	}
	os.RemoveAll(p.dir)
}

// file is where a tensor's elements lie.
type file struct {
	Path  string  `json:"path"`
	Shape []int64 `json:"shape"`
}

// load hands a contest to a peer, which computes it once; its result must be ours. It returns the peer's turn.
func (p *peers) load(name string, c *contest, want *graph.Tensor) (func() (time.Duration, error), error) {
	request := struct {
		Kind   string `json:"kind"`
		Model  string `json:"model"`
		X      file   `json:"x"`
		Rest   []file `json:"tensors"`
		Result string `json:"result"`
	}{Kind: c.problem.Kind, Model: filepath.Join(p.dir, "model.onnx"), Result: filepath.Join(p.dir, "result")}
	if err := onnxio.WriteFile(request.Model, c.model, onnxio.SaveOptions{}); err != nil {
		return nil, err
	}
	write := func(i int, t *graph.Tensor) (file, error) {
		f := file{filepath.Join(p.dir, fmt.Sprint("tensor", i)), t.Shape}
		return f, os.WriteFile(f.Path, t.Raw, 0o600)
	}
	var err error
	if request.X, err = write(0, c.x); err != nil {
		return nil, err
	}
	for i, t := range c.problem.Tensors {
		f, err := write(i+1, t)
		if err != nil {
			return nil, err
		}
		request.Rest = append(request.Rest, f)
	}
	q := p.processes[name]
	if _, err := q.ask(request); err != nil {
		return nil, err
	}
	got, err := readFloats(request.Result)
	if err != nil {
		return nil, err
	}
	if d := differ(got, want); !(d < 1e-4) {
		return nil, fmt.Errorf("its result is another: %g of the largest value apart", d)
	}
	return func() (time.Duration, error) { return q.ask(struct{}{}) }, nil
}

func readFloats(path string) ([]float32, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	x := make([]float32, len(raw)/4)
	_, err = binary.Decode(raw, binary.LittleEndian, x)
	return x, err
}

// answer is what a peer says of a computation.
type answer struct {
	NS    int64  `json:"ns"`
	Error string `json:"error,omitempty"`
	Peak  int64  `json:"peak,omitempty"`  // the most memory that the process had, in bytes
	About string `json:"about,omitempty"` // what computed
}

// ask sends a request, an empty one to compute again, and returns the time that the answer gives.
func (q *peer) ask(request any) (time.Duration, error) {
	a, err := q.request(request)
	return time.Duration(a.NS), err
}

func (q *peer) request(request any) (a answer, err error) {
	if err := json.NewEncoder(q.in).Encode(request); err != nil {
		return a, err
	}
	line, err := q.out.ReadBytes('\n')
	if err != nil {
		return a, fmt.Errorf("it ended: %w", err)
	}
	if err := json.Unmarshal(line, &a); err != nil {
		return a, err
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

// runOnce compiles m, runs it and returns its outputs.
func runOnce(m *graph.Model, c runtime.Config, in ...*graph.Tensor) ([]*graph.Tensor, error) {
	model, err := runtime.Compile(m, c)
	if err != nil {
		return nil, err
	}
	defer model.Close()
	return model.RunList(context.Background(), in...)
}
