package kernel

import (
	"sync"
	"sync/atomic"

	"github.com/astronnx/astronnx/internal/errs"
)

// Float is an element type of Gemm.
type Float interface{ float32 | float64 }

// Matrix says where the elements of a matrix stand: (i, j) at Data[i*RowStride+j*ColStride], so that exchanging the strides
// transposes it. Where RowAt and ColAt are given, both of them, it is Data[RowAt[i]+ColAt[j]]: an image read through a sliding
// window is such a matrix.
type Matrix[T Float] struct {
	Data                 []T
	RowStride, ColStride int
	RowAt, ColAt         []int64
}

// GemmOptions holds how a product is computed; the zero value serves.
type GemmOptions struct {
	Path    Path
	Threads int          // goroutines; 0 is 1
	Stop    func() error // asked every few milliseconds, by all goroutines; an error ends the product
}

const (
	gemmDepth   = 256     // multiplications of a sum before it is added to the result: a strip of b stays in first-level cache
	gemmHeight  = 240     // rows of a block of a, which stays in second-level cache; a multiple of every path's strip
	gemmColumns = 512     // columns of an item of work, at most
	gemmPacked  = 1 << 22 // elements of a that are packed at once
)

// Gemm adds alpha times the product of a, m x k, and b, k x n, to c, m x n:
//
//	c[i,j] += alpha * sum over l of a[i,l] * b[l,j]
//
// Only b may have RowAt and ColAt. c must not overlap a or b, nor itself. Safe for many goroutines; the result does not depend on
// Threads, to the last bit. What is asked of a slice that is too short is an error, as is a path that the processor lacks.
func Gemm[T Float](m, n, k int, alpha T, a, b, c Matrix[T], o GemmOptions) error {
	if err := checkGemm(m, n, k, a, b, c); err != nil {
		return err
	}
	path, ok := gemmPathOf[T](o.Path)
	if !ok {
		return errs.New(errs.Unavailable, "matrix product on path %v: this build or processor lacks it", o.Path)
	}
	if m == 0 || n == 0 || k == 0 {
		return nil
	}
	if n < m && n < path.width && b.RowAt == nil { // the transposed product has fuller vectors
		m, n, a, b, c = n, m, transposed(b), transposed(a), transposed(c)
	}
	p := product[T]{path: path, m: m, n: n, k: k, alpha: alpha, a: a, b: b, c: c, stop: o.Stop}
	p.threads = max(1, min(o.Threads, m*n/path.width*k>>10)) // a goroutine is worth some microseconds of work
	rows := min(m, max(gemmHeight, gemmPacked/k/gemmHeight*gemmHeight))
	memory := buffer[T](rows * k)
	defer release(memory)
	for lo := 0; lo < m; lo += rows {
		if err := p.panel(lo, min(lo+rows, m), *memory); err != nil {
			return err
		}
	}
	return nil
}

func transposed[T Float](m Matrix[T]) Matrix[T] {
	m.RowStride, m.ColStride = m.ColStride, m.RowStride
	return m
}

func checkGemm[T Float](m, n, k int, a, b, c Matrix[T]) error {
	if m < 0 || n < 0 || k < 0 {
		return errs.New(errs.Input, "a product of %d x %d by %d x %d", m, k, k, n)
	}
	for _, x := range []struct {
		name       string
		of         Matrix[T]
		rows, cols int
	}{{"left", a, m, k}, {"right", b, k, n}, {"result", c, m, n}} {
		if x.rows == 0 || x.cols == 0 {
			continue
		}
		low, high := extent(x.of.RowStride, x.rows, x.of.RowAt)
		l, h := extent(x.of.ColStride, x.cols, x.of.ColAt)
		given := len(x.of.RowAt) > 0 || len(x.of.ColAt) > 0
		if given && (x.name != "right" || len(x.of.RowAt) != x.rows || len(x.of.ColAt) != x.cols) {
			return errs.New(errs.Input, "the %s matrix, %d x %d, has %d and %d offsets", x.name, x.rows, x.cols,
				len(x.of.RowAt), len(x.of.ColAt))
		}
		if low+l < 0 || high+h >= len(x.of.Data) {
			return errs.New(errs.Input, "the %s matrix, %d x %d, reaches from element %d to %d of %d", x.name, x.rows, x.cols,
				low+l, high+h, len(x.of.Data))
		}
	}
	return nil
}

// extent returns the lowest and the highest offset of n rows or columns.
func extent(stride, n int, at []int64) (low, high int) {
	if len(at) == 0 {
		return min(0, (n-1)*stride), max(0, (n-1)*stride)
	}
	low, high = int(at[0]), int(at[0])
	for _, v := range at {
		low, high = min(low, int(v)), max(high, int(v))
	}
	return low, high
}

