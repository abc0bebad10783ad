package runtime

import (
	"maps"

	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/ops"
)

// Provider names what executes a model: [CPU], [CUDA], or any execution provider that the library knows by that name.
type Provider = engine.Provider

// The providers known by name here.
const (
	CPU  = engine.CPU
	CUDA = engine.CUDA
)

// Limits bound what a model file may make the loader do; a zero field takes its default.
type Limits = onnxio.Limits

// Config says how a model is loaded and executed. It is an immutable value: every WithX returns a changed copy, and nothing is
// checked before Load. The zero Config is that of [NewConfig] and may be used as well.
type Config struct {
	options  engine.Options
	noArena  bool
	engine   string
	limits   Limits
	noVerify bool
}

// NewConfig returns the default: ONNX Runtime if there is one, its CPU provider, as many threads as the process may use
// processors, no spinning, buffers kept for reuse.
func NewConfig() Config { return Config{} }

// WithThreads sets how many threads work within an operator; 0 means one for each processor that the process may use, a
// container's limit included.
func (c Config) WithThreads(n int) Config { c.options.Threads = n; return c }

// WithInterThreads sets how many operators may run at a time, where the graph allows; the default is 1.
func (c Config) WithInterThreads(n int) Config { c.options.InterThreads = n; return c }

// WithSpinning lets waiting threads burn their processor, for a lower latency on a machine that does nothing else.
func (c Config) WithSpinning(on bool) Config { c.options.Spinning = on; return c }

// WithArena says whether the engine keeps freed buffers for reuse. On, the default, repeated runs are faster; off, the memory held
// between runs is least.
func (c Config) WithArena(on bool) Config { c.noArena = !on; return c }

// WithMemoryPattern says whether the engine plans one block of memory for all buffers of a run, from the second run on. On is the
// default; off, a long-lived session of fixed shapes holds less memory.
func (c Config) WithMemoryPattern(on bool) Config { c.options.NoPattern = !on; return c }

// WithProvider selects what executes the model. Unless [Config.WithFallback] allows otherwise, all of it must run there, or Load
// fails.
func (c Config) WithProvider(p Provider) Config { c.options.Provider = p; return c }

// Provider returns what is to execute models; the CPU unless [Config.WithProvider] says otherwise.
func (c Config) Provider() Provider {
	if c.options.Provider == "" {
		return CPU
	}
	return c.options.Provider
}

// WithDevice selects the provider's device by number; the default is 0.
func (c Config) WithDevice(id int) Config { c.options.Device = id; return c }

// WithProviderOption sets one of the provider's own keys.
func (c Config) WithProviderOption(key, value string) Config {
	c.options.ProviderOptions = with(c.options.ProviderOptions, key, value)
	return c
}

// WithFallback lets the CPU run what the provider cannot, or everything if the provider is not there. The report says so.
func (c Config) WithFallback(on bool) Config { c.options.Fallback = on; return c }

// WithOps adds operators, as healpixop.Set(), to those that the engines have. The set is used by the reference engine; ONNX Runtime
// has kernels for the HEALPix operators and runs others through the function bodies in the file.
func (c Config) WithOps(set *ops.Set) Config { c.options.Ops = set; return c }

// WithMemoryLimit bounds, in bytes, the memory that the model's constants may take at loading and, on a CUDA device, what the
// provider may hold; 0 means no bound beyond the loader's own.
func (c Config) WithMemoryLimit(bytes int64) Config { c.options.MemoryLimit = bytes; return c }

// WithLibrary sets the path of libonnxruntime. If it cannot be used, Load fails. A process uses one library: a second one is an
// error.
func (c Config) WithLibrary(path string) Config { c.options.Library = path; return c }

// WithPythonLibrary lets the search for libonnxruntime look into Python's site-packages.
func (c Config) WithPythonLibrary(on bool) Config { c.options.PythonLibrary = on; return c }

// WithProfile makes ONNX Runtime write a profile: a JSON file whose name begins with prefix, finished by [Model.EndProfile] or
// Close.
func (c Config) WithProfile(prefix string) Config { c.options.Profile = prefix; return c }

// WithDeterministic prefers kernels whose result does not depend on timing.
func (c Config) WithDeterministic(on bool) Config { c.options.Deterministic = on; return c }

// WithDim fixes the size of a symbolic dimension of the model's inputs, which lets the engine plan better.
func (c Config) WithDim(name string, size int64) Config {
	c.options.Dims = with(c.options.Dims, name, size)
	return c
}

// WithEngineOption sets one of ONNX Runtime's session configuration keys.
func (c Config) WithEngineOption(key, value string) Config {
	c.options.Config = with(c.options.Config, key, value)
	return c
}

// WithRunOption sets one of ONNX Runtime's run configuration keys, for every run.
func (c Config) WithRunOption(key, value string) Config {
	c.options.RunConfig = with(c.options.RunConfig, key, value)
	return c
}

// WithEngine selects the engine by name, "onnxruntime" or "reference"; empty, the default, means the first that is there.
func (c Config) WithEngine(name string) Config { c.engine = name; return c }

// WithFunctionBodies runs the HEALPix operators through their function bodies although there are kernels: to compare the two.
func (c Config) WithFunctionBodies(on bool) Config { c.options.Bodies = on; return c }

// WithLimits bounds what the file may make the loader do.
func (c Config) WithLimits(l Limits) Config { c.limits = l; return c }

// WithVerify says whether the graph's invariants are checked before it is compiled; the default is on. Files are always checked;
// this is for graphs built in memory and compiled often.
func (c Config) WithVerify(on bool) Config { c.noVerify = !on; return c }

func with[V any](m map[string]V, key string, value V) map[string]V {
	if m = maps.Clone(m); m == nil {
		m = map[string]V{}
	}
	m[key] = value
	return m
}

func (c Config) engineOptions() engine.Options {
	o := c.options
	o.Arena = !c.noArena
	return o
}

func (c Config) loadOptions() onnxio.Options {
	o := onnxio.Options{Limits: c.limits}
	if n := c.options.MemoryLimit; n > 0 {
		for _, bound := range []*int64{&o.Limits.File, &o.Limits.External} {
			if *bound <= 0 || *bound > n {
				*bound = n
			}
		}
	}
	return o
}
