package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// debs is a folder of unpacked Debian packages with all that they need and the machine has not. Programs in its bin start them.
type debs struct {
	packages []string          // names, or name=version
	programs map[string]string // scripts by name
	check    []string          // one of them and its arguments, which succeeds where the folder is whole
}

// debsForPython are packages for the system's Python, which bin/python starts with them; the module can then be imported.
func debsForPython(module string, packages ...string) debs {
	return debs{packages, map[string]string{"python": python}, []string{"python", "-c", "import " + module}}
}

// debsOf are packages of which programs in bin start those of usr/bin, of the same name. With --version they succeed.
func debsOf(packages []string, programs ...string) debs {
	d := debs{packages, map[string]string{}, []string{programs[0], "--version"}}
	for _, name := range programs {
		d.programs[name] = program
	}
	return d
}

func (d debs) String() string { return "Debian " + strings.Join(d.packages, ", ") }

func (d debs) whole(dir string) bool {
	got, err := os.ReadFile(filepath.Join(dir, stamp))
	return err == nil && string(got) == d.String() &&
		exec.Command(filepath.Join(dir, "bin", d.check[0]), d.check[1:]...).Run() == nil
}

const program = `#!/bin/sh
root=$(dirname "$(dirname "$(readlink -f "$0")")")
export LD_LIBRARY_PATH="$root/usr/lib/$(uname -m)-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "$root/usr/bin/$(basename "$0")" "$@"
`

// python puts OpenBLAS before the plain BLAS that Debian's alternatives would choose between.
const python = `#!/bin/sh
root=$(dirname "$(dirname "$(readlink -f "$0")")")
arch=$(uname -m)-linux-gnu
export LD_LIBRARY_PATH="$root/usr/lib/$arch/openblas-pthread:$root/usr/lib/$arch:$root/lib/$arch:$root/usr/lib:/usr/lib/$arch/openblas-pthread"
export PYTHONPATH="$root/usr/lib/python3/dist-packages" PYTHONNOUSERSITE=1
exec /usr/bin/python3 "$@"
`

// build writes the stamp last. The packages are not installed: their scripts do not run, and nothing outside dir changes.
func (d debs) build(ctx context.Context, dir, tmp string) error {
	if err := need("dpkg", "dpkg"); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	plan, err := aptGet(ctx, tmp, append([]string{"--simulate", "--no-install-recommends", "install"}, d.packages...)...)
	if err != nil {
		return err
	}
	wanted := []string{"download"}
	for line := range strings.Lines(plan) { // Inst libdnnl2 (2.6.3-1 Debian:12.0/oldstable [amd64])
		if f := strings.Fields(line); len(f) > 1 && f[0] == "Inst" {
			wanted = append(wanted, f[1])
		}
	}
	down := filepath.Join(tmp, "down")
	if err := os.MkdirAll(down, 0o755); err != nil {
		return err
	}
	if len(wanted) > 1 {
		if _, err := aptGet(ctx, down, wanted...); err != nil {
			return err
		}
	}
	archives, err := filepath.Glob(filepath.Join(down, "*.deb"))
	if err != nil {
		return err
	}
	for _, a := range archives {
		if err := command(ctx, down, "dpkg", "--extract", a, dir); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		return err
	}
	for name, text := range d.programs {
		if err := os.WriteFile(filepath.Join(dir, "bin", name), []byte(text), 0o755); err != nil {
			return err
		}
	}
	if err := command(ctx, tmp, filepath.Join(dir, "bin", d.check[0]), d.check[1:]...); err != nil {
		return fmt.Errorf("the unpacked packages do not work: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, stamp), []byte(d.String()), 0o644)
}
