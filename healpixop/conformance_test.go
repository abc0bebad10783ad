package healpixop_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/conformance"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
)

func TestConformance(t *testing.T) {
	lib := ops.Standard().With(healpixop.Set())
	for op := range healpixop.Set().All() {
		for _, err := range conformance.CheckOp(lib, op) {
			if errors.Is(err, errs.UnsupportedOp) && strings.Contains(err.Error(), "no gradient: "+op.FullName()) {
				continue // Grad is not written yet
			}
			t.Errorf("%s: %v", op.FullName(), err)
		}
	}
}
