package ops

import (
	"fmt"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// Resize interpolates along axes: to scales times the size, rounded down, or to given sizes.
// https://onnx.ai/onnx/operators/onnx__Resize.html
var (
	_ = define(Op{
		Name: "Resize", Since: 11,
		Infer: func(c *Inference) ([]*graph.Type, error) {
			return inferResize(c, resizeInputs{roi: 1, scales: 2, sizes: 3})
		},
		Eval: func(c *Call) ([]*graph.Tensor, error) {
			return evalResize(c, resizingOf(c.Node), resizeInputs{roi: 1, scales: 2, sizes: 3})
		},
		Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
			return resizeGrad(b, n, dy[0], resizingOf(n), resizeInputs{roi: 1, scales: 2, sizes: 3})
		},
		Exact: Rounding,
		Cases: `
			repeat  mode="nearest" coordinate_transformation_mode="asymmetric" nearest_mode="floor"
				[1 1 1 2] 1 2  _ _  i64[4] 1 1 2 4  ->  [1 1 2 4] 1 1 2 2 1 1 2 2
			nearest mode="nearest"  [1 1 4] 1 2 3 4  _ _  i64[3] 1 1 3  ->  [1 1 3] 1 2 4
			scaled  !kink mode="linear"  [1 1 2] 0 4  _  [3] 1 1 2  ->  [1 1 4] 0 1 3 4
			corners mode="linear" coordinate_transformation_mode="align_corners"
				[1 1 2 2] 0 2 4 6  _ _  i64[4] 1 1 3 3  ->  [1 1 3 3] 0 1 2 2 3 4 4 5 6
			cubic   mode="cubic" axes=[0,-2]  [4 1 1] 0 1 2 3  _ _  i64[2] 2 1  ->  [2 1 1] 0.40625 2.59375
			smooth  mode="linear" antialias=1 axes=[0]  [4] 0 0 8 0  _ _  i64[1] 2  ->  [2] 1 3
			crop    !kink mode="linear" coordinate_transformation_mode="tf_crop_and_resize" extrapolation_value=9.0
				[3] 0 10 20  [2] 0.25 1.25  _  i64[1] 3  ->  [3] 5 15 9
			aspect  mode="nearest" keep_aspect_ratio_policy="not_larger" axes=[1,2]
				[1 2 1] 1 2  _ _  i64[2] 5 2  ->  [1 4 2] 1 1 1 1 2 2 2 2
			larger  mode="linear" keep_aspect_ratio_policy="not_smaller" axes=[1]  u8[1 2] 0 255  _ _  i64[1] 3  ->  u8[1 3] 0 128 255
			nothing [1] 1  ->  error "neither scales nor sizes"
			beyond  !fixed [1] 1  _ _  i64[1] 4611686018427387904  ->  error "beyond"`,
	})
	_ = define(Op{
		Name: "Resize", Since: 10,
		Infer: func(c *Inference) ([]*graph.Type, error) { return inferResize(c, resizeInputs{scales: 1}) },
		Eval: func(c *Call) ([]*graph.Tensor, error) {
			return evalResize(c, upsamplingOf(c.Node), resizeInputs{scales: 1})
		},
		Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
			return resizeGrad(b, n, dy[0], upsamplingOf(n), resizeInputs{scales: 1})
		},
		Exact: Rounding,
		Cases: `
			half [1 1 4] 1 2 3 4  [3] 1 1 0.5  ->  [1 1 2] 1 3`,
	})
)

// resizeInputs are the numbers of the inputs; 0: there is none.
type resizeInputs struct{ roi, scales, sizes int }

func resizingOf(n *graph.Node) *resizing {
	return &resizing{
		mode:           n.Attrs.Str("mode", "nearest"),
		coordinates:    n.Attrs.Str("coordinate_transformation_mode", "half_pixel"),
		nearest:        n.Attrs.Str("nearest_mode", "round_prefer_floor"),
		antialias:      n.Attrs.Bool("antialias", false),
		excludeOutside: n.Attrs.Bool("exclude_outside", false),
		cubic:          float64(n.Attrs.Float("cubic_coeff_a", -0.75)),
		extrapolation:  float64(n.Attrs.Float("extrapolation_value", 0)),
	}
}

// upsamplingOf is the interpolation before opset 11.
func upsamplingOf(n *graph.Node) *resizing {
	mode := n.Attrs.Str("mode", "nearest")
	if mode == "bilinear" || mode == "trilinear" {
		mode = "linear"
	}
	return &resizing{mode: mode, coordinates: "asymmetric", nearest: "floor"}
}

