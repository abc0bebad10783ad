//go:build cgo && !purego

package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/astronnx/astronnx/internal/kernel"
)

// newConvND returns a convolution with as many outputs as pads of `low` before and `high` behind give.
func newConvND(n, ci, co int64, in, k, stride, low, high [3]int64) kernel.ConvND {
	s := kernel.ConvND{N: n, Ci: ci, Co: co, In: in, Kernel: k, Stride: stride, Pad: low}
	for i := range in {
		s.Out[i] = (in[i]+low[i]+high[i]-k[i])/stride[i] + 1
	}
	return s
}

func count(v ...int64) int {
	n := int64(1)
	for _, d := range v {
		n *= d
	}
	return int(n)
}

func inputs(s kernel.ConvND) int  { return count(s.N, s.Ci, s.In[0], s.In[1], s.In[2]) }
func outputs(s kernel.ConvND) int { return count(s.N, s.Co, s.Out[0], s.Out[1], s.Out[2]) }
func filters(s kernel.ConvND) int { return count(s.Co, s.Ci, s.Kernel[0], s.Kernel[1], s.Kernel[2]) }

// eachTerm calls f for every product of the convolution, with the places of its operands.
func eachTerm(s kernel.ConvND, f func(y, x, w int)) {
	var p, k [3]int64
	for n := range s.N {
		for p[0] = range s.Out[0] {
			for p[1] = range s.Out[1] {
				for p[2] = range s.Out[2] {
					for k[0] = range s.Kernel[0] {
						for k[1] = range s.Kernel[1] {
							for k[2] = range s.Kernel[2] {
								var at [3]int64
								inside := true
								for i := range at {
									at[i] = p[i]*s.Stride[i] + k[i] - s.Pad[i]
									inside = inside && at[i] >= 0 && at[i] < s.In[i]
								}
								if !inside {
									continue
								}
								for co := range s.Co {
									for ci := range s.Ci {
										f(place(s.Out, p, n*s.Co+co), place(s.In, at, n*s.Ci+ci), place(s.Kernel, k, co*s.Ci+ci))
									}
								}
							}
						}
					}
				}
			}
		}
	}
}

func place(size, at [3]int64, first int64) int {
	return int(((first*size[0]+at[0])*size[1]+at[1])*size[2] + at[2])
}

