package conformance_test

import (
	"testing"

	"github.com/astronnx/astronnx/conformance"
	"github.com/astronnx/astronnx/ops"
)

func TestStandard(t *testing.T) { conformance.Check(t, ops.Standard()) }

func TestFused(t *testing.T) { conformance.Check(t, ops.Fused()) }
