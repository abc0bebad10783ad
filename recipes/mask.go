package recipes

import (
	"encoding/base64"

	"github.com/astronnx/astronnx/internal/errs"
)

// Keys of metadata that files of recipes have beside those of package export, after "astronnx." and the input's name.
const (
	MaskKey = "mask" // the pixels that the network was trained on, see [EncodeMask]; none: all
	RMSKey  = "rms"  // of the seen pixels of the skies that it was trained on, noise included, in the unit of the maps
)

// EncodeMask writes a mask, in the order of the network's map, as base64 (RFC 4648) of bits, the first pixel in the lowest bit of
// the first byte.
func EncodeMask(mask []bool) string {
	bits := make([]byte, (len(mask)+7)/8)
	for i, in := range mask {
		if in {
			bits[i/8] |= 1 << (i % 8)
		}
	}
	return base64.StdEncoding.EncodeToString(bits)
}

// DecodeMask reads what EncodeMask writes of so many pixels.
func DecodeMask(text string, npix int) ([]bool, error) {
	bits, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errs.New(errs.Invalid, "the network's mask: %w", err)
	}
	if len(bits) != (npix+7)/8 {
		return nil, errs.New(errs.Invalid, "the network's mask has %d bytes: want %d, of %d pixels", len(bits), (npix+7)/8, npix)
	}
	mask := make([]bool, npix)
	for i := range mask {
		mask[i] = bits[i/8]>>(i%8)&1 == 1
	}
	return mask, nil
}
