// Package c holds the C kernels and the door to them: nothing but C types made Go types. Package kernel is what Go code calls;
// C code of other packages includes healpix_conv.h, train.h or convnd.h and takes the function table of ConvTable, TrainPath or ConvNDTable.
//
// Built without cgo, or with the tag purego, the package is empty.
package c
