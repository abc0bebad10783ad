package kernel_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/astronnx/astronnx/internal/kernel"
)

// operand is a matrix of random numbers that stands somewhere in memory.
type operand[T kernel.Float] struct {
	kernel.Matrix[T]
	rows, cols int
}

// newOperand lays a matrix out: 0 by rows, 1 by columns, 2 by rows with gaps, 3 with gaps both ways, 4 by offsets, 5 by offsets that
// run on within lines. It begins at an element that is not aligned.
func newOperand[T kernel.Float](r *rand.Rand, rows, cols, layout int) operand[T] {
	o := operand[T]{rows: rows, cols: cols}
	switch layout {
	case 0:
		o.RowStride, o.ColStride = cols, 1
	case 1:
		o.RowStride, o.ColStride = 1, rows
	case 2:
		o.RowStride, o.ColStride = cols+3, 1
	case 3:
		o.RowStride, o.ColStride = 2*cols+5, 2
	default:
		o.RowAt, o.ColAt = make([]int64, rows), make([]int64, cols)
		for i := range o.RowAt {
			o.RowAt[i] = r.Int64N(50)
		}
		for i := range o.ColAt {
			o.ColAt[i] = r.Int64N(50)
			if layout == 5 {
				o.ColAt[i] = int64(i + i/40*9)
			}
		}
	}
	size := 0
	for i := range rows {
		for j := range cols {
			size = max(size, o.at(i, j)+1)
		}
	}
	o.Data = make([]T, size+1)[1:]
	for i := range o.Data {
		o.Data[i] = T(r.NormFloat64())
	}
	return o
}

func (o operand[T]) at(i, j int) int {
	if o.RowAt != nil {
		return int(o.RowAt[i] + o.ColAt[j])
	}
	return i*o.RowStride + j*o.ColStride
}

// checkProduct compares c, which was c0, with its definition in float64.
func checkProduct[T kernel.Float](t *testing.T, k int, alpha T, a, b, c operand[T], c0 []T) {
	t.Helper()
	var eps float64 = 1e-15
	if _, single := any(alpha).(float32); single {
		eps = 5e-7
	}
	result := map[int]bool{}
	for i := range c.rows {
		for j := range c.cols {
			at := c.at(i, j)
			result[at] = true
			want := float64(c0[at])
			size := math.Abs(want)
			for l := range k {
				term := float64(alpha) * float64(a.Data[a.at(i, l)]) * float64(b.Data[b.at(l, j)])
				want, size = want+term, size+math.Abs(term)
			}
			if got := float64(c.Data[at]); !(math.Abs(got-want) <= eps*size*math.Sqrt(float64(k+4))) {
				t.Fatalf("element %d, %d: got %v want %v (sum of |terms| %v)", i, j, got, want, size)
			}
		}
	}
	for i, v := range c.Data {
		if !result[i] && v != c0[i] {
			t.Fatalf("element %d of the result's memory is no part of it and was written", i)
		}
	}
}

// gemmPaths also has what a build without C chooses by itself.
func gemmPaths() []kernel.Path { return append(paths(), kernel.Auto) }

var gemmShapes = [][3]int{{1, 1, 1}, {1, 5, 3}, {7, 1, 9}, {2, 3, 0}, {3, 17, 40}, {5, 16, 7}, {6, 33, 11}, {12, 32, 64}, {13, 31, 257},
	{16, 100, 27}, {25, 49, 30}, {64, 15, 300}, {37, 130, 5}, {241, 47, 20}, {500, 3, 70}, {290, 70, 513}}

func testGemm[T kernel.Float](t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for n, s := range gemmShapes {
		for left := range 4 {
			for right := range 6 {
				a, b := newOperand[T](r, s[0], s[2], left), newOperand[T](r, s[2], s[1], right)
				c := newOperand[T](r, s[0], s[1], (n+left+right)%4)
				alpha := []T{1, -1, 0.5}[(left+right)%3]
				path := gemmPaths()[(n+left+right)%len(gemmPaths())]
				t.Run(fmt.Sprintf("%dx%dx%d/layouts%d%d/%v", s[0], s[1], s[2], left, right, path), func(t *testing.T) {
					c0 := append([]T(nil), c.Data...)
					o := kernel.GemmOptions{Path: path, Threads: 1 + (left+right)%3}
					if err := kernel.Gemm(s[0], s[1], s[2], alpha, a.Matrix, b.Matrix, c.Matrix, o); err != nil {
						t.Fatal(err)
					}
					checkProduct(t, s[2], alpha, a, b, c, c0)
				})
			}
		}
	}
}

func TestGemm32(t *testing.T) { testGemm[float32](t) }
func TestGemm64(t *testing.T) { testGemm[float64](t) }

// Every height and width of a tile, on every path.
func TestGemmTiles(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	for m := 1; m <= 26; m++ {
		for _, n := range []int{26, 1, 4, 7, 8, 15, 16, 17, 24, 31, 32, 33, 63} {
			for _, path := range gemmPaths() {
				a, b := newOperand[float32](r, m, 9, 0), newOperand[float32](r, 9, n, 0)
				c := newOperand[float32](r, m, n, 0)
				c0 := append([]float32(nil), c.Data...)
				if err := kernel.Gemm(m, n, 9, 2, a.Matrix, b.Matrix, c.Matrix, kernel.GemmOptions{Path: path}); err != nil {
					t.Fatal(err)
				}
				checkProduct(t, 9, 2, a, b, c, c0)
			}
		}
	}
}

