package healpix

import "math"

// Unseen is the value by which HEALPix maps mark a pixel without data.
const Unseen = -1.6375e30

// Float is the element type of maps.
type Float interface{ ~float32 | ~float64 }

// IsUnseen reports whether v marks a pixel without data: Unseen up to the tolerance of healpy's mask test, a
// relative 1e-5, which takes in what float32 makes of it. NaN is not Unseen.
func IsUnseen[T Float](v T) bool {
	const tolerance = 1e-8 - 1e-5*Unseen
	return math.Abs(float64(v)-Unseen) <= tolerance
}

// isBad reports a value that no mean may include.
func isBad[T Float](v T) bool {
	return IsUnseen(v) || v-v != 0 // NaN and the infinities differ from themselves
}
