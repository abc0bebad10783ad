// Package plot draws maps of the sphere as PNG pictures: the whole sky in the Mollweide projection, with a colour bar.
package plot
