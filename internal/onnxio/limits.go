package onnxio

// Limits bound what a file may make the loader do. A zero field takes its default.
//
// Beside the bytes of tensors, which are only ever allocated once the file has shown to hold them, loading allocates at most
// 1 MiB + 144 bytes per byte of the file, and for the graph's structure alone at most Structure.
type Limits struct {
	File      int64 // bytes of the model file; 2 GiB, protobuf's own bound
	External  int64 // bytes of external data, all tensors together; 64 GiB
	Structure int64 // estimated bytes of everything but tensor elements; 2 GiB
	Depth     int   // nested protobuf messages; 100, which is all that protobuf's C++ reader, and so onnxruntime, takes
	Nodes     int   // nodes, all graphs together; 1 million
	Expanded  int64 // nodes once every call of a function is replaced by its body; 10 million
	Name      int   // bytes of a name; 64 KiB
	Rank      int   // dimensions of a tensor; 64
}

func (l Limits) withDefaults() Limits {
	def := func(p *int64, v int64) {
		if *p <= 0 {
			*p = v
		}
	}
	defInt := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	def(&l.File, 2<<30)
	def(&l.External, 64<<30)
	def(&l.Structure, 2<<30)
	defInt(&l.Depth, 100)
	defInt(&l.Nodes, 1e6)
	def(&l.Expanded, 1e7)
	defInt(&l.Name, 64<<10)
	defInt(&l.Rank, 64)
	return l
}
