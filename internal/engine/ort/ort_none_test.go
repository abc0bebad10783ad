//go:build !cgo || purego || !(linux || darwin)

package ort

import (
	"errors"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/errs"
)

func TestBuildWithoutCSaysSo(t *testing.T) {
	_, err := Engine.Compile(nil, engine.Options{})
	if !errors.Is(err, errs.Unavailable) || !errors.Is(err, engine.ErrNoLibrary) || !strings.Contains(err.Error(), "CGO_ENABLED=1") {
		t.Errorf("got %v", err)
	}
	if s, err := Find("", true); err == nil || s.Library != nil || len(s.Tried) != 1 {
		t.Errorf("got %v, %v", s, err)
	}
	if Providers() != nil {
		t.Errorf("got providers %v", Providers())
	}
}
