package main

import (
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// pinned lists the items in the order in which they are obtained. cases names a copy of the official ONNX cases, which then is
// their only source, or is empty.
func pinned(root, cases string) []item {
	return []item{
		onnxRuntime(runtime.GOOS + "/" + runtime.GOARCH),
		{
			name: "healpy-data", dir: "healpy-data",
			about: "WMAP 7-year maps, masks and spectra at Nside 32, pixel windows, ring weights",
			trees: []string{
				"63ffdbbecc7f19e032e71a8e818a3dd1da003f3bc789c4b444498c0217b6eb4d",
				"422b445767c576085ceec0be372752e1cdf885d8871b1d7755ab3ffafe5cb920", // one map gzipped anew
			},
			sources: []source{{
				from:   deb{"healpy-data", "1.16.1-1"},
				sha256: "4610564bbaf28ee9f17d429235072e146bf2d7efff6027e3b57aee7184472761", size: 1674628,
				pick: flat("usr/share/healpy/data/", "usr/share/healpy/test/data/"),
			}, {
				from:   wheel{"healpy", "1.16.6", "3.10", "manylinux_2_17_x86_64"}, // the last with the maps inside
				sha256: "af4469864f465fc4bc3752543812ab1161d84eff4a8aead3842d56ea1b2585bb", size: 24488130,
				pick: flat("healpy/data/", "healpy/test/data/"),
			}},
		},
		{
			name: "onnx-1.22", dir: "onnx-node-tests/1.22.0", standIn: "onnx-1.12",
			about:   "the 1,765 official node cases of ONNX 1.22",
			trees:   []string{"546493b27c4da1d4540a1a6bde5161a2da7c28a93b2381f18b51144b4b5894f4"},
			sources: onnxCases(root, cases),
		},
		{
			name: "onnx-1.12", dir: "onnx-node-tests/1.12.0", optional: true,
			about: "the 932 official node cases of ONNX 1.12, for a machine that cannot have those of 1.22",
			trees: []string{"63cfddab7a5a77770645cd201d21244d62a6c23b8a8a6afa062954dc14de20fc"},
			sources: []source{{
				from:   deb{"libonnx-testdata", "1.12.0-2"},
				sha256: "7dc0912e02f79ece102331411a751b091bc0e191c9fb1287f8cdfbe5530f6027", size: 6062448,
				pick: below("usr/share/libonnx-testdata/data/node/"),
			}},
		},
		{
			name: "python", dir: "python", optional: true,
			about: "a Python environment with healpy, onnx and onnxruntime, to compare with",
			keep:  venv{requirements: filepath.Join(root, "tools", "requirements.txt"), module: "numpy"},
		},
		{
			name: "clang", dir: "clang", optional: true,
			about: "a second compiler for C and C++, to build the examples with",
			keep:  debsOf([]string{"clang"}, "clang++", "clang"),
		},
		{
			name: "torch", dir: "torch", asked: true,
			about: "a Python environment with PyTorch 2.15, for benchmarks",
			keep: venv{
				requirements: filepath.Join(root, "tools", "torch.txt"), module: "torch", complete: true, finish: standInForCUDA,
			},
		},
		{
			name: "torch-debian", dir: "torch-debian", asked: true,
			about: "PyTorch 1.13.1 for the system's Python, for benchmarks and goldens",
			keep:  debsForPython("torch", "python3-torch=1.13.1+dfsg-4", "libopenblas0-pthread"),
		},
	}
}

// onnxCases are those of ONNX 1.22: the copy that was named, else one that lies beside the module, else those in the wheel.
func onnxCases(root, named string) []source {
	pick := below("onnx/backend/test/data/node/")
	at := func(path string) source {
		return source{
			from:   local{path},
			sha256: "a99a4ae36639b8b8f18fcf6a43b9165d473ac5ee2b5f5ae102ab625e02907229", size: 2060436, pick: pick,
		}
	}
	if named != "" {
		return []source{at(named)}
	}
	return []source{at(filepath.Join(root, "..", "shared", "data", "onnx-node-tests-1.22.0.tar.xz")), {
		from:   wheel{"onnx", "1.22.0", "3.12", "manylinux_2_28_x86_64"},
		sha256: "955e02e1f6d385b53d52f9cd7b9cdf5caf417c300bcfe3c64c6d542be763845b", size: 19106514, pick: pick,
	}}
}

// onnxRuntime is libonnxruntime for a platform. The npm package and the wheels hold two builds of one version.
func onnxRuntime(platform string) item {
	const version = "1.30.0"
	it := item{name: "onnxruntime", dir: "onnxruntime/lib", about: "libonnxruntime " + version}
	from := func(npmDir, npmSum, machine, wheelSum, librarySum string, wheelSize int64) {
		const name = "libonnxruntime.so.1"
		it.trees = []string{soleFile(name, npmSum), soleFile(name, librarySum)}
		it.sources = []source{{
			from:   npm{"onnxruntime-node", version},
			sha256: "6e3390d6b783e7be946fad629292799da28d0b42f84856e50d2c1b0383291e75", size: 113507888,
			pick: renamed("package/bin/napi-v6/linux/"+npmDir+"/"+name, name),
		}, {
			from:   wheel{"onnxruntime", version, "3.12", "manylinux_2_28_" + machine},
			sha256: wheelSum, size: wheelSize,
			pick: renamed("onnxruntime/capi/libonnxruntime.so."+version, name),
		}}
	}
	switch platform {
	case "linux/amd64":
		from("x64", "ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23",
			"x86_64", "fa688e7891a6aa206636fe7372e27ee75fd17713289f6b4fc7b190e0a7de9328",
			"c902c70b3003c0e99fada202f37478c515ae9bba7944c2b2abd0017bae0c82ed", 23585654)
	case "linux/arm64":
		from("arm64", "1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76",
			"aarch64", "6c32a000d5139a38ba9349030b0032e3331acb559d596b22738d9d2b343a2b83",
			"8a218e1e446880131115c368ec7005969a5022af9a15a26173de648fef0b7789", 21345202)
	}
	return it
}

// below picks what lies below a folder and drops the folder's name.
func below(folder string) func(string) string {
	return func(name string) string {
		rest, ok := strings.CutPrefix(name, folder)
		if !ok {
			return ""
		}
		return rest
	}
}

// flat picks the files right in the folders, by their base names.
func flat(folders ...string) func(string) string {
	return func(name string) string {
		for _, folder := range folders {
			if path.Dir(name)+"/" == folder {
				return path.Base(name)
			}
		}
		return ""
	}
}

// renamed picks one file.
func renamed(from, to string) func(string) string {
	return func(name string) string {
		if name == from {
			return to
		}
		return ""
	}
}
