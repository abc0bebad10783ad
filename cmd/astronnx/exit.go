package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/astronnx/astronnx/internal/errs"
	"github.com/spf13/cobra"
)

// The exit codes. They are part of the interface: scripts test them.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitMissing     = 3
	exitInput       = 4
	exitOutput      = 5
	exitInterrupted = 130
)

const exitHelp = `Exit codes:
  0    done
  1    the work failed
  2    the command line is wrong
  3    a library, provider or device is missing or too old
  4    an input is refused: a map, a network, or one that does not fit the other
  5    an output does not exist in the network, or cannot be written
  130  interrupted`

// usageError is a mistake on the command line.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// flagError says that what a flag was given is wrong, for the reason that err has.
func flagError(flag string, err error) error { return usagef("%s %w", flag, errors.Unwrap(err)) }

// silent is an exit code without a message: the command has already said everything.
type silent int

func (s silent) Error() string { return fmt.Sprintf("exit code %d", int(s)) }

// exitCode maps an error to the exit code of the process.
func exitCode(err error) int {
	var s silent
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &s):
		return int(s)
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, context.Canceled), errors.Is(err, errs.Canceled):
		return exitInterrupted
	case errors.Is(err, errs.Unavailable):
		return exitMissing
	case errors.Is(err, errs.Output):
		return exitOutput
	case errors.Is(err, errs.Input), errors.Is(err, errs.Invalid), errors.Is(err, errs.Limit),
		errors.Is(err, errs.Unsafe), errors.Is(err, errs.UnsupportedOp):
		return exitInput
	}
	return exitFailure
}

// report tells err, in one line or as JSON, and returns the exit code.
func (t *tool) report(ctx context.Context, cmd *cobra.Command, err error) int {
	code := exitCode(err)
	var s silent
	if errors.As(err, &s) {
		return code
	}
	if ctx.Err() != nil {
		code = exitInterrupted
		if !(errors.Is(err, errs.Canceled) && hintOf(err) != "") { // which says what is left
			err = errs.New(errs.Canceled, "interrupted; no output was written")
		}
	}
	text := oneLine(err.Error())
	if code == exitUsage && cmd != nil && !strings.Contains(text, "--help") {
		text += fmt.Sprintf("; see %q", cmd.CommandPath()+" --help")
	}
	if t.json {
		_ = writeJSON(t.err, struct {
			Error string `json:"error"`
			Code  string `json:"code"`
			Hint  string `json:"hint,omitempty"`
			Exit  int    `json:"exit"`
		}{text, codeName(err), hintOf(err), code})
		return code
	}
	fmt.Fprintln(t.err, "astronnx:", text)
	return code
}

func codeName(err error) string {
	var usage usageError
	var e *errs.Error
	switch {
	case errors.As(err, &usage):
		return "usage"
	case errors.As(err, &e):
		return e.Code.Error()
	}
	return "failure"
}

func hintOf(err error) string {
	var e *errs.Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}

// oneLine joins the lines of a message: a list becomes "a; b", so that grep and logs see one error as one line.
func oneLine(s string) string {
	lines := strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.ReplaceAll(strings.Join(lines, "; "), ":; ", ": ")
}
