package conformance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxio"
)

// CLibrary is an engine of the C library. A program in C calls the library for it: a process that has a Go runtime, as this one,
// cannot hold that of the library too. It carries what the library does, everything but maps.
type CLibrary struct {
	ctx     context.Context
	program string // capi/pipe
	engine  string

	mu   sync.Mutex
	idle []*pipe
}

// NewCLibrary returns the engine of that name of the C library that capi/build.sh put into a folder. Its processes end with ctx.
func NewCLibrary(ctx context.Context, folder, engine string) (*CLibrary, error) {
	program, err := exec.LookPath(filepath.Join(folder, "bin", "astronnx-pipe"))
	if err != nil {
		return nil, errs.New(errs.Unavailable, "the C library: %w", err).WithHint("capi/build.sh %s builds it", folder)
	}
	return &CLibrary{ctx: ctx, program: program, engine: engine}, nil
}

// Name is "capi/" before the engine's own.
func (c *CLibrary) Name() string { return "capi/" + c.engine }

// Compile opens m by the library. Of the options it heeds Library.
func (c *CLibrary) Compile(m *graph.Model, o engine.Options) (engine.Plan, error) {
	p := &cPlan{lib: c}
	p.in, p.out = engine.Ports(m)
	for _, port := range slices.Concat(p.in, p.out) {
		if dtype, _ := cType(port.Type); dtype == 0 {
			return nil, errs.New(errs.Input, "%q is %s, which C does not carry", port.Name, port.Type)
		}
	}
	b, err := onnxio.Marshal(m)
	if err != nil {
		return nil, err
	}
	if p.pipe, err = c.process(o.Library); err != nil {
		return nil, err
	}
	p.ask('o')
	p.give(b)
	if err := p.answer(); err != nil {
		c.release(p.pipe)
		return nil, err
	}
	if err := p.described(); err != nil {
		return nil, err
	}
	return p, nil
}

// process returns an idle process or a new one.
func (c *CLibrary) process(library string) (*pipe, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.idle); n > 0 {
		p := c.idle[n-1]
		c.idle = c.idle[:n-1]
		return p, nil
	}
	p := &pipe{cmd: exec.CommandContext(c.ctx, c.program, c.engine, library)}
	p.cmd.Stderr = &p.said
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.to, p.from = bufio.NewWriter(stdin), bufio.NewReader(stdout)
	return p, nil
}