// resizedAxes returns what happens to each axis of an input of the given sizes, -1 where unknown; so are sizes and
// scales (0) of the result then.
func resizedAxes(n *graph.Node, shape []int64, roi, scales, sizes *graph.Tensor) ([]resizedAxis, error) {
	out := make([]resizedAxis, len(shape))
	for i, d := range shape {
		out[i] = resizedAxis{in: d, out: d, scale: 1, end: 1}
	}
	axes := n.Attrs.Ints("axes", nil)
	if axes == nil {
		for i := range shape {
			axes = append(axes, int64(i))
		}
	}
	which := make([]int, len(axes))
	for i, a := range axes {
		var err error
		if which[i], err = axisOf(a, len(shape)); err != nil {
			return nil, err
		}
		if slices.Contains(which[:i], which[i]) {
			return nil, fmt.Errorf("axes %v name one twice", axes)
		}
	}
	switch {
	case scales != nil && scales.Len() > 0:
		s, err := floatsOf(scales, len(which))
		if err != nil {
			return nil, fmt.Errorf("scales: %w", err)
		}
		for i, k := range which {
			if !(s[i] > 0 && s[i] <= 1<<31) {
				return nil, fmt.Errorf("scale %g of axis %d", s[i], k)
			}
			out[k].scale = s[i]
			if shape[k] >= 0 {
				out[k].out = int64(float32(s[i]) * float32(shape[k]))
			}
		}
	case sizes != nil:
		want, err := int64s(sizes)
		if err != nil {
			return nil, err
		}
		if len(want) != len(which) {
			return nil, fmt.Errorf("%d sizes for %d axes", len(want), len(which))
		}
		if err := fitSizes(n.Attrs.Str("keep_aspect_ratio_policy", "stretch"), out, which, want); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("neither scales nor sizes")
	}
	if n.Attrs.Str("coordinate_transformation_mode", "") == "tf_crop_and_resize" {
		if roi == nil {
			return nil, fmt.Errorf("tf_crop_and_resize without a region of interest")
		}
		r, err := floatsOf(roi, 2*len(which))
		if err != nil {
			return nil, fmt.Errorf("region of interest: %w", err)
		}
		for i, k := range which {
			out[k].begin, out[k].end = r[i], r[len(which)+i]
		}
	}
	return out, nil
}

// fitSizes sets the sizes of the named axes, with one scale for all where the aspect ratio is kept.
func fitSizes(policy string, out []resizedAxis, which []int, want []int64) error {
	common, known := 0.0, true
	for i, k := range which {
		a := &out[k]
		if want[i] < 0 {
			return fmt.Errorf("size %d of axis %d", want[i], k)
		}
		a.out, a.scale = want[i], 0
		if a.in <= 0 {
			known = false
			continue
		}
		a.scale = float64(want[i]) / float64(a.in)
		if policy == "not_larger" && (i == 0 || a.scale < common) || policy == "not_smaller" && a.scale > common {
			common = a.scale
		}
	}
	switch policy {
	case "stretch":
		return nil
	case "not_larger", "not_smaller":
	default:
		return fmt.Errorf("keep_aspect_ratio_policy %q", policy)
	}
	for _, k := range which {
		if a := &out[k]; known {
			a.scale, a.out = common, int64(common*float64(a.in)+0.5)
		} else {
			a.scale, a.out = 0, -1
		}
	}
	return nil
}

// floatsOf reads n numbers.
func floatsOf(t *graph.Tensor, n int) ([]float64, error) {
	if t.Len() != int64(n) || !t.DType.IsFloat() {
		return nil, fmt.Errorf("got %s want %d numbers", t, n)
	}
	get, err := floatReader(t)
	if err != nil {
		return nil, err
	}
	out := make([]float64, n)
	fill(out, get)
	return out, nil
}

func inferResize(c *Inference, at resizeInputs) ([]*graph.Type, error) {
	t := c.Type(0).Clone()
	if t.Rank() < 0 {
		return []*graph.Type{t}, nil
	}
	var scales, sizes *graph.Tensor
	if at.scales > 0 {
		scales = c.Constant(at.scales)
	}
	if at.sizes > 0 && c.Has(at.sizes) {
		sizes = c.Constant(at.sizes)
	}
	if scales != nil && scales.Len() == 0 {
		scales = nil
	}
	if scales == nil && sizes == nil {
		axes := c.Node.Attrs.Ints("axes", nil)
		for i := range t.Shape {
			if axes == nil || slices.Contains(axes, int64(i)) || slices.Contains(axes, int64(i-len(t.Shape))) {
				t.Shape[i] = graph.Sym("")
			}
		}
		return []*graph.Type{t}, nil
	}
	// Where to read does not matter to the sizes.
	node := *c.Node
	node.Attrs = graph.Attrs{}
	for _, name := range []string{"axes", "keep_aspect_ratio_policy"} {
		if v, ok := c.Node.Attrs[name]; ok {
			node.Attrs[name] = v
		}
	}
	axes, err := resizedAxes(&node, t.Sizes(), nil, scales, sizes)
	if err != nil {
		return nil, err
	}
	for i, a := range axes {
		switch {
		case a.out >= 0 && (a.in >= 0 || scales == nil):
			t.Shape[i] = graph.D(a.out)
		case a.scale != 1:
			t.Shape[i] = graph.Sym("")
		}
	}
	return []*graph.Type{t}, nil
}

func evalResize(c *Call, r *resizing, at resizeInputs) ([]*graph.Tensor, error) {
	input := func(i int) *graph.Tensor {
		if i == 0 {
			return nil
		}
		return c.Input(i)
	}
	axes, err := resizedAxes(c.Node, c.In[0].Shape, input(at.roi), input(at.scales), input(at.sizes))
	if err != nil {
		return nil, err
	}
	y, err := r.resize(c, c.In[0], axes)
	if err != nil {
		return nil, err
	}
	return []*graph.Tensor{y}, nil
}
