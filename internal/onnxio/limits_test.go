package onnxio

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxpb"
)

// TestLimits lowers each limit below what a sound model has.
func TestLimits(t *testing.T) {
	b := bytesOf(t, everything())
	for name, l := range map[string]Limits{
		"file": {File: 100}, "structure": {Structure: 1000}, "depth": {Depth: 3}, "nodes": {Nodes: 1}, "expanded": {Expanded: 2},
		"name": {Name: 3},
	} {
		if _, err := Load(b, Options{Limits: l}); !errors.Is(err, errs.Limit) {
			t.Errorf("%s: got %v, want a limit error", name, err)
		}
	}
	if _, err := Read(strings.NewReader(string(b)), Options{Limits: Limits{File: 100}}); !errors.Is(err, errs.Limit) {
		t.Errorf("read: got %v, want a limit error", err)
	}
	if _, err := Load(b, Options{}); err != nil {
		t.Errorf("without limits: %v", err)
	}
}

// allocated returns the bytes that f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

const denseSize = 256 << 10

// repeat returns denseSize bytes of field num, each of which holds b.
func repeat(num protowire.Number, b ...byte) []byte {
	item := wrapped(num, b)
	return bytes.Repeat(item, denseSize/len(item))
}

// distinct returns denseSize bytes of what item makes of names, each another and as short as so many can be.
func distinct(item func(name []byte) []byte) []byte {
	var b []byte
	for i := rune(0); len(b) < denseSize; i++ {
		b = append(b, item([]byte(string(0x80+i%0x700)+string(0x80+i/0x700)))...)
	}
	return b
}

// dense is files of denseSize bytes that hold as much structure as can be.
func dense() map[string][]byte {
	op := wrapped(4, []byte("O"))
	scalar := []byte{0x10, 2, 0x4a, 1, 0} // uint8, one byte of raw data
	intAttr := []byte{0xa0, 1, 2}
	inGraph := func(b []byte) []byte { return wrapped(7, b) }
	inNode := func(b []byte) []byte { return wrapped(7, wrapped(1, append(b, op...))) }
	beside := func(b []byte) []byte { return append(wrapped(7, nil), b...) }
	return map[string][]byte{
		"outputs":    inNode(distinct(func(n []byte) []byte { return wrapped(2, n) })),
		"inputs":     inGraph(distinct(func(n []byte) []byte { return wrapped(11, wrapped(1, n)) })),
		"nodes":      inGraph(distinct(func(n []byte) []byte { return wrapped(1, append(wrapped(2, n), op...)) })),
		"bare nodes": inGraph(repeat(1, op...)),
		"constants":  inGraph(distinct(func(n []byte) []byte { return wrapped(5, append(wrapped(8, n), scalar...)) })),
		"attributes": inNode(distinct(func(n []byte) []byte { return wrapped(5, append(wrapped(1, n), intAttr...)) })),
		"subgraphs":  inNode(wrapped(5, append(append(wrapped(1, []byte("g")), 0xa0, 1, 10), repeat(11)...))),
		"types":      inNode(wrapped(5, append(append(wrapped(1, []byte("t")), 0xa0, 1, 14), repeat(15, wrapped(4, nil)...)...))),
		"metadata":   beside(distinct(func(n []byte) []byte { return wrapped(14, wrapped(1, n)) })),
		"opsets":     beside(distinct(func(n []byte) []byte { return wrapped(8, wrapped(1, n)) })),
		"functions":  beside(distinct(func(n []byte) []byte { return wrapped(25, wrapped(1, n)) })),
		"training":   beside(repeat(20, wrapped(1, nil)...)),
		"reads":      inGraph(append(wrapped(11, wrapped(1, []byte("x"))), wrapped(1, append(repeat(1, 'x'), op...))...)),
		"absent":     inNode(repeat(1)),
		"strings":    inGraph(wrapped(5, append(wrapped(1, protowire.AppendVarint(nil, denseSize/2)), append(repeat(6), 0x10, 8, 0x42, 1, 's')...))),
		"numbers": inGraph(wrapped(5, append(wrapped(1, protowire.AppendVarint(nil, denseSize)), append(wrapped(7, make([]byte, denseSize)),
			0x10, 7, 0x42, 1, 's')...))),
	}
}

