package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// A wheel is one build of a Python package. It is taken for the files inside, so it need not fit the machine's Python.
type wheel struct{ name, version, python, platform string }

func (p wheel) String() string { return fmt.Sprintf("wheel %s %s", p.name, p.version) }

func (p wheel) fetch(ctx context.Context, dir string) (string, error) {
	pip, err := findPip(ctx, dir)
	if err != nil {
		return "", err
	}
	args := append(pip, "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--no-cache-dir",
		"--only-binary=:all:", "--python-version", p.python, "--platform", p.platform, "--dest", dir, p.name+"=="+p.version)
	if err := command(ctx, dir, args[0], args[1:]...); err != nil {
		return "", err
	}
	return only(dir, p.name+"-*.whl")
}

// findPip returns the words that start pip: the machine's own, else Debian's wheel of it, put into a folder below tmp.
func findPip(ctx context.Context, tmp string) ([]string, error) {
	if err := need("python3", "python3"); err != nil {
		return nil, err
	}
	if exec.CommandContext(ctx, "python3", "-m", "pip", "--version").Run() == nil {
		return []string{"python3", "-m", "pip"}, nil
	}
	pip, err := pipWheel(ctx, tmp)
	if err != nil {
		return nil, err
	}
	return []string{"python3", pip}, nil
}

// pipWheel obtains pip as a file that any Python 3 can run.
func pipWheel(ctx context.Context, tmp string) (string, error) {
	dir := filepath.Join(tmp, "pip")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	archive, err := deb{name: "python3-pip-whl"}.fetch(ctx, tmp)
	if err == nil {
		err = unpack(ctx, archive, dir, func(name string) string {
			if base := path.Base(name); strings.HasPrefix(base, "pip-") && strings.HasSuffix(base, ".whl") {
				return base
			}
			return ""
		})
	}
	if err != nil {
		return "", fmt.Errorf("%w (nor is there Debian's wheel of it: %w)", prerequisite{"pip", "python3-pip"}, err)
	}
	file, err := only(dir, "pip-*.whl")
	return filepath.Join(file, "pip"), err
}
