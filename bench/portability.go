package main

import (
	"os"
	"path/filepath"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/onnxio"
)

const openModel = `
import json, onnxruntime, re, sys, time
peak = lambda: int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) / 1024
before, start = peak(), time.perf_counter()
onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
print(json.dumps({"seconds": time.perf_counter() - start, "mib": peak() - before}))
`

// portability opens a network of nside 512 in the PyPI onnxruntime, which knows nothing of us: it makes the neighbour table from
// the function body. The peers are the limits we set.
func portability() ([]Row, error) {
	x := graph.NewTensor(graph.Float32, 1, 3, 12*512*512)
	m, err := oneNode(healpixop.Domain+":HealpixConv", graph.Attrs{"nside": 512, "order": "NEST"}, x, noise(1, 32, 3, 9), noise(2, 32))
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "astronnx-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "nside512.onnx")
	if err := onnxio.WriteFile(path, m, onnxio.SaveOptions{}); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	var peer struct{ Seconds, MiB float64 }
	if err := python(openModel, &peer, path); err != nil {
		return nil, err
	}
	return []Row{
		less("nside 512 file", float64(info.Size())/1e6, 5, "MB", "limit", 1),
		less("nside 512 opens in", peer.Seconds, 5, "s", "limit, stock onnxruntime", 1),
		less("nside 512 takes", peer.MiB/1024, 2, "GiB", "limit, stock onnxruntime", 1),
	}, nil
}
