package ops

import (
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// The forms of the adjoint of a convolution in its input, each of (dY, W).
var (
	// A convolution of dY with the turned weights.
	inputFlipped = &form{"flipped Conv", func(s *sweep, _ Target) bool { return !s.strided() }, (*sweep).inputByFlipped}
	// The transposed convolution. On the CPU it takes 5 to 19 times as long as others in three dimensions.
	inputTransposed = &form{"ConvTranspose", func(s *sweep, t Target) bool { return s.k < 3 || t.CUDA }, (*sweep).inputByTransposed}
	// One product for the whole batch, whose columns are added up. In three dimensions onnxruntime's Col2Im is wrong, on CUDA
	// there is none.
	inputColumns = &form{"GEMM + Col2Im", func(s *sweep, t Target) bool {
		return s.k == 2 && !t.CUDA && s.group == 1 && s.fixed() && s.whole()
	}, (*sweep).inputByColumns}
	// A convolution for each phase of the strides, their results interleaved.
	inputSubpixel = &form{"sub-pixel", func(s *sweep, _ Target) bool {
		return s.strided() && s.plain() && s.fixed() && s.before.known != nil
	}, (*sweep).inputBySubpixel}
	// The flipped convolution with depth folded into the batch.
	inputFolded = &form{"depth-folded Conv", func(s *sweep, _ Target) bool {
		return s.k == 3 && !s.strided() && s.group == 1 && s.fixed() && s.before.known != nil
	}, (*sweep).inputByFolded}
	// A convolution of dY spread by zeros. It serves all.
	inputStuffed = &form{"zero-stuffed Conv", nil, (*sweep).inputByStuffed}
	inputKernel  = &form{"ConvGradInput", hasKernel, func(s *sweep, b *Builder, in ...*graph.Value) *graph.Value {
		a := s.attrs()
		a["kernel_shape"], a["image_shape"] = s.kernel, s.image.known
		return b.Fused(1, "ConvGradInput", a, in...)[0]
	}}
)

// turnedPads are those of the convolution of dY that is the adjoint of the sweep without strides.
func (s *sweep) turnedPads(b *Builder) (before, after sizes) {
	reach := s.extent.combine(b, "Sub", each(s.k, 1))
	return reach.combine(b, "Sub", s.before), reach.combine(b, "Sub", s.after)
}

func (s *sweep) inputByFlipped(b *Builder, in ...*graph.Value) *graph.Value {
	before, after := s.turnedPads(b)
	w := turned(b, in[1], s.k, s.group)
	return convPadded(b, graph.Attrs{"dilations": s.dilation, "group": s.group}, in[0], w, before, after)
}

func (s *sweep) inputByStuffed(b *Builder, in ...*graph.Value) *graph.Value {
	before, after := s.turnedPads(b)
	// Behind the last window the spread dY ends with stride-1 zeros more.
	after = after.combine(b, "Sub", sizes{known: s.stride}).combine(b, "Add", each(s.k, 1))
	w := turned(b, in[1], s.k, s.group)
	return convPadded(b, graph.Attrs{"dilations": s.dilation, "group": s.group}, spreadBy(b, in[0], s.stride), w, before, after)
}

func (s *sweep) inputByTransposed(b *Builder, in ...*graph.Value) *graph.Value {
	attrs := graph.Attrs{"strides": s.stride, "dilations": s.dilation, "group": s.group}
	zero := each(s.k, 0)
	if !s.whole() {
		y := b.Op("ConvTranspose", attrs, in...)
		return padSpatial(b, y, zero.combine(b, "Sub", s.before), zero.combine(b, "Sub", s.after))
	}
	attrs["pads"] = slices.Concat(s.before.known, atLeast(0, s.after.known))
	attrs["output_padding"] = atLeast(0, zero.combine(b, "Sub", s.after).known)
	return b.Op("ConvTranspose", attrs, in...)
}

func (s *sweep) inputByColumns(b *Builder, in ...*graph.Value) *graph.Value {
	dy, w := in[0], in[1]
	taps, _ := graph.NumElements(s.kernel)
	positions, _ := graph.NumElements(s.positions.known)
	d := b.Reshape(b.Transpose(dy, swapped(0, s.k)...), 0, -1)
	c := b.Op("Gemm", graph.Attrs{"transA": 1}, b.Reshape(w, 0, -1), d) // (C·taps, N·positions)
	c = b.Transpose(b.Reshape(c, s.in*taps, -1, positions), 1, 0, 2)
	return b.Op("Col2Im", s.attrs(), c, b.Ints(s.image.known...), b.Ints(s.kernel...))
}

func (s *sweep) inputBySubpixel(b *Builder, in ...*graph.Value) *graph.Value {
	dy, w := in[0], in[1]
	grow, reach, back := make([]int64, s.k), make([]int64, s.k), make([]int64, s.k)
	phase, span := make([]int64, s.k), make([]int64, s.k) // sizes of a phase's kernel and of its result
	for i, r := range s.stride {
		phase[i] = (s.kernel[i] + r - 1) / r
		grow[i] = phase[i]*r - s.kernel[i]
		reach[i] = phase[i] - 1
		span[i] = s.positions.known[i] + reach[i]
		back[i] = s.image.known[i] + s.before.known[i] - span[i]*r
	}
	w = s.phases(b, padSpatial(b, w, each(s.k, 0), sizes{known: grow}), phase)
	z := b.Op("Conv", graph.Attrs{"pads": slices.Concat(reach, reach)}, dy, w)
	z = joinPhases(b, z, s.in, span, s.stride)
	return padSpatial(b, z, each(s.k, 0).combine(b, "Sub", s.before), sizes{known: back})
}

// phases makes weights (M, C, q1·r1, ...) those of the convolutions that give the phases of the strides r, turned: (r1·...·C, M, q1, ...).
func (s *sweep) phases(b *Builder, w *graph.Value, q []int64) *graph.Value {
	apart, perm := []int64{s.out, s.in}, []int64{}
	for i, n := range q {
		apart = append(apart, n, s.stride[i])
		perm = append(perm, int64(3+2*i))
	}
	perm = append(perm, 1, 0)
	count := s.in
	for i, r := range s.stride {
		perm = append(perm, int64(2+2*i))
		count *= r
	}
	w = b.Reshape(b.Transpose(b.Reshape(w, apart...), perm...), count, s.out, -1)
	return b.Reshape(reversed(b, w, 1), append([]int64{count, s.out}, q...)...)
}

// joinPhases makes phases (N, r1·...·C, q1, ...) of the strides r, that of the strides outermost, images (N, C, q1·r1, ...).
func joinPhases(b *Builder, v *graph.Value, channels int64, q, r []int64) *graph.Value {
	if len(q) == 2 && r[0] == r[1] {
		return b.Op("DepthToSpace", graph.Attrs{"blocksize": r[0]}, v)
	}
	k := len(q)
	apart := slices.Concat([]int64{0}, r, []int64{channels}, q)
	perm, whole := []int64{0, int64(1 + k)}, []int64{0, channels}
	for i := range k {
		perm = append(perm, int64(2+k+i), int64(1+i))
		whole = append(whole, q[i]*r[i])
	}
	return b.Reshape(b.Transpose(b.Reshape(v, apart...), perm...), whole...)
}

func (s *sweep) inputByFolded(b *Builder, in ...*graph.Value) *graph.Value {
	before, after := s.turnedPads(b)
	f := foldedConv{in: s.out, out: s.in, kernel: s.kernel, stride: s.stride, dilation: s.dilation, image: s.positions.known,
		positions: s.image.known, before: before.known, after: after.known}
	return f.write(b, in[0], turned(b, in[1], s.k, 1))
}

// turned reverses the spatial axes of weights (M, C/group, ...) and makes them (C, M/group, ...).
func turned(b *Builder, w *graph.Value, k int, group int64) *graph.Value {
	if kernel := w.Type.Sizes()[2:]; !slices.Contains(kernel, -1) { // all at once, which engines run faster
		w = swapGrouped(b, reversed(b, flatPlanes(b, w), 1), 1, group)
		return b.Reshape(w, append([]int64{0, 0}, kernel...)...)
	}
	return swapGrouped(b, reversed(b, w, k), k, group)
}

// reversed turns the order of v's k last axes, which begin at 2.
func reversed(b *Builder, v *graph.Value, k int) *graph.Value {
	last, ends := slices.Repeat([]int64{-1}, k), slices.Repeat([]int64{-1 << 31}, k)
	return b.Op("Slice", nil, v, b.Ints(last...), b.Ints(ends...), b.Ints(spatialAxes(k)...), b.Ints(last...))
}

// spreadBy puts stride-1 zeros behind every element along the spatial axes.
func spreadBy(b *Builder, v *graph.Value, stride []int64) *graph.Value {
	var axes []int64
	pads := make([]int64, 2*(2+2*len(stride)))
	for i, s := range stride {
		axes = append(axes, int64(3+2*i))
		pads[len(pads)/2+3+2*i] = s - 1
	}
	shape := spatialSizes(b, v).combine(b, "Mul", sizes{known: stride})
	v = b.Op("Pad", nil, b.Op("Unsqueeze", nil, v, b.Ints(axes...)), b.Ints(pads...))
	return b.Op("Reshape", nil, v, b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(0, 0), shape.in(b)))
}