// convNDShapes are odd and even, wide and thin, with pads on one side, strides beyond the kernel and channels beside every tile.
func convNDShapes() []kernel.ConvND {
	plane := func(n, ci, co, h, w, kh, kw, sh, sw, top, left, bottom, right int64) kernel.ConvND {
		return newConvND(n, ci, co, [3]int64{1, h, w}, [3]int64{1, kh, kw}, [3]int64{1, sh, sw}, [3]int64{0, top, left}, [3]int64{0, bottom, right})
	}
	cube := func(n, ci, co, in, k, s, low, high int64) kernel.ConvND {
		return newConvND(n, ci, co, [3]int64{in, in, in}, [3]int64{k, k, k}, [3]int64{s, s, s}, [3]int64{low, low, low}, [3]int64{high, high, high})
	}
	shapes := []kernel.ConvND{
		plane(1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0), plane(2, 3, 5, 7, 9, 3, 3, 1, 1, 1, 1, 1, 1), plane(3, 4, 8, 8, 8, 4, 4, 2, 2, 1, 1, 1, 1),
		plane(2, 16, 24, 12, 10, 3, 3, 2, 2, 1, 1, 1, 1), plane(2, 17, 33, 5, 5, 5, 5, 1, 1, 2, 2, 2, 2), plane(1, 9, 40, 6, 11, 2, 3, 3, 3, 0, 2, 1, 0),
		plane(5, 10, 20, 4, 4, 4, 4, 2, 2, 1, 1, 1, 1), plane(1, 2, 7, 13, 6, 1, 1, 2, 3, 0, 0, 0, 0), plane(2, 6, 12, 9, 17, 5, 2, 2, 1, 4, 0, 0, 1),
		plane(1, 1, 32, 40, 37, 3, 3, 1, 1, 1, 1, 1, 1), plane(9, 70, 65, 3, 3, 3, 3, 1, 1, 1, 1, 1, 1), plane(2, 3, 4, 6, 6, 2, 2, 4, 4, 0, 0, 0, 0),
		plane(2, 5, 3, 2, 2, 4, 4, 1, 1, 3, 3, 3, 3), plane(1, 33, 9, 1, 50, 1, 4, 1, 2, 0, 3, 0, 2),
		plane(1, 60, 16, 70, 66, 3, 3, 1, 1, 1, 1, 1, 1), // more than a slab
		plane(17, 12, 16, 8, 8, 3, 3, 2, 2, 1, 1, 1, 1),
		cube(1, 2, 3, 5, 3, 1, 1, 1), cube(2, 3, 8, 6, 4, 2, 1, 1), cube(1, 5, 17, 7, 3, 2, 1, 0), cube(2, 16, 16, 9, 3, 1, 1, 1),
		cube(1, 4, 6, 8, 2, 3, 0, 1), cube(3, 8, 12, 4, 4, 2, 1, 1), cube(1, 24, 8, 26, 2, 1, 0, 1),
		newConvND(2, 3, 5, [3]int64{4, 5, 6}, [3]int64{2, 3, 4}, [3]int64{1, 2, 3}, [3]int64{0, 1, 2}, [3]int64{1, 2, 0}),
	}
	short := shapes[1] // what the outputs leave out, and what they reach beyond
	short.Out = [3]int64{1, 4, 3}
	long := shapes[3]
	long.Out = [3]int64{2, 9, 8}
	return append(shapes, short, long)
}

// checkSums compares a result with its sums in float64, beside the sums of the terms' magnitudes.
func checkSums(t *testing.T, what string, got []float32, want, size []float64) {
	t.Helper()
	for i, v := range got {
		if !(math.Abs(float64(v)-want[i]) <= 4e-6*size[i]) {
			t.Fatalf("%s: element %d: got %v want %v (sum of |terms| %v)", what, i, v, want[i], size[i])
		}
	}
}

func TestConvND(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	for i, s := range convNDShapes() {
		t.Run(fmt.Sprintf("%v", s), func(t *testing.T) {
			x, w, dy := randoms(r, inputs(s)), randoms(r, filters(s)), randoms(r, outputs(s))
			var bias []float32
			y, ySize := make([]float64, len(dy)), make([]float64, len(dy))
			if i%2 == 0 {
				bias = randoms(r, int(s.Co))
				plane := count(s.Out[:]...)
				for j := range y {
					y[j] = float64(bias[j/plane%int(s.Co)])
					ySize[j] = math.Abs(y[j])
				}
			}
			dx, dxSize, dw, dwSize := make([]float64, len(x)), make([]float64, len(x)), make([]float64, len(w)), make([]float64, len(w))
			eachTerm(s, func(iy, ix, iw int) {
				add := func(sum, size []float64, at int, a, b float32) {
					sum[at] += float64(a) * float64(b)
					size[at] += math.Abs(float64(a) * float64(b))
				}
				add(y, ySize, iy, x[ix], w[iw])
				add(dx, dxSize, ix, dy[iy], w[iw])
				add(dw, dwSize, iw, dy[iy], x[ix])
			})
			for _, path := range paths() {
				first := map[string][]float32{}
				for _, threads := range []int{1, 2, 5} {
					for _, c := range []struct {
						name      string
						n         int
						run       func(to []float32) error
						sum, size []float64
					}{
						{"y", len(dy), func(to []float32) error { return s.Forward(x, w, bias, to, path, threads) }, y, ySize},
						{"dx", len(x), func(to []float32) error { return s.GradInput(dy, w, to, path, threads) }, dx, dxSize},
						{"dw", len(w), func(to []float32) error { return s.GradWeight(x, dy, to, path, threads) }, dw, dwSize},
					} {
						got := make([]float32, c.n)
						for j := range got {
							got[j] = float32(math.NaN()) // all of it must be written
						}
						if err := c.run(got); err != nil {
							t.Fatal(err)
						}
						if threads == 1 {
							checkSums(t, fmt.Sprint(c.name, " on ", path), got, c.sum, c.size)
							first[c.name] = got
						}
						for j := range got {
							if math.Float32bits(got[j]) != math.Float32bits(first[c.name][j]) {
								t.Fatalf("%s on %v, %d threads: element %d is %v, was %v", c.name, path, threads, j, got[j], first[c.name][j])
							}
						}
					}
				}
			}
		})
	}
}

