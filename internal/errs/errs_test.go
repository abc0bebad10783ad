package errs

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestErrorIsItsCodeAndItsCause(t *testing.T) {
	err := fmt.Errorf("load: %w", New(Unsafe, "weights: %w", fs.ErrNotExist))
	for _, want := range []error{Unsafe, fs.ErrNotExist} {
		if !errors.Is(err, want) {
			t.Errorf("errors.Is(%v, %v) = false", err, want)
		}
	}
	if errors.Is(err, Limit) {
		t.Errorf("%v is also %v", err, Limit)
	}
}

func TestMessageSaysWhere(t *testing.T) {
	e := New(UnsupportedOp, "no kernel").WithHint("write it")
	e.Node, e.Op, e.Opset = "conv1", "Conv", 13
	const want = "unsupported operator: node conv1 (Conv, opset 13): no kernel; write it"
	if got := e.Error(); got != want {
		t.Errorf("got %q want %q", got, want)
	}
}
