package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
)

// A deb is a package of the machine's Debian mirror; without a version it is the newest.
type deb struct{ name, version string }

func (p deb) String() string { return "Debian " + p.name + " " + p.version }

// fetch uses the machine's package lists, and where they are missing or old fetches lists of its own: neither needs root.
func (p deb) fetch(ctx context.Context, dir string) (string, error) {
	if err := need("apt-get", "apt"); err != nil {
		return "", err
	}
	pkg := p.name
	if p.version != "" {
		pkg += "=" + p.version
	}
	apt := func(args ...string) error {
		return command(ctx, dir, "apt-get", append([]string{"--quiet", "--option", "APT::Sandbox::User=root"}, args...)...)
	}
	first := apt("download", pkg)
	if first != nil && ctx.Err() == nil {
		lists, cache := filepath.Join(dir, "lists"), filepath.Join(dir, "cache")
		if err := errors.Join(os.MkdirAll(lists, 0o755), os.MkdirAll(cache, 0o755)); err != nil {
			return "", err
		}
		private := []string{"--option", "Dir::State::Lists=" + lists, "--option", "Dir::Cache=" + cache}
		err := apt(append(private, "update")...)
		if err == nil {
			err = apt(append(private, "download", pkg)...)
		}
		if err != nil {
			return "", errors.Join(first, err)
		}
	}
	return only(dir, p.name+"_*.deb")
}
