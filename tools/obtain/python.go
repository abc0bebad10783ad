package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// A venv is a Python environment with the packages that a requirements file pins. It is no part of the product: tests and
// benchmarks compare with what those packages say.
type venv struct {
	requirements string
	module       string                                      // can be imported where the environment is whole
	complete     bool                                        // the file lists all packages; what they depend on besides is left out
	finish       func(ctx context.Context, dir string) error // what is left to do after the packages, or nil
}

func (v venv) String() string { return "the packages of " + filepath.Base(v.requirements) }

const stamp = "requirements.sha256"

// whole reports whether the environment was built to its end from the same requirements and its interpreter still starts.
func (v venv) whole(dir string) bool {
	want, err := v.sum()
	if err != nil {
		return false
	}
	got, err := os.ReadFile(filepath.Join(dir, stamp))
	return err == nil && string(got) == want && exec.Command(filepath.Join(dir, "bin", "python"), "-c", "import "+v.module).Run() == nil
}

// build works in place, because an environment holds its own path; the stamp is written last.
func (v venv) build(ctx context.Context, dir, tmp string) error {
	if err := need("python3", "python3"); err != nil {
		return err
	}
	sum, err := v.sum()
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	python := filepath.Join(dir, "bin", "python")
	pip := []string{"-m", "pip"}
	if command(ctx, tmp, "python3", "-m", "venv", dir) != nil { // Debian keeps the part that installs pip in python3-venv
		if err := command(ctx, tmp, "python3", "-m", "venv", "--clear", "--without-pip", dir); err != nil {
			return fmt.Errorf("%w: %w", prerequisite{"python3-venv", "python3-venv"}, err)
		}
		file, err := pipWheel(ctx, tmp)
		if err != nil {
			return err
		}
		pip = []string{file}
	}
	args := append(pip, "install", "--quiet", "--disable-pip-version-check", "--no-input", "--only-binary=:all:",
		"--requirement", v.requirements)
	if v.complete {
		args = append(args, "--no-deps", "--no-cache-dir")
	}
	if err := command(ctx, tmp, python, args...); err != nil {
		return err
	}
	if v.finish != nil {
		if err := v.finish(ctx, dir); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, stamp), []byte(sum), 0o644)
}

func (v venv) sum() (string, error) {
	text, err := os.ReadFile(v.requirements)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}
