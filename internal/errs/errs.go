// Package errs holds the one error type of astronnx. Low layers return it; package runtime re-exports it.
package errs

import (
	"fmt"
	"strings"
)

// Code says what kind of failure an Error is. It is itself an error, so that errors.Is(err, code) works.
type Code uint8

// The codes. Their text is the prefix of an Error's message.
const (
	Invalid       Code = iota + 1 // malformed or inconsistent data: a file, a graph, a map
	UnsupportedOp                 // operators that no selected engine can run
	Limit                         // a size, depth or memory budget was exceeded
	Unsafe                        // a file reaches outside what it may touch
	Engine                        // an execution engine failed
	Unavailable                   // an engine, library, provider or device is not there or too old
	Input                         // wrong name, element type, shape, nside, ordering or value of an input
	Output                        // an output that does not exist or cannot be written
	Canceled                      // the context ended before the work did
	Closed                        // use after Close
)

var names = [...]string{
	"", "invalid data", "unsupported operator", "limit exceeded", "unsafe file", "engine failure",
	"unavailable", "bad input", "bad output", "canceled", "closed",
}

func (c Code) Error() string {
	if int(c) < len(names) && c > 0 {
		return names[c]
	}
	return fmt.Sprintf("error code %d", uint8(c))
}

// Error is a failure with its place. Op, Node and Opset are empty where no operator is concerned.
type Error struct {
	Code  Code
	Op    string // operator, as domain:name outside the standard domain
	Node  string // node name, or its number in the graph
	Opset int64
	Err   error // what happened; never nil in an Error made by New
	Hint  string
}

// New returns an Error with a formatted cause; %w wraps.
func New(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Err: fmt.Errorf(format, args...)}
}

// WithHint returns a copy of e that also says what to do.
func (e *Error) WithHint(format string, args ...any) *Error {
	d := *e
	d.Hint = fmt.Sprintf(format, args...)
	return &d
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Code.Error())
	if e.Node != "" || e.Op != "" {
		b.WriteString(": node ")
		b.WriteString(e.Node)
		if e.Op != "" {
			fmt.Fprintf(&b, " (%s", e.Op)
			if e.Opset > 0 {
				fmt.Fprintf(&b, ", opset %d", e.Opset)
			}
			b.WriteString(")")
		}
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString("; ")
		b.WriteString(e.Hint)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is e's code.
func (e *Error) Is(target error) bool {
	c, ok := target.(Code)
	return ok && c == e.Code
}
