// Package sky reads and writes maps of the sphere and arrays: HEALPix maps as FITS binary tables, and images or cubes as FITS
// images, .npy or .npz.
//
// A [Map] keeps what its file says: element types, numbering, units, coordinates, the pixels of a partial sky, and every bit of
// every value. Nothing about a map is guessed from its length except nside, where the file leaves it out. What healpy writes
// reads here and the reverse.
//
// The conventions are those of "The FITS Standard" 4.0 and of "Note on HEALPix and FITS" in the HEALPix documentation
// (keywords PIXTYPE, ORDERING, NSIDE, INDXSCHM, OBJECT, FIRSTPIX, LASTPIX, COORDSYS, POLCCONV, BAD_DATA).
//
// Files are hostile until proven otherwise: any bytes give a map or an *errs.Error, and no memory is asked for that the file's
// own size does not justify.
package sky
