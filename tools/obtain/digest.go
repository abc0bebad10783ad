package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// digest returns the SHA-256 over the lines "<sha256>  <path>\n" of all files below dir, in the order of filepath.WalkDir. Anything
// but files and folders is an error.
func digest(dir string) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is neither a file nor a folder", p)
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		one, err := fileSum(p)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s  %s\n", one, filepath.ToSlash(rel))
		return nil
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// soleFile is the digest of a folder that holds one file.
func soleFile(name, sha256sum string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s  %s\n", sha256sum, name))
	return hex.EncodeToString(sum[:])
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// verify compares a file with its pinned size and sum.
func verify(path, want string, size int64) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() != size {
		return fmt.Errorf("%w: got %d bytes, expected %d", errForeign, info.Size(), size)
	}
	got, err := fileSum(path)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%w: got SHA-256 %s, expected %s", errForeign, got, want)
	}
	return nil
}
