package healpixop_test

import (
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/healpixop/optest"
	"github.com/astronnx/astronnx/ops"
)

func TestNeighborsBody(t *testing.T) {
	var jobs []optest.Job
	var want [][]int64
	for _, order := range []healpix.Order{healpix.Nested, healpix.Ring, healpix.XY} {
		for _, nside := range []int{1, 2, 3, 4, 5, 7, 8, 16, 64} {
			g, err := healpix.New(nside, order)
			if err != nil {
				continue
			}
			table, err := healpix.WindowTable[int64](g, 3, 1)
			if err != nil {
				t.Fatal(err)
			}
			m := &graph.Model{Graph: &graph.Graph{Name: "g"}, Opsets: map[string]int64{"": 18, healpixop.Domain: 1}}
			b := ops.NewBuilder(m.Graph, healpixop.Set(), m.Opsets)
			y := b.Op(healpixop.Domain+":HealpixNeighbors", graph.Attrs{"nside": nside, "order": order.String()})
			m.Graph.Outputs = []*graph.Value{y}
			if err := ops.AttachBodies(m, healpixop.Set()); err != nil {
				t.Fatal(err)
			}
			jobs = append(jobs, optest.Job{Name: g.String(), Model: m, Check: true})
			want = append(want, table)
		}
	}
	for i, got := range optest.Stock(t, jobs) {
		if got == nil {
			continue
		}
		y := graph.Data[int64](got[0])
		for j, w := range want[i] {
			if y[j] != w {
				t.Errorf("%s: entry %d: got %d want %d", jobs[i].Name, j, y[j], w)
				break
			}
		}
	}
}
