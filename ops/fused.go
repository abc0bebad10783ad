package ops

import "github.com/astronnx/astronnx/graph"

// FusedDomain is the domain of the operators of [Fused].
const FusedDomain = "ai.astronnx.train"

// fused is filled by one file per operator, as the standard set is.
var fused = NewSet(FusedDomain)

// Fused returns operators that do in one pass what gradients and optimiser steps would else take many nodes for. Each is a
// composite: its expansion is the stock form, which any engine runs, and the oracle of the kernel that replaces it.
func Fused() *Set { return fused }

// Target is what a graph is written for. Rules that know several forms of one result choose by it; the zero value stands for the
// CPU of any engine.
type Target struct {
	CUDA bool // nodes run on a CUDA device, which has other operators and other costs than the CPU
	// Kernels says that operators of Fused run as kernels, and may be written wherever these are faster than the stock form.
	Kernels bool
}

// Fused appends a node of an operator of [Fused] with n outputs, and its domain to the imports.
func (b *Builder) Fused(n int, op string, attrs graph.Attrs, in ...*graph.Value) []*graph.Value {
	if b.Opsets[FusedDomain] == 0 {
		b.Opsets[FusedDomain] = 1
	}
	if b.infer.set.Newest(FusedDomain, op) == nil {
		panic("ops: the target has kernels of " + op + ", the set of operators is without it")
	}
	return b.OpN(n, FusedDomain+":"+op, attrs, in...)
}

// kernels reports whether operators of Fused are to be written whole.
func (b *Builder) kernels() bool { return b.Target.Kernels && !b.Target.CUDA }
