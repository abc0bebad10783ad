// Package turns is the loop of a peer: it reads requests, a line of JSON each, and answers with a line.
package turns

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// Request names a computation. Without a Kind it asks to compute the last one again.
type Request struct {
	Kind    string `json:"kind"` // product, conv or sphere
	Model   string `json:"model"`
	X       File   `json:"x"`
	Tensors []File `json:"tensors"`
	Result  string `json:"result"` // where the first result is to be written
}

// File is a tensor of little-endian elements of four bytes.
type File struct {
	Path  string  `json:"path"`
	Shape []int64 `json:"shape"`
}

// Load reads the elements.
func Load[T float32 | int32](f File) ([]T, []int, error) {
	raw, err := os.ReadFile(f.Path)
	if err != nil {
		return nil, nil, err
	}
	data := make([]T, len(raw)/4)
	if _, err := binary.Decode(raw, binary.LittleEndian, data); err != nil {
		return nil, nil, err
	}
	shape := make([]int, len(f.Shape))
	for i, d := range f.Shape {
		shape[i] = int(d)
	}
	return data, shape, nil
}

// Serve answers requests until the input ends. prepare returns a function that computes and one that reads the result.
func Serve(prepare func(Request) (run func() error, result func() []float32, err error)) {
	in, out := bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	os.Stdout, _ = os.Open(os.DevNull) // engines print what they please
	var run func() error
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		ns, err := answer(line, prepare, &run)
		text := ""
		if err != nil {
			text = err.Error()
		}
		out.Encode(struct {
			NS    int64  `json:"ns"`
			Error string `json:"error,omitempty"`
		}{ns, text})
	}
}

func answer(line []byte, prepare func(Request) (func() error, func() []float32, error), run *func() error) (ns int64, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it panics: %v", r)
		}
	}()
	var r Request
	if err := json.Unmarshal(line, &r); err != nil {
		return 0, err
	}
	var result func() []float32
	if r.Kind != "" {
		if *run, result, err = prepare(r); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	if err := (*run)(); err != nil {
		return 0, err
	}
	ns = time.Since(start).Nanoseconds()
	if result == nil {
		return ns, nil
	}
	raw, err := binary.Append(nil, binary.LittleEndian, result())
	if err != nil {
		return 0, err
	}
	return ns, os.WriteFile(r.Result, raw, 0o600)
}