type product[T Float] struct {
	path    gemmPath[T]
	m, n, k int
	alpha   T
	a, b, c Matrix[T]
	threads int
	stop    func() error
}

// block is a part of a product that a path computes in one go. a holds strips of m x k, packed; scratch is k * width elements.
type block[T Float] struct {
	m, n, k, strip int
	alpha          T
	a              []T
	b, c           Matrix[T]
	scratch        []T
}

// panel computes the rows [lo, hi): first it packs them, then it multiplies block by block.
func (p *product[T]) panel(lo, hi int, packed []T) error {
	m, heights := hi-lo, (hi-lo+gemmHeight-1)/gemmHeight
	depths := (p.k + gemmDepth - 1) / gemmDepth
	// Strips of one height: their registers are as full as can be.
	strips := (m + p.path.strip - 1) / p.path.strip
	strip := (m + strips - 1) / strips
	if heights > 1 {
		strip = p.path.strip
	}
	// Block (i, l) of the packed rows: heights first, then depths.
	part := func(i, l int) (rows, depth int, at []T) {
		rows = min(gemmHeight, m-i*gemmHeight)
		depth = min(gemmDepth, p.k-l*gemmDepth)
		return rows, depth, packed[i*gemmHeight*p.k+rows*l*gemmDepth:][:rows*depth]
	}
	err := p.parallel(heights*depths, func(item int, _ []T) error {
		i, l := item/depths, item%depths
		rows, depth, to := part(i, l)
		from := p.a.Data[(lo+i*gemmHeight)*p.a.RowStride+l*gemmDepth*p.a.ColStride:]
		p.path.strips(rows, depth, strip, Matrix[T]{Data: from, RowStride: p.a.RowStride, ColStride: p.a.ColStride}, to)
		return nil
	})
	if err != nil {
		return err
	}
	columns := p.itemColumns(heights)
	across := (p.n + columns - 1) / columns
	return p.parallel(heights*across, func(item int, scratch []T) error {
		i, j := item%heights, item/heights*columns
		for l := range depths {
			if p.stop != nil {
				if err := p.stop(); err != nil {
					return err
				}
			}
			rows, depth, a := part(i, l)
			b := block[T]{m: rows, n: min(columns, p.n-j), k: depth, strip: strip, alpha: p.alpha, a: a, scratch: scratch}
			b.b = at(p.b, l*gemmDepth, j, depth, b.n)
			b.c = at(p.c, lo+i*gemmHeight, j, rows, b.n)
			p.path.block(&b)
		}
		return nil
	})
}

// itemColumns shares the columns out: several items for each goroutine, of whole vectors.
func (p *product[T]) itemColumns(heights int) int {
	width := p.path.width
	share := p.n
	if p.threads > 1 {
		share = p.n * heights / (4 * p.threads)
	}
	return min(gemmColumns, max(1, (share+width-1)/width)*width)
}

// at is the part of m that begins at row i and column j.
func at[T Float](m Matrix[T], i, j, rows, cols int) Matrix[T] {
	if m.RowAt != nil {
		m.RowAt, m.ColAt = m.RowAt[i:i+rows], m.ColAt[j:j+cols]
		return m
	}
	m.Data = m.Data[i*m.RowStride+j*m.ColStride:]
	return m
}

// parallel calls f for each item below n, with scratch memory of the goroutine that does.
func (p *product[T]) parallel(n int, f func(item int, scratch []T) error) error {
	var (
		next  atomic.Int64
		group sync.WaitGroup
		once  sync.Once
		first error
	)
	work := func() {
		scratch := buffer[T](gemmDepth * p.path.width)
		defer release(scratch)
		for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
			if err := f(int(i), *scratch); err != nil {
				once.Do(func() { first = err })
				next.Store(int64(n))
			}
		}
	}
	for range min(p.threads, n) - 1 {
		group.Go(work)
	}
	work()
	group.Wait()
	return first
}

var buffers32, buffers64 sync.Pool

func pool[T Float]() *sync.Pool {
	if _, ok := any(T(0)).(float32); ok {
		return &buffers32
	}
	return &buffers64
}

// buffer returns n elements of any value; release gives them back.
func buffer[T Float](n int) *[]T {
	if b, ok := pool[T]().Get().(*[]T); ok && cap(*b) >= n {
		*b = (*b)[:n]
		return b
	}
	b := make([]T, n)
	return &b
}

func release[T Float](b *[]T) { pool[T]().Put(b) }
