package dataset_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
)

// count returns a tensor of 0, 1, 2, ….
func count(name string, d graph.DType, shape ...int64) *graph.Tensor {
	t := named(name, graph.NewTensor(d, shape...))
	for i := range int(t.Len()) {
		switch d {
		case graph.Float32:
			graph.Data[float32](t)[i] = float32(i)
		case graph.Float64:
			graph.Data[float64](t)[i] = float64(i)
		case graph.Uint8:
			t.Raw[i] = byte(i)
		case graph.Int16:
			graph.Data[int16](t)[i] = int16(i)
		case graph.Complex128:
			graph.Data[complex128](t)[i] = complex(float64(i), 0)
		}
	}
	return t
}

func value(t *graph.Tensor, i int) int {
	switch t.DType {
	case graph.Float32:
		return int(graph.Data[float32](t)[i])
	case graph.Float64:
		return int(graph.Data[float64](t)[i])
	case graph.Int16:
		return int(graph.Data[int16](t)[i])
	case graph.Complex128:
		return int(real(graph.Data[complex128](t)[i]))
	}
	return int(t.Raw[i])
}

// sources returns for each element of the last axes where it came from, the same in every block before them.
func sources(t *testing.T, x *graph.Tensor, block int) []int {
	t.Helper()
	from := make([]int, block)
	for i := range int(x.Len()) {
		v := value(x, i) - i/block*block
		if i >= block && v != from[i%block] {
			t.Fatalf("%s: block %d is moved in another way than the first", x, i/block)
		}
		from[i%block] = v
	}
	return from
}

func TestSquaresAndCubesAreAllTheirSymmetries(t *testing.T) {
	squares, cubes := dataset.Squares("x", "y"), dataset.Cubes("x", "y")
	for _, c := range []struct {
		name    string
		augment dataset.Augment
		axes, n int
		group   int
		dtype   graph.DType
	}{
		{"squares", squares, 2, 5, 8, graph.Float32},
		{"squares", squares, 2, 37, 8, graph.Complex128},
		{"cubes", cubes, 3, 4, 48, graph.Uint8},
		{"cubes", cubes, 3, 5, 48, graph.Float64},
		{"cubes", cubes, 3, 18, 48, graph.Int16},
	} {
		n := c.n
		shape := slices.Repeat([]int64{int64(n)}, c.axes)
		block := int(math.Pow(float64(n), float64(c.axes)))
		seen := map[string]bool{}
		draws := 400
		if n > 16 { // larger than a tile
			draws = 40
		}
		for i := range draws {
			x := count("x", c.dtype, append([]int64{3}, shape...)...)
			y := count("y", graph.Float32, shape...)
			if err := c.augment(dataset.RNG(uint64(i)), []*graph.Tensor{count("z", c.dtype, 1), y, x}); err != nil {
				t.Fatal(err)
			}
			from := sources(t, x, block)
			if !slices.Equal(from, sources(t, y, block)) {
				t.Fatalf("%s: two fields of one sample are moved in two ways", c.name)
			}
			seen[fmt.Sprint(from[:2*n])] = true
			distance := func(a, b int) (d int) {
				for range c.axes {
					d += (a%n - b%n) * (a%n - b%n)
					a, b = a/n, b/n
				}
				return d
			}
			for a := range block { // a symmetry keeps the distances to points that are not in one plane
				for _, b := range []int{0, 1, n, block / n} {
					if distance(a, b) != distance(from[a], from[b]) {
						t.Fatalf("%s: cells %d and %d came from another distance", c.name, a, b)
					}
				}
			}
		}
		if len(seen) != c.group && n <= 16 {
			t.Errorf("%s of %d: %d symmetries want %d", c.name, n, len(seen), c.group)
		}
	}
}

func TestShifts(t *testing.T) {
	augment := dataset.Shifts(3, "x", "y")
	seen := map[[3]int]bool{}
	for i := range 300 {
		x, y := count("x", graph.Float32, 2, 3, 4, 5), count("y", graph.Int16, 3, 4, 5)
		if err := augment(dataset.RNG(uint64(i)), []*graph.Tensor{x, y}); err != nil {
			t.Fatal(err)
		}
		from := sources(t, x, 60)
		by := [3]int{(3 - from[0]/20) % 3, (4 - from[0]/5%4) % 4, (5 - from[0]%5) % 5}
		seen[by] = true
		for k := range 60 {
			want := (k/20+3-by[0])%3*20 + (k/5%4+4-by[1])%4*5 + (k%5+5-by[2])%5
			if from[k] != want || value(y, k) != want {
				t.Fatalf("shift by %v: cell %d came from %d and %d want %d", by, k, from[k], value(y, k), want)
			}
		}
	}
	if len(seen) < 55 {
		t.Errorf("300 draws give %d of 60 shifts", len(seen))
	}
}

