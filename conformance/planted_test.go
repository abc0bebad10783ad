package conformance_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/conformance"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

type evalFunc = func(*ops.Call) ([]*graph.Tensor, error)

// like returns a standard operator's definition to plant a fault in.
func like(name string) ops.Op {
	op := *ops.Standard().Newest("", name)
	op.Domain, op.Since = "", 1
	return op
}

func with(name string, change func(*ops.Op)) ops.Op {
	op := like(name)
	change(&op)
	return op
}

// map32 is an elementwise kernel that computes float32 by loop and float64 rightly.
func map32(f func(float64) float64, loop func(y, x []float32, f func(float64) float64)) evalFunc {
	return func(c *ops.Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		y := c.Output(x.DType, x.Shape...)
		switch x.DType {
		case graph.Float32:
			loop(graph.Data[float32](y), graph.Data[float32](x), f)
		case graph.Float64:
			for i, v := range graph.Data[float64](x) {
				graph.Data[float64](y)[i] = f(v)
			}
		}
		return []*graph.Tensor{y}, nil
	}
}

// unrolled is eight at a time and then the rest.
func unrolled(tail int) func(y, x []float32, f func(float64) float64) {
	return func(y, x []float32, f func(float64) float64) {
		i := 0
		for ; i+8 <= len(x); i += 8 {
			for k := range 8 {
				y[i+k] = float32(f(float64(x[i+k])))
			}
		}
		if i > 0 {
			i += tail
		}
		for ; i < len(x); i++ {
			y[i] = float32(f(float64(x[i])))
		}
	}
}

func oneFloat(b *ops.Builder, n *graph.Node, x float64) *graph.Value { return b.Like(n.In[0], x) }

