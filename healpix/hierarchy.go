package healpix

import "fmt"

// coarser returns the grid whose pixels are blocks of factor × factor pixels of g.
func (g Grid) coarser(factor int) (Grid, error) {
	if factor < 1 || g.nside%factor != 0 {
		return Grid{}, fmt.Errorf("healpix: nside %d has no blocks of %d×%d pixels", g.nside, factor, factor)
	}
	return New(g.nside/factor, g.order)
}

// Parent returns the pixel of nside/factor, in the same order, that contains ipix. It panics unless factor divides
// nside.
func (g Grid) Parent(ipix, factor int) int {
	coarse, err := g.coarser(factor)
	if err != nil {
		panic(err.Error())
	}
	f, x, y := g.Face(ipix)
	return coarse.encode(f, x/factor, y/factor)
}

// Children returns the factor² pixels of nside·factor, in the same order, inside ipix: for factor 2 as NESTED counts
// them, child (x mod 2) + 2 (y mod 2), for others by rows of y. It panics where there is no such grid.
func (g Grid) Children(ipix, factor int) []int {
	if factor < 1 || factor > MaxNside/g.nside {
		panic(fmt.Sprintf("healpix: no children of %v by a factor of %d", g, factor))
	}
	fine, err := New(g.nside*factor, g.order)
	if err != nil {
		panic(err.Error())
	}
	f, x, y := g.Face(ipix)
	children := make([]int, 0, factor*factor)
	for dy := range factor {
		for dx := range factor {
			children = append(children, fine.encode(f, x*factor+dx, y*factor+dy))
		}
	}
	return children
}
