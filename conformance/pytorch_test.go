package conformance_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/train"
)

// golden is one line of testdata/pytorch.json.
type golden struct {
	Name, Op string
	Opset    int64
	Outputs  int
	Attrs    map[string]json.RawMessage
	In       []*goldenInput
	Grad     [][]float64 // of Σ sin(i+1)·y[i] in each input, nil: not differentiated
}

type goldenInput struct {
	Shape []int64
	Type  string // i64, bool or, empty, float64
	Data  []float64
}

// TestPyTorchGradients compares gradients of single operators in float64 with PyTorch's, among them those at ties,
// corners, zeros and borders, once with fixed sizes and, for rules that can do without them, once with symbolic ones.
func TestPyTorchGradients(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.Op+"/"+g.Name, func(t *testing.T) {
			t.Parallel()
			for _, symbolic := range []bool{false, true} {
				got, err := g.gradients(symbolic)
				if symbolic && errors.Is(err, errs.UnsupportedOp) {
					continue
				}
				if err != nil {
					t.Fatalf("symbolic sizes %v: %v", symbolic, err)
				}
				for i, want := range g.Grad {
					if want == nil {
						continue
					}
					if err := near(got[i], want, 1e-9, 0); err != nil {
						t.Errorf("symbolic sizes %v: input %d: %v", symbolic, i, err)
					}
				}
			}
		})
	}
}

func goldens(t *testing.T) []golden {
	b, err := os.ReadFile(filepath.Join("testdata", "pytorch.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []golden
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Buffer(nil, 1<<20); lines.Scan(); {
		var g golden
		if err := json.Unmarshal(lines.Bytes(), &g); err != nil {
			t.Fatalf("line %d: %v", len(all)+1, err)
		}
		all = append(all, g)
	}
	if len(all) < 150 {
		t.Errorf("got %d cases want 150 or more", len(all))
	}
	return all
}

// near compares with a relative error; elements below a thousandth of the largest, or of scale, count as that.
func near(got *graph.Tensor, want []float64, rel, scale float64) error {
	for _, w := range want {
		scale = max(scale, math.Abs(w))
	}
	x := make([]float64, len(want)) // no gradient is zero
	if got != nil {
		x = graph.Data[float64](got)
	}
	if len(x) != len(want) {
		return fmt.Errorf("got %d elements want %d", len(x), len(want))
	}
	for k, w := range want {
		if !(math.Abs(x[k]-w) <= rel*max(math.Abs(w), scale/1000)) {
			return fmt.Errorf("element %d: got %.17g want %.17g of %v want %v", k, x[k], w, x, want)
		}
	}
	return nil
}

// gradients differentiates the golden's node; the result is parallel to its inputs.
func (g golden) gradients(symbolic bool) ([]*graph.Tensor, error) {
	m := &graph.Model{IRVersion: 10, Opsets: map[string]int64{"": g.Opset}, Graph: &graph.Graph{}}
	in := make([]*graph.Value, len(g.In))
	var xs []*graph.Value
	var feeds []*graph.Tensor
	for i, x := range g.In {
		if x == nil {
			continue
		}
		t := x.tensor()
		if g.Grad[i] == nil {
			in[i] = m.Graph.NewConst(fmt.Sprintf("x%d", i), t)
			continue
		}
		kind := graph.TypeOf(t)
		for k := range kind.Shape {
			if symbolic {
				kind.Shape[k] = graph.Sym(fmt.Sprintf("n%d_%d", i, k))
			}
		}
		in[i] = m.Graph.NewInput(fmt.Sprintf("x%d", i), kind)
		xs, feeds = append(xs, in[i]), append(feeds, t)
	}
	attrs := graph.Attrs{}
	for name, raw := range g.Attrs {
		v, err := attribute(raw)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
		attrs[name] = v
	}
	out := make([]*graph.Value, g.Outputs)
	for i := range out {
		out[i] = &graph.Value{Name: fmt.Sprintf("y%d", i)}
	}
	m.Graph.Append(graph.NewNode("", g.Op, attrs, in, out))
	dx, err := seededGradient(m, out[0], xs, feeds)
	if err != nil {
		return nil, err
	}
	back := make([]*graph.Tensor, len(g.In))
	for i := range g.In {
		if g.Grad[i] != nil {
			back[i], dx = dx[0], dx[1:]
		}
	}
	return back, nil
}

// seededGradient returns the derivative of Σ sin(i+1)·y[i] in each of xs, nil where there is none.
func seededGradient(m *graph.Model, y *graph.Value, xs []*graph.Value, feeds []*graph.Tensor) ([]*graph.Tensor, error) {
	m.Graph.Outputs = []*graph.Value{y}
	forward, err := runReference(m, feeds)
	if err != nil {
		return nil, err
	}
	if err := ops.Infer(m, ops.Standard()); err != nil {
		return nil, err
	}
	seed := graph.NewTensor(graph.Float64, forward[0].Shape...)
	for i := range graph.Data[float64](seed) {
		graph.Data[float64](seed)[i] = math.Sin(float64(i + 1))
	}
	dy := m.Graph.NewInput("dy", y.Type.Clone())
	grads, err := train.Gradient(m, ops.Standard(), []*graph.Value{y}, []*graph.Value{dy}, xs, nil)
	if err != nil {
		return nil, err
	}
	m.Graph.Outputs = nil
	for _, v := range grads {
		if v != nil {
			m.Graph.Outputs = append(m.Graph.Outputs, v)
		}
	}
	dx := make([]*graph.Tensor, len(xs))
	if len(m.Graph.Outputs) == 0 {
		return dx, nil
	}
	back, err := runReference(m, append(feeds[:len(feeds):len(feeds)], seed))
	if err != nil {
		return nil, err
	}
	for i, v := range grads {
		if v != nil {
			dx[i], back = back[0], back[1:]
		}
	}
	return dx, nil
}

func runReference(m *graph.Model, in []*graph.Tensor) ([]*graph.Tensor, error) {
	p, err := reference.Engine{}.Compile(m, engine.Options{Threads: 1})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	out := make([]*graph.Tensor, len(m.Graph.Outputs))
	return out, p.Run(context.Background(), in, nil, out)
}

func (x *goldenInput) tensor() *graph.Tensor {
	switch x.Type {
	case "i64":
		t := graph.NewTensor(graph.Int64, x.Shape...)
		for i, v := range x.Data {
			graph.Data[int64](t)[i] = int64(v)
		}
		return t
	case "bool":
		t := graph.NewTensor(graph.Bool, x.Shape...)
		for i, v := range x.Data {
			graph.Data[bool](t)[i] = v != 0
		}
		return t
	}
	t := graph.NewTensor(graph.Float64, x.Shape...)
	copy(graph.Data[float64](t), x.Data)
	return t
}

// attribute reads a number (a float if it has a point or an exponent), a string or a list of integers.
func attribute(raw json.RawMessage) (any, error) {
	switch text := string(raw); {
	case text[0] == '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	case text[0] == '[':
		var v []int64
		err := json.Unmarshal(raw, &v)
		return v, err
	case strings.ContainsAny(text, ".e"):
		var f float32
		err := json.Unmarshal(raw, &f)
		return f, err
	default:
		var i int64
		err := json.Unmarshal(raw, &i)
		return i, err
	}
}
