//go:build amd64 && !cgo && !purego

#include "textflag.h"

// One row: its factor times sixteen columns, added to two vectors of sums.
#define ROW(offset, low, high) \
	VBROADCASTSS offset(SI), Y14; \
	VFMADD231PS  Y12, Y14, low; \
	VFMADD231PS  Y13, Y14, high

// One row of the result: alpha times its sums added. Moves on to the next.
#define STORE(low, high) \
	VMOVUPS     (R8), Y12; \
	VMOVUPS     32(R8), Y13; \
	VFMADD231PS low, Y14, Y12; \
	VFMADD231PS high, Y14, Y13; \
	VMOVUPS     Y12, (R8); \
	VMOVUPS     Y13, 32(R8); \
	ADDQ        R9, R8

#define ARGUMENTS \
	MOVQ k+0(FP), CX; \
	MOVQ strip+8(FP), DX; \
	MOVQ a+16(FP), SI; \
	MOVQ b+24(FP), DI; \
	MOVQ c+32(FP), R8; \
	MOVQ cStride+40(FP), R9; \
	SHLQ $2, DX; \
	SHLQ $2, R9

#define COLUMNS \
	VMOVUPS (DI), Y12; \
	VMOVUPS 32(DI), Y13; \
	ADDQ    $64, DI

// func tile6(k, strip int, a, b, c *float32, cStride int, alpha float32)
TEXT ·tile6(SB), NOSPLIT, $0-52
	ARGUMENTS
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11

loop6:
	COLUMNS
	ROW(0, Y0, Y1)
	ROW(4, Y2, Y3)
	ROW(8, Y4, Y5)
	ROW(12, Y6, Y7)
	ROW(16, Y8, Y9)
	ROW(20, Y10, Y11)
	ADDQ DX, SI
	DECQ CX
	JNZ  loop6

	VBROADCASTSS alpha+48(FP), Y14
	STORE(Y0, Y1)
	STORE(Y2, Y3)
	STORE(Y4, Y5)
	STORE(Y6, Y7)
	STORE(Y8, Y9)
	STORE(Y10, Y11)
	VZEROUPPER
	RET

// func tile4(k, strip int, a, b, c *float32, cStride int, alpha float32)
TEXT ·tile4(SB), NOSPLIT, $0-52
	ARGUMENTS
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7

loop4:
	COLUMNS
	ROW(0, Y0, Y1)
	ROW(4, Y2, Y3)
	ROW(8, Y4, Y5)
	ROW(12, Y6, Y7)
	ADDQ DX, SI
	DECQ CX
	JNZ  loop4

	VBROADCASTSS alpha+48(FP), Y14
	STORE(Y0, Y1)
	STORE(Y2, Y3)
	STORE(Y4, Y5)
	STORE(Y6, Y7)
	VZEROUPPER
	RET

// func tile2(k, strip int, a, b, c *float32, cStride int, alpha float32)
TEXT ·tile2(SB), NOSPLIT, $0-52
	ARGUMENTS
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

loop2:
	COLUMNS
	ROW(0, Y0, Y1)
	ROW(4, Y2, Y3)
	ADDQ DX, SI
	DECQ CX
	JNZ  loop2

	VBROADCASTSS alpha+48(FP), Y14
	STORE(Y0, Y1)
	STORE(Y2, Y3)
	VZEROUPPER
	RET

// func tile1(k, strip int, a, b, c *float32, cStride int, alpha float32)
TEXT ·tile1(SB), NOSPLIT, $0-52
	ARGUMENTS
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1

loop1:
	COLUMNS
	ROW(0, Y0, Y1)
	ADDQ DX, SI
	DECQ CX
	JNZ  loop1

	VBROADCASTSS alpha+48(FP), Y14
	STORE(Y0, Y1)
	VZEROUPPER
	RET