// release gives a process back that has no model open.
func (c *CLibrary) release(p *pipe) {
	if p.err != nil {
		return // it has ended
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = append(c.idle, p)
}

// pipe is a process that runs capi/pipe, which says how to speak with it. The first failure to do so stays and ends the process.
type pipe struct {
	cmd  *exec.Cmd
	said bytes.Buffer // on standard error
	to   *bufio.Writer
	from *bufio.Reader
	err  error
}

func (p *pipe) ask(number int64) { // what bufio's writer fails with comes with Flush
	_ = binary.Write(p.to, binary.NativeEndian, number)
}

func (p *pipe) give(b []byte) {
	p.ask(int64(len(b)))
	_, _ = p.to.Write(b)
}

func (p *pipe) read(b []byte) {
	if p.err == nil {
		_, p.err = io.ReadFull(p.from, b)
	}
}

func (p *pipe) number() int64 {
	var b [8]byte
	p.read(b[:])
	return int64(binary.NativeEndian.Uint64(b[:]))
}

func (p *pipe) bytes() []byte {
	b := make([]byte, p.number())
	p.read(b)
	return b
}

// What sequences and optional values add to a type, or are as one, in astronnx.h.
const (
	cSequence = 256
	cOptional = 512
)

// cType is the number of a type in C, 0 where it has none, and the type of its tensors.
func cType(t *graph.Type) (int64, *graph.Type) {
	n := int64(0)
	if t != nil && t.Kind == graph.OptionalKind {
		n, t = cOptional, t.Of
	}
	if t != nil && t.Kind == graph.SequenceKind {
		n, t = n+cSequence, t.Of
	}
	if t == nil || t.Kind != graph.TensorKind {
		return 0, nil
	}
	return n + int64(t.DType), t
}

func (p *pipe) giveValue(t *graph.Tensor) {
	dtype := int64(t.DType)
	switch t.Kind {
	case graph.SequenceKind:
		dtype = cSequence
	case graph.OptionalKind:
		dtype = cOptional
	}
	p.ask(dtype)
	p.ask(int64(len(t.Shape)))
	_ = binary.Write(p.to, binary.NativeEndian, t.Shape)
	switch {
	case t.Kind != graph.TensorKind:
		p.ask(int64(len(t.Elems)))
		for _, e := range t.Elems {
			p.giveValue(e)
		}
	case t.DType == graph.String:
		p.ask(int64(len(t.Strings)))
		for _, s := range t.Strings {
			p.give([]byte(s))
		}
	default:
		p.give(t.Raw)
	}
}

// value reads a value as the library has it: what is wrong with it is for others to see.
func (p *pipe) value() *graph.Tensor {
	t := &graph.Tensor{DType: graph.DType(p.number())}
	t.Shape = make([]int64, p.number())
	for k := range t.Shape {
		t.Shape[k] = p.number()
	}
	switch t.DType {
	case cSequence, cOptional:
		kind := graph.SequenceKind
		if t.DType == cOptional {
			kind = graph.OptionalKind
		}
		t = &graph.Tensor{Kind: kind}
		for n := p.number(); n > 0; n-- {
			t.Elems = append(t.Elems, p.value())
		}
	case graph.String:
		for n := p.number(); n > 0; n-- {
			t.Strings = append(t.Strings, string(p.bytes()))
		}
	default:
		t.Raw = graph.AlignedBytes(int(p.number()))
		p.read(t.Raw)
	}
	return t
}

// answer sends the request and reads how it ended.
func (p *pipe) answer() error {
	if p.err == nil {
		p.err = p.to.Flush()
	}
	status, message := p.number(), p.bytes()
	if p.err != nil {
		return p.end(p.err)
	}
	if status != 0 {
		return errs.New(errs.Engine, "status %d: %s", status, message)
	}
	return nil
}

// end ends the process because of err, and returns what is known of it.
func (p *pipe) end(err error) error {
	_ = p.cmd.Process.Kill()
	if died := p.cmd.Wait(); p.err != nil {
		err = fmt.Errorf("%w: the program that calls the C library: %v\n%s", reference.ErrPanic, died, p.said.Bytes())
	}
	p.err = err
	return err
}

// cPlan is a model that a process has open.
type cPlan struct {
	*pipe
	lib     *CLibrary
	in, out []engine.Port
}

// described compares what the library says of the model's inputs and outputs with the model.
func (p *cPlan) described() error {
	if nIn, nOut := p.number(), p.number(); nIn != int64(len(p.in)) || nOut != int64(len(p.out)) {
		return p.end(errs.New(errs.Engine, "C sees %d inputs and %d outputs, the model has %d and %d", nIn, nOut, len(p.in), len(p.out)))
	}
	for _, port := range slices.Concat(p.in, p.out) {
		name := string(p.bytes())
		dtype, rank := p.number(), p.number()
		var dims []int64
		for range rank {
			dims = append(dims, p.number())
		}
		want, ty := cType(port.Type)
		if name != port.Name || dtype != want || rank != int64(ty.Rank()) || !slices.Equal(dims, ty.Sizes()) {
			return p.end(errs.New(errs.Engine, "C sees %q, %d %d, in place of %q, %s", name, dtype, dims, port.Name, port.Type))
		}
	}
	if p.err != nil {
		return p.end(p.err)
	}
	return nil
}

func (p *cPlan) Inputs() []engine.Port  { return p.in }
func (p *cPlan) Outputs() []engine.Port { return p.out }
func (p *cPlan) Report() engine.Report  { return engine.Report{Engine: p.lib.Name()} }

func (p *cPlan) NewSession() (engine.Session, error) {
	return nil, errs.New(errs.Unavailable, "the C library has no sessions")
}

// Run computes all outputs; it ends the process if ctx ends.
func (p *cPlan) Run(ctx context.Context, in []*graph.Tensor, want []int, out []*graph.Tensor) error {
	if want != nil {
		return errs.New(errs.Output, "the C library is asked for all outputs only")
	}
	defer context.AfterFunc(ctx, func() { _ = p.cmd.Process.Kill() })() // the next use finds that it has ended
	p.ask('r')
	p.ask(int64(len(present(in))))
	for i, t := range in {
		if t == nil {
			continue
		}
		p.give([]byte(p.in[i].Name))
		p.giveValue(t)
	}
	err := p.answer()
	if ctx.Err() != nil {
		return errs.New(errs.Canceled, "%w", ctx.Err())
	}
	if err != nil {
		return err
	}
	var failed error
	for i := range out {
		allocated, written := p.value(), p.value()
		if p.err != nil {
			break
		}
		if err := Compare(written, allocated, Official); err != nil && failed == nil {
			failed = errs.New(errs.Output, "output %q is another in memory of the caller's: %w", p.out[i].Name, err)
		}
		out[i] = written
	}
	if p.err != nil {
		return p.end(p.err)
	}
	return failed
}

// Close closes the model; its process is for the next one.
func (p *cPlan) Close() error {
	if p.err != nil {
		return nil // the process has ended
	}
	p.ask('c')
	err := p.answer()
	p.lib.release(p.pipe)
	return err
}
