//go:build cgo && !purego

#include "internal.h"

// The number of lattice point (x, y) of face f in the RING scheme; Gorski et al. 2005, section 4, in face coordinates.
static int64_t ring_id(int64_t n, int f, int64_t x, int64_t y) {
	int64_t a = 2 + f / 4, b = f / 4 == 1 ? 2 * (f % 4) : 2 * (f % 4) + 1;
	int64_t i = a * n - x - y - 1; // ring, 1..4n-1
	int64_t m = i < n ? i : i > 3 * n ? 4 * n - i : n;
	int64_t odd = i >= n && i <= 3 * n ? (i - n) & 1 : 0;
	int64_t start = i < n ? 2 * i * (i - 1) : i <= 3 * n ? 2 * n * (n - 1) + 4 * n * (i - n) : 12 * n * n - 2 * m * (m + 1);
	return start + ((b * m + x - y - 1 + odd) / 2 + 4 * m) % (4 * m);
}

// Faces are cut into blocks of at most 32 x 32. A block's points are listed as the scheme numbers them, so that what is
// consecutive there is consecutive here.
int conv_lattice_order(int64_t nside, int scheme, int64_t *order) {
	enum { SIDE = 32 };
	if (order == NULL || (scheme != ASTRONNX_CONV_RING && scheme != ASTRONNX_CONV_XY)) return ASTRONNX_CONV_BAD_ARGUMENT;
	if (nside < 1 || nside > (int64_t)1 << 29) return ASTRONNX_CONV_BAD_SIZE;
	int64_t n = nside, blocks = ceil_div(n, SIDE);
	for (int f = 0; f < 12; f++)
		for (int64_t i = 0; i < blocks; i++)
			for (int64_t j = 0; j < blocks; j++) {
				int64_t x0 = i * n / blocks, x1 = (i + 1) * n / blocks, y0 = j * n / blocks, y1 = (j + 1) * n / blocks;
				if (scheme == ASTRONNX_CONV_XY) {
					for (int64_t x = x1 - 1; x >= x0; x--)
						for (int64_t y = y1 - 1; y >= y0; y--) *order++ = (f * n + (n - 1 - x)) * n + (n - 1 - y);
					continue;
				}
				for (int64_t s = x1 + y1 - 2; s >= x0 + y0; s--)
					for (int64_t x = s - y1 + 1 > x0 ? s - y1 + 1 : x0; x < x1 && s - x >= y0; x++)
						*order++ = ring_id(n, f, x, s - x);
			}
	return ASTRONNX_CONV_OK;
}
