// Package healpix numbers and relates the pixels of the HEALPix sphere: Hierarchical Equal Area isoLatitude
// Pixelisation, Górski et al. 2005, ApJ 622, 759. It knows geometry and integers, no tensors and no files.
//
// A [Grid] is a resolution, nside, with a numbering of its 12 nside² pixels: RING, NESTED or XY ([Order]). All three
// stand on one picture: twelve square faces of nside × nside pixels, four around the north pole (0–3), four on the
// equator (4–7), four around the south pole (8–11). On each face x grows towards north-east and y towards
// north-west, from 0 at the face's southern corner. Neighbours and windows are steps on this lattice which cross
// from face to face; a step that finds no pixel, at the 24 places where only three faces meet, gives -1.
//
// Angles are radians: theta is the colatitude, 0 at the north pole and π at the south pole, phi the longitude
// growing eastwards.
//
// A Grid is a small immutable value, safe for use by many goroutines. Methods panic, with the package's name, on a
// pixel that the grid does not have: that is a bug of the caller, as an index out of range is. What comes from files
// or people is checked by the functions that return an error.
package healpix
