// Command capi is the C library: built with -buildmode=c-shared by build.sh, it becomes libastronnx.so, whose functions astronnx.h
// declares. api.c holds these functions and calls the ones that Go exports here; the linker's list, astronnx.map, hides all else.
//
// A handle is a number that only this side's table can turn into an object, so that any value whatever may be passed for one.
package main

func main() {}
