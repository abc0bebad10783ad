// Package c holds the C kernels and the door to them: nothing but C types made Go types. Package kernel is what Go code calls;
// C code of other packages includes healpix_conv.h or train.h and takes the function table of ConvTable or TrainTable.
//
// Built without cgo, or with the tag purego, the package is empty.
package c
