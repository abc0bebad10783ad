package ops

import "github.com/astronnx/astronnx/graph"

// element is what inference knows of one element of a vector of sizes: a number, or the dimension that it is the size of.
type element struct {
	known bool
	n     int64
	dim   graph.Dim
}

// maxVector bounds the vectors that inference follows: none that holds sizes is longer.
const maxVector = 64

// vector returns what is known of input i, a vector or scalar of integers, nil where not even its length is.
func (c *Inference) vector(i int) []element {
	if !c.Has(i) || c.infer == nil {
		return nil
	}
	return c.infer.vector(c.Node.In[i], 0)
}

func (f *inferrer) vector(v *graph.Value, depth int) []element {
	if v == nil {
		return nil
	}
	if t := f.constant(v, depth); t != nil {
		xs, err := int64s(t)
		if err != nil || len(xs) > maxVector {
			return nil
		}
		out := make([]element, len(xs))
		for i, x := range xs {
			out[i] = element{known: true, n: x}
		}
		return out
	}
	if n, _ := v.Producer(); n != nil && n.Domain == "" && depth <= maxFoldDepth {
		if out := f.vectorOf(n, depth+1); out != nil && len(out) <= maxVector {
			return out
		}
	}
	switch sizes := v.Type.Sizes(); {
	case sizes == nil:
		return nil
	case len(sizes) == 0:
		return []element{{dim: graph.Sym("")}}
	case len(sizes) == 1 && sizes[0] >= 0 && sizes[0] <= maxVector:
		return unknowns(int(sizes[0]))
	}
	return nil
}

// dimsOf returns a vector of sizes as dimensions.
func dimsOf(v []element) []graph.Dim {
	dims := make([]graph.Dim, len(v))
	for i, e := range v {
		if dims[i] = e.dim; e.known {
			dims[i] = graph.D(e.n)
		}
	}
	return dims
}

func unknowns(n int) []element {
	out := make([]element, n)
	for i := range out {
		out[i].dim = graph.Sym("")
	}
	return out
}

// vectorOf follows the operators by which exported models assemble shapes.
func (f *inferrer) vectorOf(n *graph.Node, depth int) []element {
	if len(n.In) == 0 || n.Op == "Shape" && n.In[0] == nil {
		return nil
	}
	switch n.Op {
	case "Shape":
		t := n.In[0].Type
		if t.Rank() < 0 {
			return nil
		}
		from, to := shapeRange(n, t.Rank())
		out := unknowns(to - from)
		for i, d := range t.Shape[from:to] {
			out[i] = element{d.Known(), d.Size, d}
		}
		return out
	case "Identity", "Cast", "Squeeze", "Unsqueeze":
		return f.vector(n.In[0], depth)
	case "Concat":
		out := []element{}
		for _, v := range n.In {
			part := f.vector(v, depth)
			if part == nil {
				return nil
			}
			out = append(out, part...)
		}
		return out
	case "Gather":
		from, at := f.vector(n.In[0], depth), f.constant(n.Input(1), depth)
		if from == nil || at == nil || len(at.Shape) > 1 {
			return nil
		}
		index, err := int64s(at)
		if err != nil {
			return nil
		}
		out := make([]element, len(index))
		for i, k := range index {
			if k < 0 {
				k += int64(len(from))
			}
			if k < 0 || k >= int64(len(from)) {
				return nil
			}
			out[i] = from[k]
		}
		return out
	case "Slice":
		return f.sliceOf(n, depth)
	}
	return nil
}

// sliceOf is a slice with step 1 of a vector.
func (f *inferrer) sliceOf(n *graph.Node, depth int) []element {
	from := f.vector(n.In[0], depth)
	if from == nil || len(n.In) < 3 || n.Input(4) != nil {
		return nil
	}
	var at [2]int64
	for i := range at {
		t := f.constant(n.In[i+1], depth)
		if t == nil {
			return nil
		}
		x, err := int64s(t)
		if err != nil || len(x) != 1 {
			return nil
		}
		if at[i] = x[0]; at[i] < 0 {
			at[i] += int64(len(from))
		}
		at[i] = max(0, min(at[i], int64(len(from))))
	}
	return from[at[0]:max(at[0], at[1])]
}
