package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A prerequisite is a program that is not on the machine; its message holds the line that installs it.
type prerequisite struct{ program, pkg string }

func (p prerequisite) Error() string {
	return fmt.Sprintf("%s is not installed; install it with: sudo apt-get install %s", p.program, p.pkg)
}

// need returns a prerequisite where the program is not on the path.
func need(program, pkg string) error {
	if _, err := exec.LookPath(program); err != nil {
		return prerequisite{program, pkg}
	}
	return nil
}

// command runs a program in dir; where it fails, the error ends with the last lines of what it said.
func command(ctx context.Context, dir, program string, args ...string) error {
	_, err := output(ctx, dir, program, args...)
	return err
}

// output is command that returns what the program said.
func output(ctx context.Context, dir, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	if err == nil {
		return said.String(), nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	return "", fmt.Errorf("%s: %w\n%s", filepath.Base(program), err, strings.Join(lines[max(0, len(lines)-6):], "\n"))
}

// only returns the one file in dir that the pattern matches.
func only(dir, pattern string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("the download left %d files like %s, expected one", len(found), pattern)
	}
	return found[0], nil
}

// A local is an archive that is already on the machine.
type local struct{ path string }

func (l local) String() string { return filepath.Base(l.path) }

func (l local) fetch(context.Context, string) (string, error) {
	if _, err := os.Stat(l.path); err != nil {
		return "", fmt.Errorf("no copy at hand; name one with -onnx-tests or ASTRONNX_ONNX_TESTS: %w", err)
	}
	return l.path, nil
}
