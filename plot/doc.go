// Package plot draws maps of the sphere as PNG pictures: the whole sky in the Mollweide projection (Snyder, Map Projections: A
// Working Manual, 1987, p. 249), seen from inside, with a colour bar. It also
// draws curves, such as losses over epochs.
//
// A picture is a pure function of its field or curves and options; drawing uses all cores and needs no lock of the caller.
package plot