// A vector fixed in space, projected on the sky, makes linear polarization. Turning or mirroring the sky and the vector is the same.
func TestSphereMovesPolarization(t *testing.T) {
	for _, order := range []healpix.Order{healpix.Ring, healpix.Nested} {
		g, err := healpix.New(4, order)
		if err != nil {
			t.Fatal(err)
		}
		polarized := func(v [3]float64) *graph.Tensor { // [T, Q, U]
			x := named("tqu", graph.NewTensor(graph.Float64, 3, int64(g.Npix())))
			d := graph.Data[float64](x)
			for p := range g.Npix() {
				theta, phi := g.Pix2Ang(p)
				st, ct := math.Sincos(theta)
				sp, cp := math.Sincos(phi)
				south := v[0]*ct*cp + v[1]*ct*sp - v[2]*st
				east := -v[0]*sp + v[1]*cp
				d[p], d[g.Npix()+p], d[2*g.Npix()+p] = v[0]*st*cp+v[1]*st*sp+v[2]*ct, south*south-east*east, 2*south*east
			}
			return x
		}
		start := [3]float64{0.3, -1.1, 0.7}
		augment := dataset.Sphere(order, dataset.SphereField{Name: "tqu", Odd: []int{2}})
		seen := map[[3]float64]bool{}
		for i := range 300 {
			got := polarized(start)
			if err := augment(dataset.RNG(uint64(i)), []*graph.Tensor{got}); err != nil {
				t.Fatal(err)
			}
			found := 0
			for s := range healpix.Symmetry(healpix.Symmetries) {
				v := start
				for range s & 3 {
					v[0], v[1] = -v[1], v[0]
				}
				if s&healpix.FlipNS != 0 {
					v[2] = -v[2]
				}
				if s&healpix.FlipEW != 0 {
					v[1] = -v[1]
				}
				if closeTo(graph.Data[float64](got), graph.Data[float64](polarized(v)), 1e-12) {
					found++
					seen[v] = true
				}
			}
			if found != 1 {
				t.Fatalf("%v: the sky is that of %d of the moved vectors", order, found)
			}
		}
		if len(seen) != healpix.Symmetries {
			t.Errorf("%v: %d symmetries want %d", order, len(seen), healpix.Symmetries)
		}
	}
}

func closeTo(a, b []float64, tol float64) bool {
	for i := range a {
		if math.Abs(a[i]-b[i]) > tol {
			return false
		}
	}
	return true
}

func TestSphereKeepsUnseen(t *testing.T) {
	augment := dataset.Sphere(healpix.Ring, dataset.SphereField{Name: "u", Odd: []int{0}})
	for i := range 50 {
		u := named("u", graph.NewTensor(graph.Float32, 12))
		d := graph.Data[float32](u)
		d[3], d[5] = healpix.Unseen, 2
		if err := augment(dataset.RNG(uint64(i)), []*graph.Tensor{u}); err != nil {
			t.Fatal(err)
		}
		unseen, two := 0, 0
		for _, v := range d {
			if v == healpix.Unseen {
				unseen++
			}
			if v == 2 || v == -2 {
				two++
			}
		}
		if unseen != 1 || two != 1 {
			t.Errorf("got %v want one UNSEEN and one 2 or -2", d)
		}
	}
}

func TestBadAugmentations(t *testing.T) {
	sample := []*graph.Tensor{count("x", graph.Float32, 2, 3), count("y", graph.Float32, 13), count("z", graph.Float32, 2, 12), count("n", graph.Uint8, 12)}
	for _, c := range []struct {
		augment dataset.Augment
		want    string
	}{
		{dataset.Squares(), "no fields are named"},
		{dataset.Squares("w"), `no field "w"`},
		{dataset.Squares("x"), `field "x" has shape [2 3]: want 2 equal last axes`},
		{dataset.Cubes("x"), "want 3 equal last axes"},
		{dataset.Shifts(3, "x"), "want 3 axes to shift along"},
		{dataset.Shifts(1, "x", "y"), `field "y" has shape [13]: want [3] in the last axes`},
		{dataset.Sphere(healpix.Ring, dataset.SphereField{Name: "y"}), `field "y"`},
		{dataset.Sphere(healpix.Ring, dataset.SphereField{Name: "n"}), "want maps of float32 or float64"},
		{dataset.Sphere(healpix.Ring, dataset.SphereField{Name: "z", Odd: []int{2}}), "channel 2: it has 0 to 1"},
		{dataset.Sphere(99, dataset.SphereField{Name: "z"}), `field "z"`},
	} {
		fails(t, c.augment(dataset.RNG(1), sample), errs.Input, c.want)
	}
}
