package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/sky"
)

// torchLoader goes through the samples as the documentation of PyTorch would, with and without worker processes.
const torchLoader = `
import json, numpy, sys, time, torch
from torch.utils.data import DataLoader, Dataset
class Images(Dataset):
    def __init__(self): self.data = numpy.load(sys.argv[1], mmap_mode="r")
    def __len__(self): return len(self.data)
    def __getitem__(self, i):
        x = self.data[i]
        k = int(torch.randint(8, ()))
        x = numpy.rot90(x, k & 3, (-2, -1))
        return torch.from_numpy(numpy.flip(x, -1).copy() if k & 4 else x.copy())
best = 1e9
for workers in 0, 2:
    loader = DataLoader(Images(), batch_size=32, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
    for _ in range(4):
        start = time.perf_counter()
        for batch in loader: pass
        best = min(best, time.perf_counter() - start)
print(json.dumps(best))
`

// loading compares an epoch of shuffled, turned and mirrored images from a file with PyTorch's DataLoader.
func loading() ([]Row, error) {
	dir, err := os.MkdirTemp("", "astronnx-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "images.npy")
	if err := sky.WriteCube(path, graph.NewTensor(graph.Float32, 2048, 128, 128)); err != nil {
		return nil, err
	}
	interpreter := filepath.Join(os.Getenv("ASTRONNX_CACHE"), "torch", "bin", "python")
	if !exists(interpreter) {
		if interpreter = filepath.Join(".cache", "torch", "bin", "python"); !exists(interpreter) {
			return nil, fmt.Errorf("no torch in the cache: go run ./tools/obtain torch")
		}
	}
	cmd := exec.Command(interpreter, "-c", torchLoader, path)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("the PyTorch peer failed: %w", err)
	}
	var peer float64
	if err := json.Unmarshal(out, &peer); err != nil {
		return nil, err
	}
	images, err := dataset.Arrays([]string{path})
	if err != nil {
		return nil, err
	}
	l, err := dataset.NewLoader(images, 32, dataset.LoaderOptions{
		Shuffle: true, Workers: 2, Augment: []dataset.Augment{dataset.Squares("data")},
	})
	if err != nil {
		return nil, err
	}
	if err := l.Start(context.Background(), 0, 0); err != nil {
		return nil, err
	}
	defer l.Stop()
	t, err := fastest(2*time.Second, func() error {
		for range l.Len() {
			if _, err := l.Next(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return []Row{faster("2048 images of 128², shuffled and turned", t[0], time.Duration(peer*float64(time.Second)), "PyTorch DataLoader", 1)}, nil
}
