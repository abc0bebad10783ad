package export

import (
	"io"
	"maps"
	"runtime/debug"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/internal/pass"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/sky"
)

// Report tells what Write did and found.
type Report struct {
	Path     string   `json:"file"`
	Bytes    int64    `json:"bytes"`
	Opset    int64    `json:"opset"`
	Checksum string   `json:"checksum"` // see Checksum
	Changes  []string `json:"changes"`  // what was folded or taken away, a line each
	Checks   []Check  `json:"checks"`
	Notes    []string `json:"notes,omitempty"` // what could not be compared, and why

	Halved      int     `json:"float16_weights,omitempty"` // tensors stored as float16
	HalvedError float64 `json:"float16_error,omitempty"`   // largest error of their numbers, relative to the largest of the tensor
}

// operators are all that a network may hold.
func operators() *ops.Set { return ops.Standard().With(healpixop.Set()).With(ops.Fused()) }

// Prepare returns the model that Write writes, without comparing it. m is not changed; the result shares its tensors.
func Prepare(m *graph.Model, o Options) (*graph.Model, error) {
	p, err := prepare(m, o)
	if err != nil {
		return nil, err
	}
	if o.Float16 {
		p.Halved, p.HalvedError = halve(p.file)
	}
	return p.file, p.finish()
}

// Write exports m to an ONNX file. Before anything is written, the file's bytes are read back and run beside m on the reference engine
// and, where its library is found, on onnxruntime, there also by the function bodies. Outputs may differ by [Tolerance] of their
// largest value; with Float16, the weights in full precision are held to that, and those in half to [Float16Tolerance]. A failure
// names the output, the engine and the difference, and leaves nothing.
func Write(path string, m *graph.Model, o Options) (Report, error) {
	p, err := prepare(m, o)
	if err != nil {
		return Report{}, err
	}
	var data []byte
	stage := func(tolerance float64) error {
		if err := p.finish(); err != nil {
			return err
		}
		var file *graph.Model
		if data, err = onnxio.Marshal(p.file); err == nil {
			file, err = onnxio.Load(data, onnxio.Options{})
		}
		if err != nil {
			return err
		}
		p.Checks, p.Notes, err = compare(p.source, file, o, tolerance)
		return err
	}
	if err := stage(Tolerance); err != nil {
		return Report{}, err
	}
	if o.Float16 {
		if p.Halved, p.HalvedError = halve(p.file); p.Halved == 0 {
			p.Notes = append(p.Notes, "no weights are stored as float16: there is no matrix of float32 whose numbers it can hold")
		} else if err := stage(Float16Tolerance); err != nil {
			return Report{}, err
		}
	}
	err = sky.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		return Report{}, err
	}
	p.Path, p.Bytes, p.Opset = path, int64(len(data)), p.file.Opsets[""]
	p.Checksum = p.file.Metadata[checksumKey]
	return p.Report, nil
}

// prepared is an export under way.
type prepared struct {
	Report
	source *graph.Model // the network in its form for inference: the truth
	file   *graph.Model
	set    *ops.Set
}

func prepare(m *graph.Model, o Options) (*prepared, error) {
	if err := m.Verify(); err != nil {
		return nil, errs.New(errs.Invalid, "%w", err)
	}
	p := &prepared{set: operators(), file: m.Clone(), Report: Report{Changes: []string{}}}
	c := p.file
	c.Training = nil
	if c.IRVersion < 4 { // constants were listed as inputs, and could not be replaced
		c.Graph.Inputs = slices.DeleteFunc(c.Graph.Inputs, func(v *graph.Value) bool { return slices.Contains(c.Graph.Initializers, v) })
		c.IRVersion = 4
	}
	ops.DetachBodies(c, p.set)
	if err := p.run(pass.Inline, pass.Dropout, pass.Inference); err != nil {
		return nil, err
	}
	p.source = c.Clone()
	if err := ops.Infer(c, p.set); err != nil {
		return nil, err
	}
	passes := []pass.Pass{pass.Identity, pass.Constants}
	if !o.KeepBatchNorm {
		passes = append(passes, pass.BatchNorm, pass.Affine)
	}
	if err := p.run(append(passes, pass.Identity, pass.Dead)...); err != nil {
		return nil, err
	}
	if err := o.known(c); err != nil {
		return nil, err
	}
	if err := convert(c, p.set, o); err != nil {
		return nil, err
	}
	for _, v := range slices.Clone(c.Graph.Inputs) {
		if err := preprocess(c, p.set, v, o.Inputs[v.Name].marked(m, v.Name)); err != nil {
			return nil, err
		}
	}
	for i, v := range slices.Clone(c.Graph.Outputs) {
		if err := postprocess(c, p.set, i, o.Outputs[v.Name]); err != nil {
			return nil, err
		}
	}
	if err := ops.Infer(c, p.set); err != nil {
		return nil, err
	}
	return p, describe(c, o)
}

func (p *prepared) run(passes ...pass.Pass) error {
	changes, err := pass.Run(p.file, p.set, passes...)
	p.Changes = append(p.Changes, changes...)
	return err
}

const checksumKey = prefix + "checksum"

// finish attaches bodies and signs the file.
func (p *prepared) finish() error {
	c := p.file
	c.Producer, c.ProducerVersion = "astronnx", version()
	c.IRVersion = max(min(c.IRVersion, 10), irOf(c.Opsets[""]))
	c.Metadata[checksumKey] = Checksum(c)
	if err := ops.AttachBodies(c, p.set); err != nil {
		return err
	}
	return c.Verify()
}

// irOf returns the version of the format that came with an opset; functions need 8.
func irOf(opset int64) int64 {
	switch {
	case opset >= 21:
		return 10
	case opset >= 19:
		return 9
	}
	return 8
}

// version is that of this module in the running program.
func version() string {
	const module = "github.com/astronnx/astronnx"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	if info.Main.Path == module {
		return info.Main.Version
	}
	for _, d := range info.Deps {
		if d.Path == module {
			return d.Version
		}
	}
	return ""
}

// processes reports whether nodes are added at the ends of the network.
func (o Options) processes() bool {
	for _, p := range o.Inputs {
		if p.active() {
			return true
		}
	}
	for _, p := range o.Outputs {
		if p.active() {
			return true
		}
	}
	return false
}

// known refuses settings for inputs and outputs that m does not have.
func (o Options) known(m *graph.Model) error {
	for _, name := range slices.Sorted(maps.Keys(o.Inputs)) {
		if m.Graph.Input(name) == nil {
			return errs.New(errs.Input, "no input is called %q: the network has %q", name, names(m.Graph.Inputs))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Outputs)) {
		if m.Graph.Output(name) == nil {
			return errs.New(errs.Input, "no output is called %q: the network has %q", name, names(m.Graph.Outputs))
		}
	}
	return nil
}

func names(vs []*graph.Value) []string {
	list := make([]string, len(vs))
	for i, v := range vs {
		list[i] = v.Name
	}
	return list
}

// marked returns p with the mark of missing pixels that the network's metadata give, where p has none.
func (p Input) marked(m *graph.Model, name string) Input {
	if p.Map.Unseen == nil {
		p.Map.Unseen = markOf(m, name)
	}
	return p
}
