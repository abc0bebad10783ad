package healpixop_test

import (
	"testing"

	"github.com/astronnx/astronnx/conformance"
	"github.com/astronnx/astronnx/healpixop"
)

func TestConformance(t *testing.T) { conformance.Check(t, healpixop.Set()) }
