package ops

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// NonMaxSuppression picks boxes (N, boxes, 4), best score (N, classes, boxes) first, that do not overlap better ones of
// their class by more than a threshold. The result (picked, 3) names image, class and box. Inputs 2 to 4 are the most
// boxes of a class (none if absent), the threshold of intersection over union and the lowest score.
// https://onnx.ai/onnx/operators/onnx__NonMaxSuppression.html
var _ = define(Op{
	Name: "NonMaxSuppression", Since: 10,
	Infer: func(*Inference) ([]*graph.Type, error) {
		return []*graph.Type{graph.TensorType(graph.Int64, graph.Sym(""), graph.D(3))}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		boxes, scores := c.In[0], c.In[1]
		if boxes.DType != graph.Float32 || scores.DType != graph.Float32 {
			return nil, fmt.Errorf("boxes are %s, scores %s, want float32", boxes, scores)
		}
		if len(boxes.Shape) != 3 || len(scores.Shape) != 3 || boxes.Shape[2] != 4 || boxes.Shape[0] != scores.Shape[0] ||
			boxes.Shape[1] != scores.Shape[2] {
			return nil, fmt.Errorf("boxes are %s, scores %s, want (N, boxes, 4) and (N, classes, boxes)", boxes, scores)
		}
		most, overlap, lowest := 0.0, 0.0, 0.0
		for i, v := range map[int]*float64{2: &most, 3: &overlap, 4: &lowest} {
			if t := c.Input(i); t != nil && t.Len() > 0 {
				x, err := oneNumber(t, "a limit")
				if err != nil {
					return nil, err
				}
				*v = x
			}
		}
		bounded := c.Input(4) != nil && c.Input(4).Len() > 0
		count, classes := int(boxes.Shape[1]), int(scores.Shape[1])
		bs, ss := graph.Data[float32](boxes), graph.Data[float32](scores)
		corners := make([]box, len(bs)/4)
		for i := range corners {
			corners[i] = boxOf([4]float32(bs[4*i:]), c.Node.Attrs.Bool("center_point_box", false))
		}
		var picked []int64
		for row := range int(scores.Shape[0]) * classes {
			if err := c.Err(); err != nil {
				return nil, err
			}
			image, score := corners[row/classes*count:][:count], ss[row*count:][:count]
			for _, i := range suppress(image, score, int(min(most, float64(count))), float32(overlap), bounded, float32(lowest)) {
				picked = append(picked, int64(row/classes), int64(row%classes), int64(i))
			}
		}
		y := c.Output(graph.Int64, int64(len(picked)/3), 3)
		copy(graph.Data[int64](y), picked)
		return []*graph.Tensor{y}, nil
	},
	NoGrad: "it chooses",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		overlap [1 3 4] 0 0 1 1 0 0.1 1 1.1 0 10 1 11  [1 1 3] 0.9 0.75 0.6  i64[1] 3  [1] 0.5  [1] 0.0
			->  i64[2 3] 0 0 0 0 0 2
		centre  center_point_box=1  [1 2 4] 0.5 0.5 1 1 0.5 10.5 1 1  [1 1 2] 0.2 0.9  i64[1] 3  ->  i64[2 3] 0 0 1 0 0 0
		score   [1 2 4] 1 1 0 0 5 5 6 6  [1 2 2] 0.2 0.9 0.8 0.1  i64[] 1  [] 0.5  [] 0.15  ->  i64[2 3] 0 0 1 0 1 0
		none    [1 1 4] 0 0 1 1  [1 1 1] 1  ->  i64[0 3]
		shape   [1 1 3] 0 0 1  [1 1 1] 1  ->  error "boxes"`,
})

// box is two corners, the lower one first.
type box struct{ x0, y0, x1, y1 float32 }

// boxOf reads y, x, y, x of two opposite corners, or x, y, width and height about a centre.
func boxOf(v [4]float32, centre bool) box {
	if centre {
		return box{v[0] - v[2]/2, v[1] - v[3]/2, v[0] + v[2]/2, v[1] + v[3]/2}
	}
	return box{min(v[1], v[3]), min(v[0], v[2]), max(v[1], v[3]), max(v[0], v[2])}
}

func (a box) area() float32 { return (a.x1 - a.x0) * (a.y1 - a.y0) }

// overlaps reports whether the boxes' intersection is more than a part of their union.
func (a box) overlaps(b box, part float32) bool {
	w, h := min(a.x1, b.x1)-max(a.x0, b.x0), min(a.y1, b.y1)-max(a.y0, b.y0)
	if w <= 0 || h <= 0 || a.area() <= 0 || b.area() <= 0 {
		return false
	}
	return w*h/(a.area()+b.area()-w*h) > part
}

// suppress returns the picked boxes of one class.
func suppress(boxes []box, scores []float32, most int, overlap float32, bounded bool, lowest float32) []int {
	var order, picked []int
	for i, s := range scores {
		if !bounded || s > lowest {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(scores[j], scores[i]) })
	for _, i := range order {
		if len(picked) >= most {
			break
		}
		if !slices.ContainsFunc(picked, func(j int) bool { return boxes[i].overlaps(boxes[j], overlap) }) {
			picked = append(picked, i)
		}
	}
	return picked
}
