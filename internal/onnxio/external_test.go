//go:build unix

package onnxio

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxpb"
)

// sandbox makes a model folder with things around it that a model must not reach.
func sandbox(t *testing.T) (dir string) {
	t.Helper()
	top := t.TempDir()
	dir = filepath.Join(top, "model")
	eight := []byte("\x01\x00\x00\x00\x00\x00\x00\x00")
	do := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	do(os.MkdirAll(filepath.Join(dir, "sub", "deeper"), 0o755))
	do(os.WriteFile(filepath.Join(top, "secret"), eight, 0o644))
	do(os.WriteFile(filepath.Join(dir, "good"), eight, 0o644))
	do(os.WriteFile(filepath.Join(dir, "sub", "good"), eight, 0o644))
	do(os.WriteFile(filepath.Join(dir, "short"), eight[:7], 0o644))
	do(os.WriteFile(filepath.Join(dir, "long"), append(eight, 0), 0o644))
	do(os.Symlink(filepath.Join(top, "secret"), filepath.Join(dir, "link")))
	do(os.Symlink("good", filepath.Join(dir, "inner-link")))
	do(os.Symlink(top, filepath.Join(dir, "link-folder")))
	do(os.Symlink("sub", filepath.Join(dir, "inner-folder")))
	do(os.Link(filepath.Join(top, "secret"), filepath.Join(dir, "hard")))
	do(syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644))
	return dir
}

// TestExternalEscapes tries every way out of the model's folder from every place that can hold a tensor.
func TestExternalEscapes(t *testing.T) {
	dir := sandbox(t)
	e := entry
	rows := []struct {
		name string
		keys []*onnxpb.Entry
		code errs.Code // 0: it loads
		text string
	}{
		{"good", []*onnxpb.Entry{e("location", "good")}, 0, ""},
		{"good in a folder", []*onnxpb.Entry{e("location", "sub/good"), e("offset", "0"), e("length", "8"), e("extra", "kept")}, 0, ""},
		{"parent", []*onnxpb.Entry{e("location", "../secret")}, errs.Unsafe, "out of the model's folder"},
		{"parent further in", []*onnxpb.Entry{e("location", "sub/../../secret")}, errs.Unsafe, "out of the model's folder"},
		{"parent that stays inside", []*onnxpb.Entry{e("location", "sub/../good")}, errs.Unsafe, "out of the model's folder"},
		{"backslashes", []*onnxpb.Entry{e("location", `..\secret`)}, errs.Unsafe, "out of the model's folder"},
		{"drive", []*onnxpb.Entry{e("location", "C:secret")}, errs.Unsafe, "out of the model's folder"},
		{"absolute", []*onnxpb.Entry{e("location", filepath.Join(filepath.Dir(dir), "secret"))}, errs.Unsafe, "out of the model's folder"},
		{"device", []*onnxpb.Entry{e("location", "/dev/zero")}, errs.Unsafe, "out of the model's folder"},
		{"address in memory", []*onnxpb.Entry{e("location", "*/_ORT_MEM_ADDR_/*"), e("offset", "4096"), e("length", "8")}, errs.Unsafe,
			"address in memory"},
		{"symlinked file", []*onnxpb.Entry{e("location", "link")}, errs.Unsafe, "link"},
		{"symlinked file that stays inside", []*onnxpb.Entry{e("location", "inner-link")}, errs.Unsafe, "link"},
		{"symlinked folder", []*onnxpb.Entry{e("location", "link-folder/secret")}, errs.Unsafe, "link"},
		{"symlinked folder that stays inside", []*onnxpb.Entry{e("location", "inner-folder/good")}, errs.Unsafe, "link"},
		{"hard link", []*onnxpb.Entry{e("location", "hard")}, errs.Unsafe, "hard link"},
		{"named pipe", []*onnxpb.Entry{e("location", "fifo")}, errs.Unsafe, "no regular file"},
		{"folder", []*onnxpb.Entry{e("location", "sub")}, errs.Unsafe, "no regular file"},
		{"the folder itself", []*onnxpb.Entry{e("location", ".")}, errs.Unsafe, "out of the model's folder"},
		{"file as a folder", []*onnxpb.Entry{e("location", "good/x")}, errs.Invalid, "external data"},
		{"missing", []*onnxpb.Entry{e("location", "ghost")}, errs.Invalid, "beside the model"},
		{"no location", []*onnxpb.Entry{e("offset", "0")}, errs.Invalid, "no location"},
		{"location twice", []*onnxpb.Entry{e("location", "good"), e("location", "../secret")}, errs.Invalid, "occurs twice"},
		{"negative offset", []*onnxpb.Entry{e("location", "good"), e("offset", "-8")}, errs.Invalid, "offset"},
		{"negative length", []*onnxpb.Entry{e("location", "good"), e("length", "-1")}, errs.Invalid, "length"},
		{"offset no number", []*onnxpb.Entry{e("location", "good"), e("offset", "0x0")}, errs.Invalid, "offset"},
		{"offset beyond the file", []*onnxpb.Entry{e("location", "good"), e("offset", "1099511627776")}, errs.Invalid, "wants 8 at"},
		{"offset that overflows", []*onnxpb.Entry{e("location", "good"), e("offset", fmt.Sprint(math.MaxInt64))}, errs.Invalid, "overflow"},
		{"offset beyond int64", []*onnxpb.Entry{e("location", "good"), e("offset", "18446744073709551616")}, errs.Invalid, "offset"},
		{"huge length", []*onnxpb.Entry{e("location", "good"), e("length", "1099511627776")}, errs.Invalid, "want 8"},
		{"file too short", []*onnxpb.Entry{e("location", "short")}, errs.Invalid, "has 7 bytes"},
		{"range beyond the file", []*onnxpb.Entry{e("location", "good"), e("offset", "1")}, errs.Invalid, "wants 8 at"},
		{"file too long", []*onnxpb.Entry{e("location", "long")}, errs.Invalid, "has 9 bytes"},
		{"long file of a stated length", []*onnxpb.Entry{e("location", "long"), e("length", "8")}, 0, ""},
		{"wrong checksum", []*onnxpb.Entry{e("location", "good"), e("checksum", strings.Repeat("0", 40))}, errs.Invalid, "SHA-1"},
		{"right checksum", []*onnxpb.Entry{e("location", "good"), e("checksum", "3DA89EE273BE13437E7ECF760F3FBD4DC0E8D1FE")}, 0, ""},
	}
	for _, r := range rows {
		for place, p := range externalModels(r.keys...) {
			t.Run(r.name+" in "+place, func(t *testing.T) {
				name := filepath.Join(dir, "m.onnx")
				if err := os.WriteFile(name, bytesOf(t, p), 0o644); err != nil {
					t.Fatal(err)
				}
				_, err := LoadFile(name, Options{})
				_, err2 := LoadFS(os.DirFS(filepath.Dir(dir)), "model/m.onnx", Options{})
				if r.code == 0 {
					if err != nil || err2 != nil {
						t.Errorf("%v; %v", err, err2)
					}
					return
				}
				wantError(t, err, r.code, r.text)
				wantError(t, err2, r.code, r.text)
			})
		}
	}
}