// TestEstimateCovers loads dense files without a budget: the scan's estimate must not be below what loading takes.
func TestEstimateCovers(t *testing.T) {
	lim := Limits{}.withDefaults()
	for name, b := range dense() {
		t.Run(name, func(t *testing.T) {
			p := &onnxpb.Model{}
			s := &scanner{lim: lim, budget: 1 << 40}
			if err := s.message(b, describe(p.ProtoReflect().Descriptor()), 1); err != nil {
				t.Fatal(err)
			}
			got := allocated(func() {
				if err := proto.Unmarshal(b, p); err != nil {
					t.Fatal(err)
				}
				m, err := (&decoder{files: newFiles(Options{}, lim), lim: lim}).model(p)
				if err == nil {
					err = m.Verify()
				}
				if err != nil {
					t.Fatal(err)
				}
			})
			if want := baseCost + 1<<40 - s.budget + 16*int64(len(b)); got > want {
				t.Errorf("%d bytes allocated, %d estimated", got, want)
			}
		})
	}
}

// TestHostileAllocation wants small files of the densest structures to stay within the promise of Limits.
func TestHostileAllocation(t *testing.T) {
	rows := dense()
	maps.Copy(rows, map[string][]byte{
		"empty nodes":        wrapped(7, repeat(1)),
		"empty attributes":   wrapped(7, wrapped(1, repeat(5))),
		"empty inputs":       wrapped(7, repeat(11)),
		"empty initializers": wrapped(7, repeat(5)),
		"empty functions":    repeat(25),
		"node outputs":       wrapped(7, wrapped(1, repeat(2))),
		"dimensions":         wrapped(7, wrapped(5, wrapped(1, make([]byte, denseSize)))),
		"types of values":    wrapped(7, repeat(11, wrapped(2, wrapped(1, wrapped(2, wrapped(1, nil))))...)),
	})
	if _, err := Load(bytesOf(t, everything()), Options{}); err != nil { // what is built once
		t.Fatal(err)
	}
	for name, b := range rows {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			got := allocated(func() { Load(b, Options{}) })
			if want := int64(baseCost + bytesCost*len(b)); got > want {
				t.Errorf("%d bytes allocated for a file of %d, want at most %d", got, len(b), want)
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

// TestHonestDensity wants a large graph of short names and many declared types, about the densest that exporters write, to pass.
func TestHonestDensity(t *testing.T) {
	p := edit(func(p *onnxpb.Model) {
		for i := range 20_000 {
			name := fmt.Sprintf("v%d", i)
			p.Graph.Node = append(p.Graph.Node, node("Neg", []string{"x"}, []string{name},
				attr("axis", graph.IntAttr, func(a *onnxpb.Attribute) { a.I = proto.Int64(1) })))
			p.Graph.ValueInfo = append(p.Graph.ValueInfo, info(name, graph.Float32, 1, 3, 64, 64))
		}
	})
	b := bytesOf(t, p)
	if _, err := Load(b, Options{}); err != nil {
		t.Errorf("%d bytes: %v", len(b), err)
	}
}

// TestManyUses loads a value with a hundred thousand readers: anything quadratic would take minutes.
func TestManyUses(t *testing.T) {
	const n = 100_000
	in := make([]string, n)
	for i := range in {
		in[i] = "x"
	}
	p := add(node("Concat", in, []string{"z"}))
	for i := range n {
		p.Graph.Node = append(p.Graph.Node, node("Neg", []string{"x"}, []string{fmt.Sprint(i)}))
	}
	start := time.Now()
	m, err := Load(bytesOf(t, p), Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := m.Graph.Input("x")
	if got := len(x.Uses()); got != 2*n+1 {
		t.Errorf("%d uses, want %d", got, 2*n+1)
	}
	m.Graph.ReplaceUses(x, m.Graph.Initializers[0])
	if err := m.Verify(); err != nil || len(x.Uses()) != 0 {
		t.Errorf("after replacing: %v, %d uses left", err, len(x.Uses()))
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("took %v", d)
	}
}
