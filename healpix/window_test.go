package healpix

import "testing"

// windowGoldens are hashes of tables in NESTED order, [npix, k²], and of source pairs [npix, k², 2].
var windowGoldens = []struct {
	nside, k, dilation int
	window, padded     string
}{
	{2, 3, 1, "c548c5a0b3c27c80", "92e1d1edc7d7a883"},
	{2, 3, 2, "8b8d1156b2b4723b", ""},
	{2, 5, 1, "f27ed9c7065391c3", "009b4e0df6f9108a"},
	{4, 3, 1, "4a0b64bf5521e299", "ce77cbf717b08dc3"},
	{4, 3, 2, "a37c864fffd9fe4d", ""},
	{4, 5, 1, "766ba57650e347d3", "17267d0bdc7b0014"},
	{8, 3, 1, "b484abd4dfa4e290", "239f583ca5f0c570"},
	{8, 3, 2, "bafe09df242cb62a", ""},
	{8, 5, 1, "5dc092c79325e6c0", "d88a7bd445d3ffb2"},
	{16, 3, 1, "9de4afe13fef2d10", "2db133514e3dbf83"},
	{16, 3, 2, "d907afaebf7886c7", ""},
	{16, 5, 1, "0aea38cc9e64e028", "124b804ddb77278c"},
	{1, 3, 1, "e2c810115a5e77f7", "3caf46cb0cadccb2"},
	{64, 3, 1, "3afacabe36197812", ""},
	{256, 3, 1, "92bcf9c360b45ec1", ""},
	{512, 3, 1, "cbe09244e740414d", ""},
}

func TestWindowsAreGolden(t *testing.T) {
	for _, c := range windowGoldens {
		if c.nside > 64 {
			continue // the bulk tables are tested to 512, and against Window
		}
		g := mustGrid(t, c.nside, Nested)
		var table []int64
		window := make([]int, c.k*c.k)
		for p := range g.Npix() {
			g.Window(window, p, c.k, c.dilation)
			for _, q := range window {
				table = append(table, int64(q))
			}
		}
		if got := digest(table); got != c.window {
			t.Errorf("%v: %d×%d windows of dilation %d hash to %s, want %s", g, c.k, c.k, c.dilation, got, c.window)
		}
	}
}
