package kernel

// Bundle is the number of maps whose transforms are computed side by side: lanes of vectors.
const Bundle = 8

// LegendreBundle computes sums over l, or over colatitudes, of a bundle of maps, or of pairs of them, straight from alm to waves and
// back. A build of Go alone has none: HasBundles says so. A value is safe for use by many goroutines.
type LegendreBundle struct {
	Maps         int       // up to Bundle
	Terms, Rings int       // of l and of colatitudes that are there
	Norm         []float64 // of every l: what alm are multiplied by, before and after
	Odd          bool      // for the first l, l + m is odd
	Map, Field   int       // from alm to those of the next map, and for pairs from E to B
	South        int       // from the waves of the first colatitude to those of its image
	Plane        int       // for pairs: from the waves of Q to those of U
}

// BundleScratch returns the number of numbers that sums with g need, for pairs or not.
func (g *Legendre) BundleScratch(pairs bool) int {
	n := (g.Count + 32) * (len(g.X) + 32)
	if pairs {
		n *= 2
	}
	return n
}

// check panics where numbers would lie outside of their slices.
func (b LegendreBundle) check(g, h *Legendre, alm, waves []complex128, scratch []float64) {
	ok := b.Maps >= 1 && b.Maps <= Bundle && b.Terms >= 1 && b.Terms <= g.Count && b.Rings >= 1 && b.Rings <= len(g.X) &&
		len(b.Norm) >= b.Terms && len(scratch) >= g.BundleScratch(h != nil)
	last := (b.Maps-1)*b.Map + b.Terms
	first, end := min(0, b.South-(b.Rings-1)*Bundle), max(b.Rings*Bundle, b.South+Bundle)
	if h != nil {
		ok = ok && h.Count == g.Count && len(h.X) == len(g.X)
		last, end = last+b.Field, end+b.Plane
	}
	if !ok || last > len(alm) || first < 0 || end > len(waves) {
		panic("kernel: malformed bundle")
	}
}
