// Package kernel holds the fast kernels of astronnx behind plain Go functions: in C where cgo builds it, else in Go, with the
// same results up to the rounding of sums.
//
// The nine-tap convolution of maps (N, C, P) takes a table: for each output pixel the nine input pixels it reads, in the
// lattice order N NE E NW C SE W SW S. It knows nothing of the sphere; any numbering whose neighbours in number are mostly
// neighbours on the sphere runs fast: NESTED, RING, XY, and parts of them. A Geometry holds the table made ready, Weights one
// layer's filter; both are immutable and shared freely between layers and goroutines.
package kernel

import "github.com/astronnx/astronnx/internal/errs"

// Taps is the number of entries of a table's row.
const Taps = 9

// Path selects the instructions a kernel uses.
type Path int

// The paths. Auto is the fastest the processor has.
const (
	Auto Path = iota
	Portable
	AVX2
	AVX512
)

func (p Path) String() string {
	if p < Auto || p > AVX512 {
		return "unknown"
	}
	return [...]string{"auto", "portable", "avx2", "avx512"}[p]
}

// Fill makes one tap read the mean of the input pixels A and B, whatever the table holds for it.
type Fill struct{ Pixel, Tap, A, B int64 }

// Layout holds what a table may come with; the zero value is for a plain table.
type Layout struct {
	Fills []Fill
	// Tile is the number of pixels worked on together, 1 to 2048; 0 chooses. It changes no result.
	Tile int
}

// ConvInput holds what one run reads.
type ConvInput struct {
	N    int       // maps
	X    []float32 // (N, Ci, In)
	Mask []bool    // validity of input pixels: nil, (In) or (N, In). Invalid pixels read 0, whatever they hold
	// Scale multiplies the sums before the bias is added: nil, (Out) or (N, Out).
	Scale []float32
	// FillValidMean makes a Fill with one masked pixel read the other instead of half of it.
	FillValidMean bool
	Path          Path
	Threads       int // goroutines; 0 is 1
}

// checkTable returns the number of output pixels.
func checkTable(in, entries int, l Layout) (out int, err error) {
	switch out = entries / Taps; {
	case in < 0:
		return 0, errs.New(errs.Input, "%d input pixels", in)
	case entries%Taps != 0:
		return 0, errs.New(errs.Input, "a table of %d entries: expected %d for each output pixel", entries, Taps)
	case l.Tile < 0 || l.Tile > 2048:
		return 0, errs.New(errs.Input, "tiles of %d pixels: expected 1 to 2048, or 0 to choose", l.Tile)
	}
	return out, nil
}

func checkWeights(co, ci int, w, bias []float32) error {
	switch {
	case co < 1 || ci < 1:
		return errs.New(errs.Input, "weights of %d outputs and %d inputs: expected at least 1", co, ci)
	case len(w)%Taps != 0 || len(w)/Taps%ci != 0 || len(w)/Taps/ci != co:
		return errs.New(errs.Input, "%d weights: expected %d x %d x %d", len(w), co, ci, Taps)
	case bias != nil && len(bias) != co:
		return errs.New(errs.Input, "a bias of %d values for %d outputs", len(bias), co)
	}
	return nil
}

func checkConv(in, out, ci, co int, y []float32, a ConvInput) error {
	fits := func(n, maps int) bool { return n == maps || n == a.N*maps }
	switch {
	case a.N < 0:
		return errs.New(errs.Input, "%d maps", a.N)
	case len(a.X) != a.N*ci*in:
		return errs.New(errs.Input, "an input of %d values: expected %d x %d x %d", len(a.X), a.N, ci, in)
	case len(y) != a.N*co*out:
		return errs.New(errs.Input, "an output of %d values: expected %d x %d x %d", len(y), a.N, co, out)
	case a.Mask != nil && !fits(len(a.Mask), in):
		return errs.New(errs.Input, "a mask of %d pixels: expected %d or %d times that", len(a.Mask), in, a.N)
	case a.Scale != nil && !fits(len(a.Scale), out):
		return errs.New(errs.Input, "a scale of %d pixels: expected %d or %d times that", len(a.Scale), out, a.N)
	}
	return nil
}
