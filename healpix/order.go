package healpix

import "fmt"

// Order is a numbering of the 12 nside² pixels of a sphere.
type Order uint8

const (
	// Ring numbers pixels from north to south along rings of equal latitude; any nside ≥ 1.
	Ring Order = iota + 1
	// Nested numbers pixels face by face along a Z-order curve; nside must be a power of two.
	Nested
	// XY numbers pixels face by face in rows from the face's north corner; any nside ≥ 1.
	XY
)

var orderNames = [...]string{Ring: "RING", Nested: "NEST", XY: "XY"}

// String returns RING, NEST or XY, the spelling of the operators' order attribute.
func (o Order) String() string {
	if o >= Ring && o <= XY {
		return orderNames[o]
	}
	return fmt.Sprintf("Order(%d)", uint8(o))
}

// ParseOrder reads RING, NEST, NESTED or XY.
func ParseOrder(s string) (Order, error) {
	switch s {
	case "RING":
		return Ring, nil
	case "NEST", "NESTED":
		return Nested, nil
	case "XY":
		return XY, nil
	}
	return 0, fmt.Errorf("healpix: order %q: want RING, NESTED or XY", s)
}
