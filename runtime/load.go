package runtime

import (
	"errors"
	"io"
	"io/fs"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/ort"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxio"
)

// Load reads the model at path, with external data from below its folder, and compiles it. On any file it returns a model or an
// error, within the limits of the configuration; engines only see bytes that were read and checked here.
func Load(path string, c Config) (*Model, error) {
	m, err := readModel(path, c.loadOptions())
	if err != nil {
		return nil, at(path, err)
	}
	c.noVerify = true
	model, err := Compile(m, c)
	return model, at(path, err)
}

// LoadBytes compiles a model from the bytes of a file, which may not have external data.
func LoadBytes(b []byte, c Config) (*Model, error) {
	m, err := onnxio.Load(b, c.loadOptions())
	if err != nil {
		return nil, err
	}
	c.noVerify = true
	return Compile(m, c)
}

// LoadReader reads r to its end and compiles the model in it, which may not have external data.
func LoadReader(r io.Reader, c Config) (*Model, error) {
	m, err := onnxio.Read(r, c.loadOptions())
	if err != nil {
		return nil, err
	}
	c.noVerify = true
	return Compile(m, c)
}

// LoadFS is [Load] in a file system.
func LoadFS(fsys fs.FS, name string, c Config) (*Model, error) {
	m, err := onnxio.LoadFS(fsys, name, c.loadOptions())
	if err != nil {
		return nil, at(name, err)
	}
	c.noVerify = true
	model, err := Compile(m, c)
	return model, at(name, err)
}

// Compile makes a Model of a graph in memory. The model shares the graph's large constants: they must not change as long as it is
// in use.
func Compile(m *graph.Model, c Config) (*Model, error) {
	if !c.noVerify {
		if err := m.Verify(); err != nil {
			return nil, errs.New(errs.Invalid, "%w", err)
		}
	}
	maps, err := mapInfos(m)
	if err != nil {
		return nil, err
	}
	plan, report, err := c.compile(m)
	if err != nil {
		return nil, err
	}
	return newModel(m, maps, plan, report), nil
}

// engines in order of preference.
var engines = []engine.Engine{ort.Engine, reference.Engine{}}

func (c Config) compile(m *graph.Model) (engine.Plan, Report, error) {
	var why string
	for i, e := range engines {
		if c.engine != "" && c.engine != e.Name() {
			continue
		}
		plan, err := e.Compile(m, c.engineOptions())
		if err == nil {
			r := plan.Report()
			if why != "" {
				r.Why = why
			}
			return plan, r, nil
		}
		// Only the absence of a library that nobody asked for leads to the next engine.
		o := c.options
		asked := c.engine != "" || o.Library != "" || o.Provider != "" && o.Provider != CPU && !o.Fallback
		if asked || i == len(engines)-1 || !errors.Is(err, engine.ErrNoLibrary) {
			return nil, Report{}, err
		}
		why = err.Error()
	}
	return nil, Report{}, errs.New(errs.Unavailable, "no engine is called %q", c.engine).WithHint("there are onnxruntime and reference")
}
