package healpixop

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
)

// TestHpxpadSources compares the pixels that hpxpad reads with those of earth2grid's and DLWP's padding: SHA-256 over
// the little-endian pairs of sources of each tap, ascending, a single one twice.
func TestHpxpadSources(t *testing.T) {
	for nside, want := range map[int]string{1: "3caf46cb0cadccb2", 2: "92e1d1edc7d7a883", 4: "ce77cbf717b08dc3", 8: "239f583ca5f0c570",
		16: "2db133514e3dbf83"} {
		g, err := healpix.New(nside, healpix.Nested)
		if err != nil {
			t.Fatal(err)
		}
		attrs, err := convOf(graph.Attrs{"missing": "hpxpad"})
		if err != nil {
			t.Fatal(err)
		}
		w := newWindows(attrs, &sky{grid: g}, nil, g.Npix())
		h := sha256.New()
		window := make([]int, taps)
		for p := range g.Npix() {
			g.Window(window, p, 3, 1)
			for k := range taps {
				rs := w.reads(p, k, window)
				a, b := rs[0].from, rs[len(rs)-1].from
				_ = binary.Write(h, binary.LittleEndian, []int64{int64(min(a, b)), int64(max(a, b))})
			}
		}
		if got := fmt.Sprintf("%x", h.Sum(nil))[:16]; got != want {
			t.Errorf("nside %d: got %s want %s", nside, got, want)
		}
	}
}