// Values outside what a result reads do not reach it, and those inside do, whatever they are.
func TestConvNDKeepsNaNsApart(t *testing.T) {
	s := newConvND(2, 3, 5, [3]int64{1, 6, 6}, [3]int64{1, 3, 3}, [3]int64{1, 1, 1}, [3]int64{0, 1, 1}, [3]int64{0, 1, 1})
	r := rand.New(rand.NewPCG(33, 34))
	x, w, y := randoms(r, inputs(s)), randoms(r, filters(s)), make([]float32, outputs(s))
	x[0] = float32(math.NaN()) // image 0, channel 0, a corner
	if err := s.Forward(x, w, nil, y, kernel.Auto, 1); err != nil {
		t.Fatal(err)
	}
	for i, v := range y {
		pixel := i % 36
		reads := i < len(y)/2 && pixel/6 <= 1 && pixel%6 <= 1
		if math.IsNaN(float64(v)) != reads {
			t.Errorf("element %d: got %v; reads the NaN: %v", i, v, reads)
		}
	}
}

func TestConvNDRefuses(t *testing.T) {
	good := newConvND(1, 2, 3, [3]int64{1, 4, 4}, [3]int64{1, 3, 3}, [3]int64{1, 1, 1}, [3]int64{}, [3]int64{})
	run := func(s kernel.ConvND, path kernel.Path) error {
		return s.Forward(make([]float32, max(0, inputs(s))), make([]float32, max(0, filters(s))), nil, make([]float32, max(0, outputs(s))), path, 1)
	}
	if err := run(good, kernel.Auto); err != nil {
		t.Fatal(err)
	}
	if err := good.Forward(make([]float32, inputs(good)-1), make([]float32, filters(good)), nil, make([]float32, outputs(good)), 0, 1); err == nil {
		t.Error("a short input: no error")
	}
	if err := run(good, 9); err == nil {
		t.Error("an unknown path: no error")
	}
	for name, change := range map[string]func(*kernel.ConvND){
		"no channels":     func(s *kernel.ConvND) { s.Ci = 0 },
		"no output":       func(s *kernel.ConvND) { s.Out[1] = 0 },
		"a stride of 0":   func(s *kernel.ConvND) { s.Stride[2] = 0 },
		"a negative pad":  func(s *kernel.ConvND) { s.Pad[0] = -1 },
		"a huge stride":   func(s *kernel.ConvND) { s.Stride = [3]int64{1 << 27, 1 << 27, 1} },
		"no kernel":       func(s *kernel.ConvND) { s.Kernel[2] = 0 },
		"negative images": func(s *kernel.ConvND) { s.N = -1 },
	} {
		s := good
		change(&s)
		if err := run(s, kernel.Auto); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	none := good
	none.N = 0
	dw := randoms(rand.New(rand.NewPCG(1, 2)), filters(none))
	if err := none.GradWeight(nil, nil, dw, kernel.Auto, 2); err != nil || dw[0] != 0 || dw[len(dw)-1] != 0 {
		t.Errorf("no images: got %v and %v want zeros", err, dw)
	}
}
