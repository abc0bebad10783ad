package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// python runs a script with the cache's Python, or python3, and decodes the JSON that it prints.
func python(script string, result any, args ...string) error {
	interpreter := "python3"
	if p := filepath.Join(os.Getenv("ASTRONNX_CACHE"), "python", "bin", "python"); exists(p) {
		interpreter = p
	} else if p := filepath.Join(".cache", "python", "bin", "python"); exists(p) {
		interpreter = p
	}
	cmd := exec.Command(interpreter, append([]string{"-c", script}, args...)...)
	var errout bytes.Buffer
	cmd.Stderr = &errout
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("the Python peer failed: %w\n%s", err, errout.Bytes())
	}
	return json.Unmarshal(out, result)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
