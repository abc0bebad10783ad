package healpix

import (
	"bytes"
	"encoding/json"
	"math"
	"os/exec"
	"testing"

	"github.com/astronnx/astronnx/internal/testkit"
)

func TestTransport(t *testing.T) {
	cmd := exec.Command(testkit.Python(t, "healpy", "numpy"), "testdata/healpy_transport.py", "1", "4", "16")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	seen := 0
	for lines := json.NewDecoder(bytes.NewReader(out)); lines.More(); seen++ {
		var c struct {
			Nside, Start, To int
			Cos, Sin         float64
		}
		if err := lines.Decode(&c); err != nil {
			t.Fatal(err)
		}
		g := mustGrid(t, c.Nside, Ring)
		sin, cos := math.Sincos(2 * g.Transport(c.Start, c.To))
		if math.Hypot(sin-c.Sin, cos-c.Cos) > 1e-12 {
			t.Fatalf("nside %d, from %d to %d: got cos 2α %v, sin 2α %v want %v, %v", c.Nside, c.Start, c.To, cos, sin, c.Cos, c.Sin)
		}
	}
	if seen < 2900 {
		t.Errorf("%d pairs of neighbours", seen)
	}
}

// TestTransportIsItsOwnInverse, and is in every order the same.
func TestTransportIsItsOwnInverse(t *testing.T) {
	ring, nest := mustGrid(t, 8, Ring), mustGrid(t, 8, Nested)
	for p := range ring.Npix() {
		if a := ring.Transport(p, p); a != 0 {
			t.Errorf("pixel %d: %v to itself", p, a)
		}
		for _, q := range ring.Neighbours(p) {
			if q < 0 {
				continue
			}
			a := ring.Transport(q, p)
			if back := ring.Transport(p, q); math.Abs(a) < 3 && math.Abs(back+a) > 1e-14 {
				t.Errorf("from %d to %d: %v, back %v", q, p, a, back)
			}
			if other := nest.Transport(ring.Convert(q, Nested), ring.Convert(p, Nested)); other != a {
				t.Errorf("from %d to %d: %v, in NESTED %v", q, p, a, other)
			}
		}
	}
}
