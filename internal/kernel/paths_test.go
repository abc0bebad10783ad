//go:build cgo && !purego

package kernel_test

import (
	"os"
	"runtime"
	"testing"

	"github.com/astronnx/astronnx/internal/kernel"
)

// The other tests leave out the paths that the processor lacks; this one names them. AVX-512 may be missing, but where everything is
// required the tests of AVX2 have to run on amd64.
func TestPathsAreRun(t *testing.T) {
	if !kernel.Portable.Available() {
		t.Error("the portable path is not there")
	}
	for _, p := range []kernel.Path{kernel.AVX2, kernel.AVX512} {
		switch {
		case p.Available():
		case p == kernel.AVX2 && runtime.GOARCH == "amd64" && os.Getenv("ASTRONNX_REQUIRE") == "1":
			t.Error("this processor lacks the avx2 path, which would go untested; ASTRONNX_REQUIRE=1 forbids that")
		default:
			t.Logf("this processor lacks the %v path: no test runs it", p)
		}
	}
}