func TestExternalNeedsFolder(t *testing.T) {
	for place, p := range externalModels(entry("location", "good")) {
		if _, err := Load(bytesOf(t, p), Options{}); !errors.Is(err, errs.Unsafe) {
			t.Errorf("%s: bytes alone: got %v, want an unsafe error", place, err)
		}
		m, err := Load(bytesOf(t, p), Options{SkipExternal: true})
		if err != nil {
			t.Errorf("%s: skipped: %v", place, err)
			continue
		}
		if _, err := Marshal(m); !errors.Is(err, errs.Input) {
			t.Errorf("%s: saving what was not read: got %v, want an input error", place, err)
		}
	}
}

func TestExternalLimit(t *testing.T) {
	dir := sandbox(t)
	p := externalModels(entry("location", "good"))["initializer"]
	_, err := Load(bytesOf(t, p), Options{Data: os.DirFS(dir), Limits: Limits{External: 7}})
	wantError(t, err, errs.Limit, "external data")
}

func TestLoadFileErrors(t *testing.T) {
	dir := sandbox(t)
	for _, name := range []string{"ghost.onnx", "sub", "ghost/m.onnx"} {
		if _, err := LoadFile(filepath.Join(dir, name), Options{}); !errors.Is(err, errs.Input) {
			t.Errorf("%s: got %v, want an input error", name, err)
		}
		if _, err := LoadFS(os.DirFS(dir), name, Options{}); !errors.Is(err, errs.Input) {
			t.Errorf("%s in a file system: got %v, want an input error", name, err)
		}
	}
}
