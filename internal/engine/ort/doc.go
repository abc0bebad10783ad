// Package ort runs models through ONNX Runtime's C library, found at run time. The library, its environment, session options and
// sessions come from github.com/yalue/onnxruntime_go; what that lacks (runs without a copy, every element type and rank, run
// options with bindings, device memory, custom operators) is a small C bridge of this package over the same library.
//
// One process uses one library: the first that [Find] accepts, for good. Starting it also makes glibc return buffers of 1 MiB and
// more when they are freed, unless MALLOC_MMAP_THRESHOLD_ or GLIBC_TUNABLES says otherwise: without that a process keeps some 100 MB
// of the models that it closed.
//
// # Memory
//
// Everything that crosses is pinned Go memory or is copied: large constants are read where the graph has them, inputs where the caller
// has them, and results of a predictable shape are written where the caller gets them. A session's results of other shapes are views
// of the engine's memory, until the next run; those of a plan are copied, since a Go slice cannot keep the engine's memory alive and
// the collector would not see how much of it there is.
//
// # Kernels
//
// The operators of healpixop are custom operators in C (customop*.c). A kernel, once registered, takes every node of its name in a
// model; so nodes that it cannot serve are renamed, in a copy, and run through their function bodies ([engine.Report] tells).
// Kernels call Go only to lay out tables of pixels, when they are created or when a table changes.
package ort

import "fmt"

// Oldest and recommended versions of the library.
const (
	oldest      = "1.24"
	recommended = "1.30.0"
)

// Library is an ONNX Runtime that can be used.
type Library struct {
	Path    string
	Version string
	Warning string // why another version would be better; usually empty
}

// Attempt is one place where a search looked.
type Attempt struct {
	Where   string // what named the place: "WithLibrary", an environment variable, …
	Path    string
	Version string // where it could be asked
	Err     error  // nil: usable
}

// Search is the result of looking for a library: every place tried in order, the last one being the library if there is one.
type Search struct {
	Tried   []Attempt
	Library *Library // nil: none found
}

// String lists the places, a line each.
func (s Search) String() string {
	text := ""
	for _, a := range s.Tried {
		if text != "" {
			text += "\n"
		}
		text += a.String()
	}
	return text
}

func (a Attempt) String() string {
	switch {
	case a.Err == nil:
		return fmt.Sprintf("%s: %s is ONNX Runtime %s", a.Where, a.Path, a.Version)
	case a.Path == "":
		return fmt.Sprintf("%s: %v", a.Where, a.Err)
	}
	return fmt.Sprintf("%s: %s: %v", a.Where, a.Path, a.Err)
}
