package ops

import (
	"fmt"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/astronnx/astronnx/graph"
)

// DFT is the discrete Fourier transform along an axis; the last axis holds the real, or the real and imaginary parts. onesided keeps
// the first n/2+1 frequencies of a real signal or, inverse, makes a real signal of them.
// https://onnx.ai/onnx/operators/onnx__DFT.html
var _ = define(Op{
	Name: "DFT", Since: 20,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t.Rank() < 2 {
			return []*graph.Type{withoutShape(t)}, nil
		}
		if c.Has(2) && c.Constant(2) == nil || c.Has(1) && c.Constant(1) == nil {
			for k := range t.Shape {
				t.Shape[k] = graph.Sym("")
			}
			return []*graph.Type{t}, nil
		}
		axis, n, err := dftAxis(c.Constant(1), c.Constant(2), t.Sizes())
		if err != nil {
			return nil, err
		}
		length, parts := dftShape(c.Node, n, c.Has(1))
		t.Shape[axis], t.Shape[len(t.Shape)-1] = graph.Sym(""), graph.D(parts)
		if n >= 0 {
			t.Shape[axis] = graph.D(length)
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		axis, n, err := dftAxis(c.Input(1), c.Input(2), c.In[0].Shape)
		if err != nil {
			return nil, err
		}
		return dft(c, axis, n, c.Input(1) != nil)
	},
	Grad: dftGrad,
	Exact: Tolerance{
		Rel: 1e-5, Abs: 1e-5, // of sums of as many terms as the axis is long
	},
	Grow: Fixed,
	Cases: `
		forward !sized [4 2] 1 0 2 0 3 0 4 0  _  i64[] 0  ->  [4 2] 10 0 -2 2 -2 0 -2 -2
		inverse !sized inverse=1  [2 2] 3 0 -1 0  _  i64[] 0  ->  [2 2] 1 0 2 0
		half    !sized onesided=1  [4 1] 1 2 3 4  _  i64[] 0  ->  [3 2] 10 0 -2 2 -2 0
		longer  !sized [1 1] 1  i64[] 2  i64[] 0  ->  [2 2] 1 0 1 0
		nothing onesided=1  [0 1]  _  i64[] 0  ->  error "length 0"`,
})

// Before opset 20 the axis is an attribute.
var _ = define(Op{
	Name: "DFT", Since: 17,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t.Rank() >= 0 {
			for k := range t.Shape {
				t.Shape[k] = graph.Sym("")
			}
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		axis, n, err := dftAxis(c.Input(1), graph.Scalar(c.Node.Attrs.Int("axis", 1)), c.In[0].Shape)
		if err != nil {
			return nil, err
		}
		return dft(c, axis, n, c.Input(1) != nil)
	},
	Grad:  dftGrad,
	Exact: Tolerance{Rel: 1e-5, Abs: 1e-5},
	Grow:  Fixed,
	Cases: `
		forward !sized axis=0  [4 2] 1 0 2 0 3 0 4 0  ->  [4 2] 10 0 -2 2 -2 0 -2 -2`,
})

// dftAxis returns the axis and the length of the transform.
func dftAxis(length, axis *graph.Tensor, shape []int64) (int, int64, error) {
	at := int64(-2)
	if axis != nil {
		v, err := int64s(axis)
		if err != nil || len(v) != 1 {
			return 0, 0, fmt.Errorf("the axis is %s, want one int64", axis)
		}
		at = v[0]
	}
	k, err := axisOf(at, len(shape))
	if err != nil || k == len(shape)-1 {
		return 0, 0, fmt.Errorf("axis %d of a signal of shape %v, whose last axis holds the parts", at, shape)
	}
	n := shape[k]
	if length != nil {
		v, err := int64s(length)
		if err != nil || len(v) != 1 || v[0] < 1 || v[0] > 1<<30 {
			return 0, 0, fmt.Errorf("dft_length is %s, want one positive int64", length)
		}
		n = v[0]
	}
	return k, n, nil
}

// dftShape returns the length of the result along the axis, for n elements or a transform of length n, and its parts.
func dftShape(node *graph.Node, n int64, given bool) (length, parts int64) {
	onesided, inverse := node.Attrs.Bool("onesided", false), node.Attrs.Bool("inverse", false)
	switch {
	case onesided && inverse && given:
		return n, 1
	case onesided && inverse:
		return 2 * (n - 1), 1
	case onesided:
		return n/2 + 1, 2
	}
	return n, 2
}

