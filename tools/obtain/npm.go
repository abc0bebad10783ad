package main

import "context"

// An npm is a version of a package of the user's npm registry.
type npm struct{ name, version string }

func (p npm) String() string { return "npm " + p.name + " " + p.version }

// fetch packs into dir with a cache of its own, so that a broken download is not served again from the user's.
func (p npm) fetch(ctx context.Context, dir string) (string, error) {
	if err := need("npm", "npm"); err != nil {
		return "", err
	}
	err := command(ctx, dir, "npm", "pack", "--silent", "--ignore-scripts", "--no-update-notifier", "--cache", "npm-cache",
		p.name+"@"+p.version)
	if err != nil {
		return "", err
	}
	return only(dir, "*.tgz")
}
