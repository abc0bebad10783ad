package dataset

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// Squares returns an augmentation that turns and mirrors images: one of the eight symmetries of the square, drawn for each sample and
// applied to the last two axes of the named fields, which are equal. Values are moved and not changed, which is right for scalars.
func Squares(fields ...string) Augment { return lattice(2, fields) }

// Cubes is [Squares] for boxes: one of the 48 rotations and reflections of the cube on the last three axes, which are equal.
func Cubes(fields ...string) Augment { return lattice(3, fields) }

// Shifts returns an augmentation that moves periodic images (axes = 2) or boxes (axes = 3) by a whole number of cells along each of
// the last axes, drawn for each sample and the same in all named fields, which have the same size there.
func Shifts(axes int, fields ...string) Augment {
	return func(rng *rand.Rand, sample []*graph.Tensor) error {
		var by []int64
		var size []int64
		return each(sample, fields, func(t *graph.Tensor) error {
			if axes < 1 || len(t.Shape) < axes {
				return errs.New(errs.Input, "field %q has shape %v: want %d axes to shift along", t.Name, t.Shape, axes)
			}
			last := t.Shape[len(t.Shape)-axes:]
			if by == nil {
				size = last
				for _, n := range last {
					by = append(by, draw(rng, n))
				}
			}
			if !slices.Equal(last, size) {
				return errs.New(errs.Input, "field %q has shape %v: want %v in the last axes, as the first has", t.Name, t.Shape, size)
			}
			shift(t, by)
			return nil
		})
	}
}

// draw returns a number in [0, n) that depends on 64 bits of rng alone, with any release of Go.
func draw(rng *rand.Rand, n int64) int64 {
	hi, _ := bits.Mul64(rng.Uint64(), uint64(n))
	return int64(hi)
}

// each calls f with the named tensors of a sample.
func each(sample []*graph.Tensor, fields []string, f func(*graph.Tensor) error) error {
	if len(fields) == 0 {
		return errs.New(errs.Input, "no fields are named: want those to augment")
	}
	for _, name := range fields {
		i := slices.IndexFunc(sample, func(t *graph.Tensor) bool { return t.Name == name })
		if i < 0 {
			return errs.New(errs.Input, "no field %q to augment", name)
		}
		if err := f(sample[i]); err != nil {
			return err
		}
	}
	return nil
}

var scratch sync.Pool // of *graph.Tensor

// aside returns a copy of t's bytes as a tensor for the pool.
func aside(t *graph.Tensor) *graph.Tensor {
	c, ok := scratch.Get().(*graph.Tensor)
	if !ok {
		c = new(graph.Tensor)
	}
	if cap(c.Raw) < len(t.Raw) {
		c.Raw = graph.AlignedBytes(len(t.Raw))
	}
	c.DType, c.Raw = t.DType, c.Raw[:len(t.Raw)]
	copy(c.Raw, t.Raw)
	return c
}

// shift moves t by whole cells along its last axes.
func shift(t *graph.Tensor, by []int64) {
	c := aside(t)
	defer scratch.Put(c)
	shiftAxes(t.Raw, c.Raw, t.Shape[len(t.Shape)-len(by):], by, t.DType.Bits()/8)
}

// shiftAxes writes one or more blocks of src, of the given shape, to dst.
func shiftAxes(dst, src []byte, shape, by []int64, element int) {
	inner := element
	for _, n := range shape[1:] {
		inner *= int(n)
	}
	n := int(shape[0])
	if n*inner == 0 {
		return
	}
	for ; len(dst) > 0; dst, src = dst[n*inner:], src[n*inner:] {
		if len(shape) == 1 {
			k := copy(dst[int(by[0])*inner:n*inner], src)
			copy(dst[:n*inner-k], src[k:])
			continue
		}
		for i := range n {
			to := (i + int(by[0])) % n * inner
			shiftAxes(dst[to:to+inner], src[i*inner:(i+1)*inner], shape[1:], by[1:], element)
		}
	}
}

