package conformance_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/conformance"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/ort"
	"github.com/astronnx/astronnx/ops"
)

// TestDifferORT compares ONNX Runtime with the reference engine on every operator's cases and their enlarged copies. skip/differ.txt
// names the cases on which they differ for a good reason; one that differs no more must leave the list. A reason that begins with
// "abort:" is of a case that ends the process.
func TestDifferORT(t *testing.T) {
	o := engine.Options{Library: library(t), Threads: 1}
	b, err := os.ReadFile(filepath.Join("skip", "differ.txt"))
	if err != nil {
		t.Fatal(err)
	}
	lists, err := conformance.ParseLists("", string(b))
	if err != nil {
		t.Fatal(err)
	}
	aborts := func(op, example string) bool { return strings.HasPrefix(lists.Skip[op+"/"+example], "abort:") }
	for name, set := range map[string]*ops.Set{"standard": ops.Standard(), "healpix": healpixop.Set(), "fused": ops.Fused()} {
		t.Run(name, func(t *testing.T) {
			d := conformance.Differ(set, ort.Engine, o, aborts)
			t.Logf("%d cases compared, %d operators refused, %d dimensions do not grow, %d grown copies declined",
				d.Compared, len(d.Refused), d.Still, d.Declined)
			if d.Compared == 0 {
				t.Error("nothing was compared")
			}
			differ := map[string]bool{}
			for _, x := range d.Differences {
				example, _, _ := strings.Cut(x.Case, ",") // a grown one has the name of what it grew from
				differ[x.Op+"/"+example] = true
				if lists.Skip[x.Op+"/"+example] == "" {
					t.Error(x)
				}
			}
			refused := []string{}
			for op, why := range d.Refused {
				why, _, _ = strings.Cut(why, "\n")
				refused = append(refused, op+": "+why)
			}
			slices.Sort(refused)
			if testing.Verbose() {
				t.Log("refused:\n" + strings.Join(refused, "\n"))
			}
			for name := range lists.Skip {
				if op, _, _ := strings.Cut(name, "/"); found(set, op) && !differ[name] && !strings.HasPrefix(lists.Skip[name], "abort:") {
					t.Errorf("%s is in skip/differ.txt, but agrees", name)
				}
			}
		})
	}
}

func found(set *ops.Set, name string) bool {
	for op := range set.All() {
		if op.FullName() == name {
			return true
		}
	}
	return false
}
