package runtime

import "github.com/astronnx/astronnx/internal/errs"

// Error is the type of the errors of this package: a code for programs, and for people the operator, node and cause, and what to
// do. It is found with errors.As, its code with errors.Is:
//
//	if errors.Is(err, runtime.ErrUnsupportedOp) { … }
type Error = errs.Error

// The codes of errors.
const (
	ErrInvalid       = errs.Invalid       // malformed or inconsistent data
	ErrUnsupportedOp = errs.UnsupportedOp // operators that no selected engine can run
	ErrLimit         = errs.Limit         // a size, depth or memory budget was exceeded
	ErrUnsafe        = errs.Unsafe        // a file reaches outside what it may touch
	ErrEngine        = errs.Engine        // an execution engine failed
	ErrUnavailable   = errs.Unavailable   // an engine, library, provider or device is missing or too old
	ErrInput         = errs.Input         // wrong name, element type, shape or value of an input
	ErrOutput        = errs.Output        // an output that does not exist or cannot be written
	ErrCanceled      = errs.Canceled      // the context ended before the work did
	ErrClosed        = errs.Closed        // use after Close
)
