module github.com/astronnx/astronnx

go 1.26.0

require (
	codeberg.org/astrogo/fitsio v0.4.0 // sky
	codeberg.org/sbinet/npyio v0.14.0 // sky
	github.com/owulveryck/onnx-go v0.5.0 // conformance, as source
	github.com/spf13/cobra v1.10.2 // cmd/astronnx
	github.com/spf13/pflag v1.0.9 // cmd/astronnx
	github.com/vbauerster/cupwriter v0.0.5 // cmd/astronnx
	github.com/vbauerster/mpb/v8 v8.16.2 // cmd/astronnx
	github.com/x448/float16 v0.8.4 // graph, ops, dataset
	github.com/yalue/onnxruntime_go v1.27.0 // internal/engine/ort
	golang.org/x/image v0.30.0 // ops: ImageDecoder
	golang.org/x/sys v0.48.0 // internal/kernel
	gonum.org/v1/gonum v0.17.0 // ops, models, healpix/sht, sims, stats
	gonum.org/v1/plot v0.17.0 // plot
	google.golang.org/protobuf v1.36.12 // internal/onnxpb, internal/history
	pgregory.net/rapid v1.3.0 // tests
)

require (
	codeberg.org/go-fonts/liberation v0.5.0 // indirect
	codeberg.org/go-latex/latex v0.2.0 // indirect
	git.sr.ht/~sbinet/gg v0.7.0 // indirect
	github.com/VividCortex/ewma v1.2.0 // indirect
	github.com/acarl005/stripansi v0.0.0-20180116102854-5a71ef0e047d // indirect
	github.com/chewxy/hm v1.0.0 // indirect
	github.com/chewxy/math32 v1.0.4 // indirect
	github.com/clipperhouse/uax29/v2 v2.7.0 // indirect
	github.com/davecgh/go-spew v1.1.0 // indirect
	github.com/gogo/protobuf v1.3.0 // indirect
	github.com/golang/freetype v0.0.0-20170609003504-e2365dfdc4a0 // indirect
	github.com/golang/protobuf v1.5.0 // indirect
	github.com/google/flatbuffers v1.11.0 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/mattn/go-runewidth v0.0.30 // indirect
	github.com/nlpodyssey/gopickle v0.3.0 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/pmezard/go-difflib v1.0.0 // indirect
	github.com/stretchr/testify v1.4.0 // indirect
	github.com/xtgo/set v1.0.0 // indirect
	golang.org/x/text v0.34.0 // indirect
	gopkg.in/yaml.v2 v2.2.2 // indirect
	gorgonia.org/tensor v0.9.3 // indirect
	gorgonia.org/vecf32 v0.9.0 // indirect
	gorgonia.org/vecf64 v0.9.0 // indirect
)
