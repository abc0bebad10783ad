package sht

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
)

// MaxLmax is the largest lmax of a plan.
const MaxLmax = 1 << 15

// Plan transforms between maps of an nside and alm up to an lmax. It is immutable and safe for use by many goroutines.
//
// Every transform takes a batch: maps are [batch][npix] and alm [batch][Size(lmax)], one behind the other; for spin 2 they are
// [batch][2][npix], Q before U, and [batch][2][Size(lmax)], E before B.
type Plan struct {
	nside, lmax int
	threads     int
	weights     []float64 // of rings 1 to 2 nside

	rings            []ring  // rings 1 to 2 nside, from pole to equator
	blocks           []block // of rings of one length
	first, firstSpin []float64
	kept             [3][]functions // of spin -2, 0 and 2, by m; nil where they are many
}

// ring is a ring of the northern hemisphere and its image in the southern.
type ring struct {
	north, south int // first pixels; the equator has no south: -1
	npix         int
	shifted      bool // the first pixel lies half a pixel east of phi = 0, and else on it
	z, sin       float64
	powers       []power
	last         [2]int // the largest m that counts, of spin 0 and 2
}

// block is a run of rings of one length and one largest m, that are transformed together.
type block struct{ lo, hi int }

// keptValues is the number of values, of m on rings, up to which a plan keeps what the recursions begin with: small maps are
// transformed over and over.
const keptValues = 1 << 15

// blockRings is the number of rings of a block: enough to fill vectors with those that are shifted, and with those that are not.
const blockRings = 16

// NewPlan returns the plan of an nside, any that RING order has, and an lmax of 0 to MaxLmax. Its memory grows with
// nside lmax / 64 and is some MB at nside 1024.
func NewPlan(nside, lmax int) (*Plan, error) {
	g, err := healpix.New(nside, healpix.Ring)
	if err != nil {
		return nil, errs.New(errs.Input, "sht: %w", err)
	}
	if lmax < 0 || lmax > MaxLmax {
		return nil, errs.New(errs.Input, "sht: lmax %d: want 0 to %d", lmax, MaxLmax)
	}
	p := &Plan{nside: nside, lmax: lmax, threads: runtime.GOMAXPROCS(0)}
	p.first, p.firstSpin = firsts(lmax)
	p.rings = make([]ring, 2*nside)
	p.weights = make([]float64, 2*nside)
	for i := range p.rings {
		start, npix, z, sin, phi := g.RingInfo(i + 1)
		south := -1
		if mirror := 4*nside - i - 1; mirror != i+1 {
			south, _, _, _, _ = g.RingInfo(mirror)
		}
		p.rings[i] = ring{start, south, npix, phi > 0, z, sin, powers(sin, lmax), [2]int{lastM(lmax, 0, z, sin), lastM(lmax, 2, z, sin)}}
		p.weights[i] = 1
	}
	for lo := 0; lo < len(p.rings); {
		hi := lo + 1
		for hi < len(p.rings)-1 && hi < lo+blockRings && p.rings[hi].npix == p.rings[lo].npix { // the equator stands alone
			hi++
		}
		for i := lo; i < hi; i++ {
			p.rings[i].last = p.rings[hi-1].last
		}
		p.blocks = append(p.blocks, block{lo, hi})
		lo = hi
	}
	if len(p.rings)*(lmax+1) <= keptValues {
		for i := range p.kept {
			p.kept[i] = make([]functions, lmax+1)
			for m := range p.kept[i] {
				p.kept[i][m].set(p, m, 2*i-2)
			}
		}
	}
	return p, nil
}

// WithRingWeights returns a plan that analyses with quadrature weights: w[i] multiplies ring i+1 and its image in the other
// hemisphere, 2 nside of them. A HEALPix weight file holds w - 1.
func (p *Plan) WithRingWeights(w []float64) (*Plan, error) {
	if len(w) != 2*p.nside {
		return nil, errs.New(errs.Input, "sht: %d ring weights for nside %d: want %d", len(w), p.nside, 2*p.nside)
	}
	q := *p
	q.weights = append([]float64(nil), w...)
	return &q, nil
}

// WithThreads returns a plan that uses up to n goroutines; a new plan uses as many as there are cores. It changes no result.
func (p *Plan) WithThreads(n int) *Plan {
	q := *p
	q.threads = max(n, 1)
	return &q
}

// Nside and Lmax return what the plan was made for.
func (p *Plan) Nside() int { return p.nside }
func (p *Plan) Lmax() int  { return p.lmax }

// Npix returns the number of pixels of a map.
func (p *Plan) Npix() int { return 12 * p.nside * p.nside }

// Size returns the number of alm of a map, those of m ≥ 0.
func (p *Plan) Size() int { return Size(p.lmax) }

// each calls f for 0 to n-1, on up to as many goroutines as there are workers, each with a worker of its own.
func each[W any](workers []W, n int, f func(w W, i int)) {
	workers = workers[:min(len(workers), n)]
	if len(workers) == 1 {
		for i := range n {
			f(workers[0], i)
		}
		return
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for _, w := range workers {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(w, i)
			}
		})
	}
	group.Wait()
}
