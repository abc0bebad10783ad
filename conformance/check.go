package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/ops"
)

// Check is the contract test of the operators of set. Each is a subtest named after the operator and its opset:
//
//   - complete: Eval and Infer, or Expand; Grad or a reason; a case that is no error case;
//   - cases: the results on the reference engine, within Exact; what is inferred holds for what is computed, also when sizes are
//     only known by name; cases of errors are refused without a panic;
//   - expansion: a kernel of a composite agrees with its expansion;
//   - gradients: against central differences in float64;
//   - grown cases: the same on examples with enlarged dimensions;
//   - round trips: a case's model is the same after it was written and read.
func Check(t *testing.T, set *ops.Set) {
	lib := ops.Standard().With(set)
	for op := range set.All() {
		t.Run(fmt.Sprintf("%s-%d", op.FullName(), op.Since), func(t *testing.T) {
			for _, f := range CheckOp(lib, op) {
				t.Error(f)
			}
		})
	}
}

// CheckOp runs the checks of [Check] on one operator of set, which also holds what op needs, and returns what is wrong.
func CheckOp(set *ops.Set, op *ops.Op) []error {
	c := &checker{set: set, op: op, eng: reference.Engine{Set: set}}
	c.complete()
	cases, err := ops.ParseCases(op.Cases)
	if err != nil {
		return append(c.errs, err)
	}
	for _, example := range cases {
		c.example(example)
	}
	if c.op.Grad != nil && c.gradients == 0 && len(c.errs) == 0 && c.differentiable(c.set.LastOpset(c.op)) {
		c.errorf("no case has a gradient that can be compared: it needs a floating input and a smooth point")
	}
	return c.errs
}

type checker struct {
	set  *ops.Set
	op   *ops.Op
	eng  reference.Engine
	errs []error

	gradients int // cases whose gradient was compared
	grew      int // enlarged copies of cases that were checked
	refused   int // dimensions that the operator does not let grow
}

