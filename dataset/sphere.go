package dataset

import (
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
)

// SphereField names a field of maps, of shape [P] or [C, P] with P = 12 nside².
type SphereField struct {
	Name string

	// Odd are the channels that change sign when the sky is mirrored. Of Stokes Q and U that is U: a reflection that maps meridians
	// to meridians keeps the direction of Q's axes and swaps those of U. B and V change sign too, scalars and E do not.
	Odd []int
}

// Sphere returns an augmentation that turns and mirrors maps: one of the sixteen [healpix.Symmetry], drawn for each sample and applied
// to all the fields, whose pixels are numbered in the given order. Values are moved from pixel to pixel, without interpolation; Odd
// channels are negated by a reflection of latitude or of longitude, but not by both together; UNSEEN stays.
//
// It keeps a table of four bytes a pixel for each symmetry that was drawn: 200 MB for all of nside 512.
func Sphere(order healpix.Order, fields ...SphereField) Augment {
	s := &sphere{order: order, tables: map[tableKey]func() ([]int32, error){}}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return func(rng *rand.Rand, sample []*graph.Tensor) error {
		sym := healpix.Symmetry(draw(rng, healpix.Symmetries))
		k := 0
		return each(sample, names, func(t *graph.Tensor) error {
			k++
			return s.move(t, sym, fields[k-1].Odd)
		})
	}
}

type tableKey struct {
	nside int
	sym   healpix.Symmetry
}

type sphere struct {
	order  healpix.Order
	mu     sync.Mutex
	tables map[tableKey]func() ([]int32, error)
}

func (s *sphere) table(key tableKey) ([]int32, error) {
	s.mu.Lock()
	get := s.tables[key]
	if get == nil {
		get = sync.OnceValues(func() ([]int32, error) {
			g, err := healpix.New(key.nside, s.order)
			if err != nil {
				return nil, err
			}
			return healpix.SymmetryTable[int32](g, key.sym)
		})
		s.tables[key] = get
	}
	s.mu.Unlock()
	return get()
}

func (s *sphere) move(t *graph.Tensor, sym healpix.Symmetry, odd []int) error {
	rank := len(t.Shape)
	if rank != 1 && rank != 2 || t.DType != graph.Float32 && t.DType != graph.Float64 {
		return errs.New(errs.Input, "field %q is %s: want maps of float32 or float64, [P] or [C, P]", t.Name, t)
	}
	npix := int(t.Shape[rank-1])
	nside, err := healpix.NsideFromNpix(npix)
	if err != nil {
		return errs.New(errs.Input, "field %q: %w", t.Name, err)
	}
	channels := 1
	if rank == 2 {
		channels = int(t.Shape[0])
	}
	for _, c := range odd {
		if c < 0 || c >= channels {
			return errs.New(errs.Input, "field %q: channel %d: it has 0 to %d", t.Name, c, channels-1)
		}
	}
	table, err := s.table(tableKey{nside, sym})
	if err != nil {
		return errs.New(errs.Input, "field %q: %w", t.Name, err)
	}
	mirrored := (sym&healpix.FlipNS != 0) != (sym&healpix.FlipEW != 0)
	old := aside(t)
	defer scratch.Put(old)
	for c := range channels {
		lo, hi := c*npix, (c+1)*npix
		negate := mirrored && slices.Contains(odd, c)
		if t.DType == graph.Float32 {
			permute(graph.Data[float32](t)[lo:hi], graph.Data[float32](old)[lo:hi], table, negate)
		} else {
			permute(graph.Data[float64](t)[lo:hi], graph.Data[float64](old)[lo:hi], table, negate)
		}
	}
	return nil
}

func permute[T float32 | float64](dst, src []T, table []int32, negate bool) {
	for p, q := range table {
		v := src[p]
		if negate && !healpix.IsUnseen(v) {
			v = -v
		}
		dst[q] = v
	}
}
