package dataset

import (
	"cmp"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/astronnx/astronnx/internal/errs"
)

// mix is the finalizer of splitmix64 (Steele, Lea and Flood, OOPSLA 2014): it spreads one bit over all.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// RNG returns a generator whose numbers depend on the seed and the keys alone, say an epoch and an index.
func RNG(seed uint64, keys ...uint64) *rand.Rand {
	var pcg rand.PCG
	reseed(&pcg, seed, keys...)
	return rand.New(&pcg)
}

func reseed(pcg *rand.PCG, seed uint64, keys ...uint64) {
	s := mix(seed)
	for _, k := range keys {
		s = mix(s ^ k)
	}
	pcg.Seed(s, mix(s))
}

// Order returns the numbers 0 to n-1 in the random order of an epoch. It depends on n, seed and epoch alone, on any machine and with
// any release of Go: a Fisher–Yates shuffle by the upper halves of products with PCG-DXSM's 64 bits.
func Order(n int, seed uint64, epoch int) []int {
	return order(make([]int, n), seed, uint64(epoch))
}

func order(p []int, seed uint64, keys ...uint64) []int {
	var pcg rand.PCG
	reseed(&pcg, seed, keys...)
	for i := range p {
		p[i] = i
	}
	for i := len(p) - 1; i > 0; i-- {
		j, _ := bits.Mul64(pcg.Uint64(), uint64(i+1))
		p[i], p[j] = p[j], p[i]
	}
	return p
}

// Keys that tell the draws of one seed apart; an epoch is 0 or more.
const (
	splitKey = 1<<63 + iota
	augmentKey
)

// Split divides n samples at random into parts of the given fractions, which sum to 1. Every sample is in exactly one part, and each
// part is ascending. The sizes are fractions·n rounded so that they sum to n.
func Split(n int, fractions []float64, seed uint64) ([][]int, error) {
	if err := checkFractions(fractions); err != nil {
		return nil, err
	}
	if n < len(fractions) {
		return nil, errs.New(errs.Input, "%d samples for %d parts: want at least one for each", n, len(fractions))
	}
	p := order(make([]int, n), seed, splitKey)
	parts := make([][]int, len(fractions))
	sum, from := 0.0, 0
	for k, f := range fractions {
		sum += f
		rest := len(fractions) - 1 - k // each of which needs a sample
		to := min(max(int(math.Round(sum*float64(n))), from+1), n-rest)
		if rest == 0 {
			to = n
		}
		parts[k] = slices.Sorted(slices.Values(p[from:to]))
		from = to
	}
	return parts, nil
}

// SplitByGroup divides samples at random so that those of one group, say of one simulation, stay together: groups[i] is the group of
// sample i. The parts' sizes are as close to the fractions as the groups' sizes allow; each is ascending and holds a group at least.
func SplitByGroup[G cmp.Ordered](groups []G, fractions []float64, seed uint64) ([][]int, error) {
	if err := checkFractions(fractions); err != nil {
		return nil, err
	}
	members := map[G][]int{}
	for i, g := range groups {
		members[g] = append(members[g], i)
	}
	var names []G
	for g := range members {
		names = append(names, g)
	}
	slices.Sort(names) // so that the order of the samples does not matter
	if len(names) < len(fractions) {
		return nil, errs.New(errs.Input, "%d groups for %d parts: want at least one for each", len(names), len(fractions))
	}
	parts := make([][]int, len(fractions))
	p := order(make([]int, len(names)), seed, splitKey)
	for done, at := range p {
		k := needy(parts, fractions, float64(len(groups)), len(p)-done)
		parts[k] = append(parts[k], members[names[at]]...)
	}
	for _, part := range parts {
		slices.Sort(part)
	}
	return parts, nil
}

// needy returns the part that lacks most samples of its share of n; where as many groups are left as parts are empty, an empty one.
func needy(parts [][]int, fractions []float64, n float64, left int) int {
	empty := 0
	for _, part := range parts {
		if len(part) == 0 {
			empty++
		}
	}
	best, most := 0, math.Inf(-1)
	for k, part := range parts {
		if lack := fractions[k]*n - float64(len(part)); lack > most && (len(part) == 0 || empty < left) {
			best, most = k, lack
		}
	}
	return best
}

func checkFractions(fractions []float64) error {
	sum := 0.0
	for _, f := range fractions {
		if !(f > 0) {
			return errs.New(errs.Input, "fractions %v: want every one above 0", fractions)
		}
		sum += f
	}
	if math.Abs(sum-1) > 1e-9 {
		return errs.New(errs.Input, "fractions %v sum to %g: want 1", fractions, sum)
	}
	return nil
}