func (c *checker) errorf(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

func (c *checker) complete() {
	op := c.op
	switch {
	case op.Expand == nil && op.Eval == nil:
		c.errorf("neither Eval nor Expand")
	case op.Expand == nil && op.Infer == nil:
		c.errorf("a primitive without Infer")
	}
	switch {
	case op.Grad != nil && op.NoGrad != "":
		c.errorf("both Grad and NoGrad")
	case op.Grad == nil && op.NoGrad == "" && op.Expand == nil:
		c.errorf("neither Grad nor the reason why there is none")
	}
	cases, _ := ops.ParseCases(op.Cases)
	for _, example := range cases {
		if example.Error == "" {
			return
		}
	}
	c.errorf("no case")
}

// example checks one case.
func (c *checker) example(e ops.Case) {
	opset := e.Opset
	if opset == 0 {
		opset = c.set.LastOpset(c.op)
	}
	got, err := c.run(e, opset, e.In)
	if e.Error != "" {
		switch {
		case err == nil:
			c.errorf("case %s: got no error want one with %q", e.Name, e.Error)
		case errors.Is(err, reference.ErrPanic) || e.Error != "error" && !strings.Contains(err.Error(), e.Error):
			c.errorf("case %s: got error %q want one with %q", e.Name, err, e.Error)
		}
		return
	}
	if err != nil {
		c.errorf("case %s: %w", e.Name, err)
		return
	}
	i := 0
	for k, want := range e.Out {
		if want == nil {
			continue
		}
		tol := c.op.Exact
		if want.Kind == graph.TensorKind && tol == ops.Bitwise && want.DType.IsFloat() {
			tol = caseDigits(want.DType)
		}
		if err := Compare(got[i], want, tol); err != nil {
			c.errorf("case %s: output %d: %w", e.Name, k, err)
		}
		i++
	}
	c.types(e, opset, e.In, got)
	if c.differentiable(opset) && c.gradient(e, opset, e.In, probes) {
		c.gradients++
	}
	c.agree(e, opset, got)
	c.roundTrip(e, opset)
	if len(c.errs) == 0 { // a fault in the small case would only be told again
		c.growth(e, opset)
	}
}

// roundTrip writes the case's model, reads it and compares.
func (c *checker) roundTrip(e ops.Case, opset int64) {
	m := e.Model(c.op, opset)
	for _, v := range m.Graph.Outputs {
		if v.Type == nil {
			if err := c.inferred(m); err != nil {
				return // said elsewhere
			}
			break
		}
	}
	b, err := onnxio.Marshal(m)
	if err != nil {
		c.errorf("case %s: writing its model: %w", e.Name, err)
		return
	}
	back, err := onnxio.Load(b, onnxio.Options{})
	if err != nil {
		c.errorf("case %s: reading its model: %w", e.Name, err)
		return
	}
	for _, line := range graph.Diff(m, back) {
		c.errorf("case %s: after writing and reading: %s", e.Name, line)
	}
}

// differentiable reports whether the operator has a gradient at an opset that gradients are written in.
func (c *checker) differentiable(opset int64) bool {
	return (c.op.Grad != nil || c.op.Expand != nil && c.op.NoGrad == "") && (c.op.Domain != "" || opset >= gradientOpset)
}

// caseDigits is how exactly a case's text can say a result.
func caseDigits(d graph.DType) ops.Tolerance {
	switch d {
	case graph.Float64:
		return ops.Tolerance{Rel: 1e-14, Abs: 1e-15}
	case graph.Float32:
		return ops.Tolerance{Rel: 2e-7, Abs: 1e-12}
	}
	return ops.Bitwise
}

// run executes the case's node on in, one tensor for each of the case's inputs.
func (c *checker) run(e ops.Case, opset int64, in []*graph.Tensor) ([]*graph.Tensor, error) {
	e.In = in
	before := make([]*graph.Tensor, len(in))
	for i, t := range in {
		before[i] = t.Clone()
	}
	out, err := runModel(c.eng, e.Model(c.op, opset), present(in))
	for i, t := range in {
		if !t.Equal(before[i]) {
			return nil, fmt.Errorf("the kernel writes into its input %d", i)
		}
	}
	return out, err
}

func present(in []*graph.Tensor) []*graph.Tensor {
	var out []*graph.Tensor
	for _, t := range in {
		if t != nil {
			out = append(out, t)
		}
	}
	return out
}

func runModel(e engine.Engine, m *graph.Model, in []*graph.Tensor) ([]*graph.Tensor, error) {
	return runModelBy(e, m, engine.Options{Threads: 1}, in)
}

func runModelBy(e engine.Engine, m *graph.Model, o engine.Options, in []*graph.Tensor) ([]*graph.Tensor, error) {
	plan, err := e.Compile(m, o)
	if err != nil {
		return nil, err
	}
	defer plan.Close()
	out := make([]*graph.Tensor, len(m.Graph.Outputs))
	return out, plan.Run(context.Background(), in, nil, out)
}

// types checks that inference, given all there is to know, then only names for sizes, then only ranks, never contradicts the result,
// and that with all sizes and constants known it gives the element type.
func (c *checker) types(e ops.Case, opset int64, in, got []*graph.Tensor) {
	e.In = in
	for _, level := range []string{"sizes", "names", "nothing"} {
		m := e.Model(c.op, opset)
		for i, v := range m.Graph.Inputs {
			if v.Type.Kind != graph.TensorKind {
				continue
			}
			switch level {
			case "sizes":
				v.Const = present(in)[i]
				m.Graph.Initializers = append(m.Graph.Initializers, v)
			case "names":
				for k := range v.Type.Shape {
					v.Type.Shape[k] = graph.Sym(fmt.Sprintf("n%d_%d", i, k))
				}
			case "nothing":
				v.Type = nil
			}
		}
		if level == "sizes" {
			m.Graph.Inputs = slices.DeleteFunc(m.Graph.Inputs, func(v *graph.Value) bool { return v.Const != nil })
		}
		if err := c.inferred(m); err != nil {
			c.errorf("case %s: inference with %s known: %w", e.Name, level, err)
			continue
		}
		for i, v := range m.Graph.Outputs {
			if err := Holds(v.Type, got[i]); err != nil {
				c.errorf("case %s: output %d: with %s known %s is inferred: %w", e.Name, i, level, v.Type, err)
			}
			if level == "sizes" && c.op.Infer != nil && v.Type == nil {
				c.errorf("case %s: output %d: nothing is inferred", e.Name, i)
			}
		}
	}
}

func recovered(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", reference.ErrPanic, r)
		}
	}()
	return f()
}

// Holds reports how a static type is wrong about a value, nil if it is not.
func Holds(ty *graph.Type, t *graph.Tensor) error {
	if ty == nil || t == nil {
		return nil
	}
	have := graph.TypeOf(t)
	if ty.Kind != have.Kind || have.Kind == graph.TensorKind && ty.DType != 0 && ty.DType != have.DType {
		return fmt.Errorf("the result is %s", have)
	}
	if have.Kind != graph.TensorKind {
		for _, e := range t.Elems {
			if err := Holds(ty.Of, e); err != nil {
				return err
			}
		}
		return nil
	}
	if ty.Shape == nil {
		return nil
	}
	if len(ty.Shape) != len(have.Shape) {
		return fmt.Errorf("the result is %s", have)
	}
	sizes := map[string]int64{}
	for i, d := range ty.Shape {
		size := have.Shape[i].Size
		if d.Known() && d.Size != size {
			return fmt.Errorf("the result is %s", have)
		}
		if old, ok := sizes[d.Param]; d.Param != "" && ok && old != size {
			return fmt.Errorf("the result is %s, where %s has two sizes", have, d.Param)
		}
		sizes[d.Param] = size
	}
	return nil
}
