package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// interpreter is the cache's Python, or python3.
func interpreter() string {
	for _, cache := range []string{os.Getenv("ASTRONNX_CACHE"), ".cache"} {
		if p := filepath.Join(cache, "python", "bin", "python"); cache != "" && exists(p) {
			return p
		}
	}
	return "python3"
}

// python runs a script and decodes the JSON that it prints.
func python(script string, result any, args ...string) error {
	cmd := exec.Command(interpreter(), append([]string{"-c", script}, args...)...)
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
