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

func (p deb) fetch(ctx context.Context, dir string) (string, error) {
	pkg := p.name
	if p.version != "" {
		pkg += "=" + p.version
	}
	if _, err := aptGet(ctx, dir, "download", pkg); err != nil {
		return "", err
	}
	return only(dir, p.name+"_*.deb")
}

// aptGet runs apt-get in dir with the machine's package lists, and where they are missing or old with lists of its own: neither
// needs root.
func aptGet(ctx context.Context, dir string, args ...string) (string, error) {
	if err := need("apt-get", "apt"); err != nil {
		return "", err
	}
	apt := func(args ...string) (string, error) {
		return output(ctx, dir, "apt-get", append([]string{"--quiet", "--option", "APT::Sandbox::User=root"}, args...)...)
	}
	said, first := apt(args...)
	if first == nil || ctx.Err() != nil {
		return said, first
	}
	lists, cache := filepath.Join(dir, "lists"), filepath.Join(dir, "cache")
	if err := errors.Join(os.MkdirAll(lists, 0o755), os.MkdirAll(cache, 0o755)); err != nil {
		return "", err
	}
	private := []string{"--option", "Dir::State::Lists=" + lists, "--option", "Dir::Cache=" + cache}
	_, err := apt(append(private, "update")...)
	if err == nil {
		said, err = apt(append(private, args...)...)
	}
	if err != nil {
		return "", errors.Join(first, err)
	}
	return said, nil
}