func dft(c *Call, axis int, n int64, given bool) ([]*graph.Tensor, error) {
	x := c.In[0]
	read, err := floatReader(x)
	if err != nil {
		return nil, unsupported(c, x.DType)
	}
	inParts := x.Shape[len(x.Shape)-1]
	if inParts != 1 && inParts != 2 {
		return nil, fmt.Errorf("the signal is %s, want 1 or 2 on its last axis", x)
	}
	onesided, inverse := c.Node.Attrs.Bool("onesided", false), c.Node.Attrs.Bool("inverse", false)
	length, parts := dftShape(c.Node, n, given)
	if min(n, length) < 1 {
		return nil, fmt.Errorf("a transform of length %d", min(n, length))
	}
	full := n
	if onesided && inverse {
		full = length
	}
	shape := append([]int64{}, x.Shape...)
	shape[axis], shape[len(shape)-1] = length, parts
	y, err := outputOf(c, x.DType, shape)
	if err != nil {
		return nil, err
	}
	inner, _ := graph.NumElements(x.Shape[axis+1 : len(x.Shape)-1])
	outer, _ := graph.NumElements(x.Shape[:axis])
	values := make([]float64, y.Len())
	fft := fourier.NewCmplxFFT(int(full))
	line := make([]complex128, full)
	for o := range outer {
		if err := c.Err(); err != nil {
			return nil, err
		}
		for i := range inner {
			clear(line)
			for k := range min(full, x.Shape[axis]) {
				at := int(((o*x.Shape[axis]+k)*inner + i) * inParts)
				re, im := read(at), 0.0
				if inParts == 2 {
					im = read(at + 1)
				}
				line[k] = complex(re, im)
				if mirror := full - k; onesided && inverse && k > 0 && mirror > k {
					line[mirror] = complex(re, -im)
				}
			}
			transform := fft.Coefficients
			if inverse {
				transform = fft.Sequence
			}
			result := transform(nil, line)
			for k := range length {
				at := ((o*length+k)*inner + i) * parts
				v := result[k]
				if inverse {
					v /= complex(float64(full), 0)
				}
				values[at] = real(v)
				if parts == 2 {
					values[at+1] = imag(v)
				}
			}
		}
	}
	return []*graph.Tensor{y}, storeFloats(y, len(values), func(i int) float64 { return values[i] }, castRule{})
}

// dftGrad is the other direction, with the factor 1/n on the other side: frequencies that a one-sided result left out are zeros, and
// a real signal takes the real part.
func dftGrad(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
	x, inverse := n.In[0], n.Attrs.Bool("inverse", false)
	rank, sizes := x.Type.Rank(), x.Type.Sizes()
	byAttribute := b.Opsets[""] < 20
	axisInput := ConstantOf(n.Input(2))
	if byAttribute {
		axisInput = graph.Scalar(n.Attrs.Int("axis", 1))
	} else if axisInput == nil && n.Input(2) == nil {
		axisInput = graph.Scalar(int64(-2))
	}
	if rank < 2 || axisInput == nil || n.Input(1) != nil && ConstantOf(n.In[1]) == nil || inverse && n.Attrs.Bool("onesided", false) {
		panic("ops: the gradient of DFT needs the rank of its input and constant axis and length, and no inverse of one side")
	}
	axis, length, err := dftAxis(ConstantOf(n.Input(1)), axisInput, sizes)
	if err != nil {
		panic(err)
	}
	if length < 0 || sizes[axis] < 0 || sizes[rank-1] < 0 {
		panic("ops: the gradient of DFT needs the size of its axis")
	}
	d := resized(b, dy[0], rank, axis, outSize(n, length), length)
	attrs, in := graph.Attrs{"inverse": !inverse}, []*graph.Value{d, nil, b.Int(int64(axis))}
	if byAttribute {
		attrs["axis"], in = int64(axis), in[:1]
	}
	d = b.Op("DFT", attrs, in...)
	if inverse {
		d = b.Div(d, b.Like(dy[0], float64(length)))
	} else {
		d = b.Mul(d, b.Like(dy[0], float64(length)))
	}
	d = resized(b, d, rank, axis, length, sizes[axis])
	return []*graph.Value{resized(b, d, rank, rank-1, 2, sizes[rank-1]), nil, nil}
}

func outSize(n *graph.Node, length int64) int64 {
	size, _ := dftShape(n, length, true)
	return size
}

// resized cuts an axis or appends zeros to it.
func resized(b *Builder, v *graph.Value, rank, axis int, from, to int64) *graph.Value {
	if from == to {
		return v
	}
	pads := make([]int64, 2*rank)
	pads[rank+axis] = to - from
	return b.Op("Pad", nil, v, b.Ints(pads...))
}