// The result is the same to the last bit for any number of threads.
func TestGemmReproducible(t *testing.T) {
	r := rand.New(rand.NewPCG(25, 26))
	for _, s := range [][3]int{{300, 500, 600}, {16, 3000, 144}, {700, 20, 300}} {
		a, b := newOperand[float32](r, s[0], s[2], 0), newOperand[float32](r, s[2], s[1], 0)
		for _, path := range gemmPaths() {
			var want []float32
			for _, threads := range []int{1, 2, 7} {
				c := kernel.Matrix[float32]{Data: make([]float32, s[0]*s[1]), RowStride: s[1], ColStride: 1}
				err := kernel.Gemm(s[0], s[1], s[2], 1, a.Matrix, b.Matrix, c, kernel.GemmOptions{Path: path, Threads: threads})
				if err != nil {
					t.Fatal(err)
				}
				if want == nil {
					want = c.Data
				}
				for i := range want {
					if math.Float32bits(want[i]) != math.Float32bits(c.Data[i]) {
						t.Fatalf("%v %v, %d threads: element %d is %v, was %v", s, path, threads, i, c.Data[i], want[i])
					}
				}
			}
		}
	}
}

// A left operand too large to be packed at once is packed in panels of rows.
func TestGemmPanels(t *testing.T) {
	const m, n, k = 500, 33, 20000
	a, b, c := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n)
	for i := range a {
		a[i] = float32(i / k) // every sum is a whole number below 2^24
	}
	for i := range b {
		b[i] = 1
	}
	by := func(d []float32, cols int) kernel.Matrix[float32] {
		return kernel.Matrix[float32]{Data: d, RowStride: cols, ColStride: 1}
	}
	if err := kernel.Gemm(m, n, k, 1, by(a, k), by(b, n), by(c, n), kernel.GemmOptions{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	for i, got := range c {
		if want := float32(i / n * k); got != want {
			t.Fatalf("element %d, %d: got %v want %v", i/n, i%n, got, want)
		}
	}
}

func TestGemmStops(t *testing.T) {
	m := kernel.Matrix[float32]{Data: make([]float32, 600*600), RowStride: 600, ColStride: 1}
	c := kernel.Matrix[float32]{Data: make([]float32, 600*600), RowStride: 600, ColStride: 1}
	tired := errors.New("tired")
	for _, threads := range []int{1, 3} {
		o := kernel.GemmOptions{Threads: threads, Stop: func() error { return tired }}
		if err := kernel.Gemm(600, 600, 600, 1, m, m, c, o); err != tired {
			t.Errorf("%d threads: got %v want the error of Stop", threads, err)
		}
	}
}

func TestGemmRefuses(t *testing.T) {
	m := func(n, row, col int) kernel.Matrix[float32] {
		return kernel.Matrix[float32]{Data: make([]float32, n), RowStride: row, ColStride: col}
	}
	window := func(rows, cols []int64) kernel.Matrix[float32] {
		return kernel.Matrix[float32]{Data: make([]float32, 10), RowAt: rows, ColAt: cols}
	}
	for name, c := range map[string]struct {
		a, b, c kernel.Matrix[float32]
		path    kernel.Path
	}{
		"left too short":         {m(5, 3, 1), m(6, 2, 1), m(4, 2, 1), 0},
		"right too short":        {m(6, 3, 1), m(6, 3, 1), m(4, 2, 1), 0},
		"result too short":       {m(6, 3, 1), m(6, 2, 1), m(3, 2, 1), 0},
		"negative stride":        {m(6, -3, 1), m(6, 2, 1), m(4, 2, 1), 0},
		"offset beyond":          {m(6, 3, 1), window([]int64{0, 1, 8}, []int64{0, 2}), m(4, 2, 1), 0},
		"offset before":          {m(6, 3, 1), window([]int64{0, 1, 2}, []int64{-1, 2}), m(4, 2, 1), 0},
		"offsets of one side":    {m(6, 3, 1), window([]int64{0, 1, 2}, nil), m(4, 2, 1), 0},
		"too few offsets":        {m(6, 3, 1), window([]int64{0, 1}, []int64{0, 1}), m(4, 2, 1), 0},
		"offsets of the result":  {m(6, 3, 1), m(6, 2, 1), window([]int64{0, 1}, []int64{0, 1}), 0},
		"a path that is unknown": {m(6, 3, 1), m(6, 2, 1), m(4, 2, 1), 9},
	} {
		if err := kernel.Gemm(2, 2, 3, 1, c.a, c.b, c.c, kernel.GemmOptions{Path: c.path}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := kernel.Gemm(2, -1, 3, 1, m(6, 3, 1), m(6, 2, 1), m(4, 2, 1), kernel.GemmOptions{}); err == nil {
		t.Error("negative size: no error")
	}
	for _, path := range []kernel.Path{kernel.AVX2, kernel.AVX512} {
		err := kernel.Gemm(2, 2, 3, 1, m(6, 3, 1), m(6, 2, 1), m(4, 2, 1), kernel.GemmOptions{Path: path})
		if (err == nil) != path.Available() {
			t.Errorf("path %v: available %v, error %v", path, path.Available(), err)
		}
	}
}
