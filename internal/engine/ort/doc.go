// Package ort runs models through ONNX Runtime's C library, found at run time. The library, its environment, session options and
// sessions come from github.com/yalue/onnxruntime_go; what that lacks (runs without a copy, every element type and rank, run
// options with bindings, device memory, custom operators) is a small C bridge of this package over the same library.
//
// One process uses one library: the first that [Find] accepts, for good.
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
