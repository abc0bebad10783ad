package dataset_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"testing"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/testkit"
)

// The order as its definition says, in integers of any size.
const pyOrder = `
import sys, json
M64, M128 = (1 << 64) - 1, (1 << 128) - 1
def mix(x):
    x = (x + 0x9e3779b97f4a7c15) & M64
    x = ((x ^ (x >> 30)) * 0xbf58476d1ce4e5b9) & M64
    x = ((x ^ (x >> 27)) * 0x94d049bb133111eb) & M64
    return x ^ (x >> 31)
def order(n, seed, epoch):
    s = mix(mix(seed) ^ epoch)
    state = s << 64 | mix(s)
    p = list(range(n))
    for i in range(n - 1, 0, -1):
        state = (state * 0x2360ED051FC65DA44385DF649FCCF645 + 0x5851F42D4C957F2D14057B7EF767814F) & M128
        hi, lo = state >> 64, state & M64
        hi ^= hi >> 32
        hi = (hi * 0xda942042e4dd58b5) & M64
        hi ^= hi >> 48
        hi = (hi * (lo | 1)) & M64
        j = (hi * (i + 1)) >> 64
        p[i], p[j] = p[j], p[i]
    return p
print(json.dumps([order(*a) for a in json.loads(sys.argv[1])]))
`

func TestOrderIsTheSameEverywhere(t *testing.T) {
	cases := [][3]uint64{{1, 0, 0}, {5, 7, 0}, {100, 7, 0}, {100, 7, 1}, {1000, 1<<64 - 1, 41}}
	arg, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(testkit.Python(t), "-c", pyOrder, string(arg)).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want [][]int
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		if got := dataset.Order(int(c[0]), c[1], int(c[2])); !slices.Equal(got, want[i]) {
			t.Errorf("Order(%d): got %v want %v", c, got, want[i])
		}
	}
}

func TestOrderIsAPermutationOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(20) {
		for epoch := range 20 {
			p := dataset.Order(30, seed, epoch)
			seen[fmt.Sprint(p)] = true
			slices.Sort(p)
			for i, v := range p {
				if i != v {
					t.Fatalf("seed %d, epoch %d: no permutation: %v", seed, epoch, p)
				}
			}
		}
	}
	if len(seen) != 400 {
		t.Errorf("400 seeds and epochs give %d orders", len(seen))
	}
}

func checkParts(t *testing.T, n int, parts [][]int) {
	t.Helper()
	var all []int
	for _, p := range parts {
		if len(p) == 0 || !slices.IsSorted(p) {
			t.Errorf("part %v is empty or not ascending", p)
		}
		all = append(all, p...)
	}
	slices.Sort(all)
	if len(all) != n {
		t.Fatalf("%d samples in all parts want %d", len(all), n)
	}
	for i, v := range all {
		if i != v {
			t.Fatalf("sample %d is missing or there twice", i)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		n         int
		fractions []float64
		want      []int
	}{
		{1000, []float64{0.8, 0.1, 0.1}, []int{800, 100, 100}},
		{10, []float64{0.7, 0.2, 0.1}, []int{7, 2, 1}},
		{7, []float64{0.5, 0.5}, []int{4, 3}},
		{3, []float64{0.98, 0.01, 0.01}, []int{1, 1, 1}},
		{4, []float64{0.01, 0.01, 0.98}, []int{1, 1, 2}},
		{5, []float64{1}, []int{5}},
	} {
		parts, err := dataset.Split(c.n, c.fractions, 3)
		if err != nil {
			t.Fatal(err)
		}
		checkParts(t, c.n, parts)
		for k, p := range parts {
			if len(p) != c.want[k] {
				t.Errorf("Split(%d, %v): part %d has %d samples want %d", c.n, c.fractions, k, len(p), c.want[k])
			}
		}
		again, _ := dataset.Split(c.n, c.fractions, 3)
		if fmt.Sprint(again) != fmt.Sprint(parts) {
			t.Errorf("the same seed gives %v and %v", parts, again)
		}
	}
	a, _ := dataset.Split(1000, []float64{0.5, 0.5}, 1)
	b, _ := dataset.Split(1000, []float64{0.5, 0.5}, 2)
	if slices.Equal(a[0], b[0]) {
		t.Error("two seeds give one split")
	}
	for _, f := range [][]float64{nil, {0.5}, {0.5, 0.6}, {1, 0}, {1.5, -0.5}} {
		_, err := dataset.Split(10, f, 0)
		fails(t, err, errs.Input, "fractions")
	}
	_, err := dataset.Split(2, []float64{0.5, 0.25, 0.25}, 0)
	fails(t, err, errs.Input, "2 samples for 3 parts")
}

func TestSplitByGroupKeepsGroupsTogether(t *testing.T) {
	var groups []string // 40 simulations of 1 to 5 samples
	for g := range 40 {
		for range 1 + g%5 {
			groups = append(groups, fmt.Sprintf("sim%02d", g))
		}
	}
	for seed := range uint64(50) {
		parts, err := dataset.SplitByGroup(groups, []float64{0.7, 0.2, 0.1}, seed)
		if err != nil {
			t.Fatal(err)
		}
		checkParts(t, len(groups), parts)
		home := map[string]int{}
		for k, part := range parts {
			for _, i := range part {
				if at, ok := home[groups[i]]; ok && at != k {
					t.Fatalf("seed %d: %s is in parts %d and %d", seed, groups[i], at, k)
				}
				home[groups[i]] = k
			}
		}
		for k, want := range []int{84, 24, 12} { // of 120; no group has more than 5
			if d := len(parts[k]) - want; d < -5 || d > 5 {
				t.Errorf("seed %d: part %d has %d samples want about %d", seed, k, len(parts[k]), want)
			}
		}
	}
	// Where a group outweighs all, the others still fill the other parts.
	parts, err := dataset.SplitByGroup([]int64{1, 1, 1, 1, 1, 1, 1, 1, 2, 3}, []float64{0.1, 0.1, 0.8}, 4)
	if err != nil {
		t.Fatal(err)
	}
	checkParts(t, 10, parts)
	_, err = dataset.SplitByGroup([]int64{1, 1, 1}, []float64{0.5, 0.5}, 0)
	fails(t, err, errs.Input, "1 groups for 2 parts")
}

func TestRNGDependsOnEveryKey(t *testing.T) {
	seen := map[uint64]bool{}
	for _, v := range []uint64{
		dataset.RNG(1).Uint64(), dataset.RNG(2).Uint64(), dataset.RNG(1, 0).Uint64(), dataset.RNG(1, 1).Uint64(),
		dataset.RNG(1, 1, 2).Uint64(), dataset.RNG(1, 2, 1).Uint64(),
	} {
		seen[v] = true
	}
	if len(seen) != 6 {
		t.Errorf("6 keys give %d generators", len(seen))
	}
}