// lattice draws a signed permutation of the last axes.
func lattice(axes int, fields []string) Augment {
	return func(rng *rand.Rand, sample []*graph.Tensor) error {
		number := draw(rng, []int64{1, 2, 8, 48}[axes])
		var perm, flip [3]int
		for i := range axes {
			flip[i] = int(number & 1)
			number >>= 1
			perm[i] = i
		}
		for i := axes - 1; i > 0; i-- {
			j := int(number) % (i + 1)
			number /= int64(i + 1)
			perm[i], perm[j] = perm[j], perm[i]
		}
		return each(sample, fields, func(t *graph.Tensor) error {
			rank := len(t.Shape)
			if rank < axes || slices.Max(t.Shape[rank-axes:]) != slices.Min(t.Shape[rank-axes:]) {
				return errs.New(errs.Input, "field %q has shape %v: want %d equal last axes to turn", t.Name, t.Shape, axes)
			}
			turn(t, axes, perm, flip)
			return nil
		})
	}
}

// turn writes along axis i of t what stood along axis perm[i], backwards where flip[i] is 1.
func turn(t *graph.Tensor, axes int, perm, flip [3]int) {
	n := int(t.Shape[len(t.Shape)-1])
	move := move{n: n, outer: 1, block: 1}
	var stride [3]int
	for a := axes - 1; a >= 0; a-- {
		stride[a] = move.block
		move.block *= n
	}
	if n == 0 {
		return
	}
	// Along one axis of the result the source runs cell by cell; that and the last axis are tiled together.
	tiled := slices.Index(perm[:axes], axes-1)
	if tiled == axes-1 {
		tiled--
	}
	for i := range axes {
		step := stride[perm[i]]
		if flip[i] == 1 {
			move.start += (n - 1) * step
			step = -step
		}
		switch i {
		case axes - 1:
			move.from[2] = step
		case tiled:
			move.to[1], move.from[1] = stride[i], step
		default:
			move.outer, move.to[0], move.from[0] = n, stride[i], step
		}
	}
	c := aside(t)
	defer scratch.Put(c)
	switch t.DType.Bits() {
	case 8:
		moveBlocks(t.Raw, c.Raw, &move)
	case 16:
		moveBlocks(words[uint16](t.Raw), words[uint16](c.Raw), &move)
	case 32:
		moveBlocks(words[uint32](t.Raw), words[uint32](c.Raw), &move)
	case 64:
		moveBlocks(words[uint64](t.Raw), words[uint64](c.Raw), &move)
	case 128:
		moveBlocks(graph.Data[complex128](t), graph.Data[complex128](c), &move)
	}
}

// move is a permutation of the cells of a block: an outer loop of its own length around two of n, with the steps of each in the result
// and in the source. The innermost loop is along the result's last axis.
type move struct {
	n, outer, block int
	start           int // in the source
	to, from        [3]int
}

// words views elements by their size alone.
func words[T uint16 | uint32 | uint64](raw []byte) []T {
	return graph.Data[T](&graph.Tensor{DType: graph.DTypeOf[T](), Raw: raw})
}

func moveBlocks[T any](dst, src []T, m *move) {
	const tile = 16 // cells a side: what both sides touch fits the first cache
	for ; len(dst) > 0; dst, src = dst[m.block:], src[m.block:] {
		for i := range m.outer {
			to, from := i*m.to[0], m.start+i*m.from[0]
			for j0 := 0; j0 < m.n; j0 += tile {
				for k0 := 0; k0 < m.n; k0 += tile {
					width := min(tile, m.n-k0)
					for j := j0; j < min(j0+tile, m.n); j++ {
						at := from + j*m.from[1] + k0*m.from[2]
						row := dst[to+j*m.to[1]+k0:][:width]
						for k := range row {
							row[k] = src[at]
							at += m.from[2]
						}
					}
				}
			}
		}
	}
}
