// Package engine is the seam between a loaded model and what executes it. An [Engine] compiles a model into a [Plan]; a plan is
// immutable and runs from many goroutines; a [Session] of a plan owns its bindings and serves one goroutine.
//
// Package ort implements it over ONNX Runtime, package reference in Go.
package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// Engine compiles models. It may be used by many goroutines.
type Engine interface {
	// Name is a short name such as "onnxruntime".
	Name() string
	// Compile prepares m for execution. It keeps no reference to m's bytes beyond what it says in its own documentation.
	Compile(m *graph.Model, o Options) (Plan, error)
}

// Provider names what executes nodes: "CPU", "CUDA", or any execution provider that the library knows by that name.
type Provider string

// The providers that are known by name here; the empty Provider is the CPU.
const (
	CPU  Provider = "CPU"
	CUDA Provider = "CUDA"
)

// Options says how to compile. The zero value is a CPU plan with the engine's defaults, except that Arena is off.
type Options struct {
	Threads      int  // within an operator; 0: one per usable processor
	InterThreads int  // operators at a time; above 1 they run in parallel where the graph allows
	Spinning     bool // waiting threads burn their processor: lower latency, for machines that do nothing else
	Arena        bool // the engine keeps freed buffers for reuse
	NoPattern    bool // with Arena: it does not plan one block for all of a run's buffers

	Provider        Provider
	Device          int               // which device of the provider
	ProviderOptions map[string]string // the provider's own keys
	Fallback        bool              // what the provider cannot serve may run on the CPU

	Ops         *ops.Set         // operators beyond the engine's own, nil: none
	MemoryLimit int64            // bytes that a plan may hold on its device, 0: no limit
	Dims        map[string]int64 // sizes for symbolic dimensions, known before the plan is made
	Bodies      bool             // run function bodies even where a kernel is at hand: for tests and comparison

	Library       string            // path of the engine's library; empty: search
	PythonLibrary bool              // the search may look into Python's site-packages
	Profile       string            // prefix of a profiling file; empty: none
	Deterministic bool              // prefer kernels whose result does not depend on timing
	Config        map[string]string // the engine's own session keys
	RunConfig     map[string]string // the engine's own run keys
}

// Port is an input or output of a plan.
type Port struct {
	Name     string
	Type     *graph.Type // nil: unknown
	Optional bool        // an input with a default value
}

// Plan is a compiled model. It is immutable and may be shared by goroutines; Close waits for none of them.
type Plan interface {
	Inputs() []Port
	Outputs() []Port
	Report() Report
	// Run computes the outputs numbered by want (nil: all) from one value per input; nil means an absent optional input. out is
	// parallel to want: a tensor in it receives the result in place, a nil is replaced by a new tensor that the caller owns.
	Run(ctx context.Context, in []*graph.Tensor, want []int, out []*graph.Tensor) error
	NewSession() (Session, error)
	// Close releases the plan. Running and later calls return errs.Closed or finish; it may be called again.
	Close() error
}

// Session is a plan with values bound to its inputs and outputs. One goroutine uses it at a time.
type Session interface {
	// SetInput reads t's memory at every Run from now on, nil unbinds. The memory must stay unchanged only while Run runs.
	SetInput(i int, t *graph.Tensor) error
	// SetOutput makes Run write into t's memory; nil lets the engine allocate, afresh at each Run.
	SetOutput(i int, t *graph.Tensor) error
	// Keep leaves output i where it was computed, for Feed; Output then has no bytes for it.
	Keep(i int) error
	// Feed makes the value that output out has now the value of input in, without a copy.
	Feed(in, out int) error
	// Run computes all outputs. It does not allocate in Go once every value is bound.
	Run(ctx context.Context) error
	// Output returns output i of the last Run. What the engine allocated is valid until the next Run or Close.
	Output(i int) *graph.Tensor
	Close() error
}

// Profiler is a Plan that can write a profile.
type Profiler interface {
	// EndProfile finishes the profile that Options.Profile asked for and returns the path of its file.
	EndProfile() (string, error)
}

// ErrNoLibrary is in the chain of an error that says that an engine's library was not found where it is looked for, or that this
// build cannot load one; another engine may serve. It is not in that of a library that was named and cannot be used.
var ErrNoLibrary = errors.New("no library")

// Report says what a plan runs on.
type Report struct {
	Engine   string   // "onnxruntime", "reference"
	Library  string   // file the engine was loaded from; empty for the reference engine
	Version  string   // of the library
	Provider Provider // what was chosen
	Device   int
	Threads  int
	Why      string   // why this engine and provider
	Notes    []string // warnings: an old library, a provider that fell back

	Kernels   []Kernel    // the operators outside the standard domains
	Placement []Placement // where nodes run, one entry a provider; nil where the engine does not say
}

// Kernel tells how the nodes of one operator are executed.
type Kernel struct {
	Op     string // domain:name
	Nodes  int
	Native bool   // by a registered kernel; otherwise by the operator's function body
	Why    string // why not by a kernel
}

// Placement counts the nodes that one provider runs after the engine's own rewriting.
type Placement struct {
	Provider string
	Nodes    int
	Ops      map[string]int // nodes by operator
}

// String is the report as text, a line a fact.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "engine    %s", r.Engine)
	if r.Version != "" {
		fmt.Fprintf(&b, " %s", r.Version)
	}
	if r.Library != "" {
		fmt.Fprintf(&b, " (%s)", r.Library)
	}
	fmt.Fprintf(&b, "\nprovider  %s", r.Provider)
	if r.Provider != CPU {
		fmt.Fprintf(&b, " device %d", r.Device)
	}
	fmt.Fprintf(&b, ", %d threads\n", r.Threads)
	if r.Why != "" {
		fmt.Fprintf(&b, "because   %s\n", r.Why)
	}
	for _, k := range r.Kernels {
		how := "kernel"
		if !k.Native {
			how = "function body"
		}
		fmt.Fprintf(&b, "operator  %s ×%d: %s", k.Op, k.Nodes, how)
		if k.Why != "" {
			fmt.Fprintf(&b, " (%s)", k.Why)
		}
		b.WriteByte('\n')
	}
	for _, p := range r.Placement {
		fmt.Fprintf(&b, "placement %d nodes on %s\n", p.Nodes, p.Provider)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note      %s\n", n)
	}
	return b.String()
}