// TestPlantedFaults puts one fault at a time into a right operator; the generic checks must see each, and nothing in the right one.
func TestPlantedFaults(t *testing.T) {
	cube := func(b *ops.Builder, n *graph.Node) []*graph.Value {
		return []*graph.Value{b.Mul(b.Mul(n.In[0], n.In[0]), n.In[0])}
	}
	composite := ops.Op{Name: "Cube", Since: 1, Expand: cube, Cases: `some [3] 1 2 -3  ->  [3] 1 8 -27`}
	gather := like("Gather")
	rightGather := gather.Eval
	for _, p := range []struct {
		name string
		op   ops.Op
		want string // empty: a right operator
	}{
		{"right: Sin", like("Sin"), ""},
		{"right: composite", composite, ""},
		{"right: unrolled kernel", with("Sin", func(o *ops.Op) { o.Eval = map32(math.Sin, unrolled(0)) }), ""},

		{"adjoint", with("Sin", func(o *ops.Op) {
			o.Grad = func(b *ops.Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
				return []*graph.Value{b.Mul(dy[0], n.Out[0])}
			}
		}), "gradient"},
		{"adjoint off by a small factor", with("Tanh", func(o *ops.Op) {
			right := o.Grad
			o.Grad = func(b *ops.Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
				return []*graph.Value{b.Mul(right(b, n, dy)[0], oneFloat(b, n, 1.00001))}
			}
		}), "gradient"},
		{"adjoint forgotten", with("Mul", func(o *ops.Op) {
			right := o.Grad
			o.Grad = func(b *ops.Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
				return []*graph.Value{right(b, n, dy)[0], nil}
			}
		}), "gradient"},
		{"adjoints of operands swapped", with("Sub", func(o *ops.Op) {
			right := o.Grad
			o.Grad = func(b *ops.Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
				d := right(b, n, dy)
				return []*graph.Value{d[1], d[0]}
			}
		}), "gradient"},
		{"broadcast undone along the wrong axis", with("Add", func(o *ops.Op) {
			o.Cases = `square [3 3] 1..9  [3] 10 20 30  ->  [3 3] 11 22 33 14 25 36 17 28 39`
			o.Grad = func(b *ops.Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
				return []*graph.Value{dy[0], b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, dy[0], b.Ints(1))}
			}
		}), "gradient"},
		{"adjoint of known sizes only", with("Add", func(o *ops.Op) {
			o.Grad = func(b *ops.Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
				sizes := n.In[0].Type.Sizes()
				return []*graph.Value{b.Reshape(dy[0], sizes...), dy[0]}
			}
			o.Cases = `rows [2 3] 1..6  [2 3] 1..6  ->  [2 3] 2 4 6 8 10 12`
		}), "symbolic"},
		{"attribute ignored", with("LeakyRelu", func(o *ops.Op) {
			o.Eval = map32(func(x float64) float64 { return max(x, 0.01*x) }, unrolled(0))
		}), "case slope: output 0"},
		{"operands swapped", with("Sub", func(o *ops.Op) {
			right := o.Eval
			o.Eval = func(c *ops.Call) ([]*graph.Tensor, error) {
				d := *c
				d.In = []*graph.Tensor{c.In[1], c.In[0]}
				return right(&d)
			}
		}), "output 0"},
		{"tail of a kernel", with("Sin", func(o *ops.Op) { o.Eval = map32(math.Sin, unrolled(1)) }), "float32 against float64"},
		{"shape rule", with("Transpose", func(o *ops.Op) {
			o.Infer = func(c *ops.Inference) ([]*graph.Type, error) { return []*graph.Type{c.Type(0).Clone()}, nil }
		}), "is inferred"},
		{"shape rule by name", with("Transpose", func(o *ops.Op) {
			right := o.Infer
			o.Infer = func(c *ops.Inference) ([]*graph.Type, error) {
				if c.Type(0).Rank() > 0 && !c.Type(0).Shape[0].Known() {
					ty := c.Type(0).Clone()
					ty.Shape = ty.Shape[:1]
					return []*graph.Type{ty}, nil
				}
				return right(c)
			}
		}), "with names known"},
		{"element type rule", with("Equal", func(o *ops.Op) {
			o.Infer = func(c *ops.Inference) ([]*graph.Type, error) { return []*graph.Type{c.Type(0).Clone()}, nil }
		}), "is inferred"},
		{"inference of nothing", with("Neg", func(o *ops.Op) {
			o.Infer = func(c *ops.Inference) ([]*graph.Type, error) {
				return []*graph.Type{graph.TensorType(c.Type(0).DType, c.Type(0).Shape...)}, nil
			}
		}), "panicked"},
		{"tie rule", with("Max", func(o *ops.Op) {
			right := o.Eval
			o.Cases = `nan [2] 1 nan  [2] 2 1  ->  [2] 2 nan` + "\n" + `smooth [2] 1 5  [2] 2 1  ->  [2] 2 5`
			o.Eval = func(c *ops.Call) ([]*graph.Tensor, error) {
				y, err := right(c)
				if err == nil && y[0].DType == graph.Float32 {
					for i, v := range graph.Data[float32](y[0]) {
						if v != v {
							graph.Data[float32](y[0])[i] = 1
						}
					}
				}
				return y, err
			}
		}), "want NaN"},
		{"kernel and expansion disagree", ops.Op{Name: "Cube", Since: 1, Expand: cube, Infer: like("Neg").Infer, Cases: composite.Cases,
			Eval: map32(func(x float64) float64 {
				if x == 5 {
					return 124
				}
				return x * x * x
			}, func(y, x []float32, f func(float64) float64) {
				for i, v := range x {
					if y[i] = v * v * v; i == 11 {
						y[i]++
					}
				}
			})}, "expansion"},
		{"index not checked", with("Gather", func(o *ops.Op) {
			o.Cases = `far [2] 1 2  i64[1] 5  ->  error "range"` + "\n" + `near [2] 1 2  i64[1] 1  ->  [1] 2`
			o.Eval = func(c *ops.Call) ([]*graph.Tensor, error) {
				if y, err := rightGather(c); err == nil {
					return y, nil
				}
				panic("index out of range")
			}
		}), "panicked"},
		{"input overwritten", with("Neg", func(o *ops.Op) {
			right := o.Eval
			o.Eval = func(c *ops.Call) ([]*graph.Tensor, error) {
				y, err := right(c)
				if err == nil {
					copy(c.In[0].Raw, y[0].Raw)
				}
				return y, err
			}
		}), "writes into its input"},
		{"part of an input returned", with("Slice", func(o *ops.Op) {
			o.Cases = `rest [3] 1 2 3  i64[1] 1  i64[1] 3  ->  [2] 2 3`
			o.Eval = func(c *ops.Call) ([]*graph.Tensor, error) {
				x := *c.In[0]
				size := x.DType.Bits() / 8
				x.Shape, x.Raw = []int64{x.Shape[0] - 1}, x.Raw[size:]
				return []*graph.Tensor{&x}, nil
			}
		}), "part of an input"},
		{"no word on the gradient", with("Sin", func(o *ops.Op) { o.Grad = nil }), "neither Grad"},
		{"no case", with("Sin", func(o *ops.Op) { o.Cases = "" }), "no case"},
	} {
		t.Run(p.name, func(t *testing.T) {
			planted := ops.NewSet("")
			op := planted.Define(p.op)
			var text strings.Builder
			for _, err := range conformance.CheckOp(ops.Standard().With(planted), op) {
				fmt.Fprintln(&text, err)
			}
			switch {
			case p.want == "" && text.Len() > 0:
				t.Errorf("a right operator is found wrong: %s", text.String())
			case p.want != "" && !strings.Contains(text.String(), p.want):
				t.Errorf("the fault is not found: got %q want something with %q", text.String(), p.want)
			}
		})
	}
}
