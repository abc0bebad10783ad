package ops

import (
	"bytes"
	"fmt"
	"image"
	_ "image/gif"  // formats
	_ "image/jpeg" //
	_ "image/png"  //

	_ "golang.org/x/image/bmp"  //
	_ "golang.org/x/image/tiff" //
	_ "golang.org/x/image/webp" //

	"github.com/astronnx/astronnx/graph"
)

// ImageDecoder decodes the bytes of a BMP, GIF, JPEG, PNG, TIFF or WebP file to (height, width, channels) in uint8. Of
// JPEG, decoders may differ by a few steps.
// https://onnx.ai/onnx/operators/onnx__ImageDecoder.html
var _ = define(Op{
	Name: "ImageDecoder", Since: 20,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		channels := int64(3)
		if c.Node.Attrs.Str("pixel_format", "RGB") == "Grayscale" {
			channels = 1
		}
		return []*graph.Type{graph.TensorType(graph.Uint8, graph.Sym(""), graph.Sym(""), graph.D(channels))}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		if c.In[0].DType != graph.Uint8 || len(c.In[0].Shape) != 1 {
			return nil, fmt.Errorf("got %s, want the bytes of a file", c.In[0])
		}
		config, _, err := image.DecodeConfig(bytes.NewReader(c.In[0].Raw))
		if err != nil {
			return nil, err
		}
		if pixels := int64(config.Width) * int64(config.Height); config.Width <= 0 || config.Height <= 0 || pixels > maxPixels {
			return nil, fmt.Errorf("an image of %d by %d pixels, want at most %d in all", config.Width, config.Height, maxPixels)
		}
		img, _, err := image.Decode(bytes.NewReader(c.In[0].Raw))
		if err != nil {
			return nil, err
		}
		y, err := pixelsOf(c, img)
		return []*graph.Tensor{y}, err
	},
	NoGrad: "its input is bytes",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		gif   u8[35] 71 73 70 56 57 97 1 0 1 0 128 0 0 10 20 30 0 0 0 44 0 0 0 0 1 0 1 0 0 2 2 68 1 0 59  ->  u8[1 1 3] 10 20 30
		bgr   pixel_format="BGR"  u8[35] 71 73 70 56 57 97 1 0 1 0 128 0 0 10 20 30 0 0 0 44 0 0 0 0 1 0 1 0 0 2 2 68 1 0 59
			->  u8[1 1 3] 30 20 10
		grey  pixel_format="Grayscale"  u8[35] 71 73 70 56 57 97 1 0 1 0 128 0 0 10 20 30 0 0 0 44 0 0 0 0 1 0 1 0 0 2 2 68 1 0 59
			->  u8[1 1 1] 18
		other u8[4] 1 2 3 4  ->  error "unknown format"`,
})

// maxPixels bounds an image before it is decoded.
const maxPixels = 1 << 28

func pixelsOf(c *Call, img image.Image) (*graph.Tensor, error) {
	r := img.Bounds()
	format, channels := c.Node.Attrs.Str("pixel_format", "RGB"), int64(3)
	switch format {
	case "RGB", "BGR":
	case "Grayscale":
		channels = 1
	default:
		return nil, fmt.Errorf("pixel_format %q, want RGB, BGR or Grayscale", format)
	}
	y := c.Output(graph.Uint8, int64(r.Dy()), int64(r.Dx()), channels)
	to := y.Raw
	for v := r.Min.Y; v < r.Max.Y; v++ {
		for u := r.Min.X; u < r.Max.X; u++ {
			r16, g16, b16, _ := img.At(u, v).RGBA()
			red, green, blue := r16>>8, g16>>8, b16>>8
			switch format {
			case "RGB":
				to[0], to[1], to[2] = byte(red), byte(green), byte(blue)
			case "BGR":
				to[0], to[1], to[2] = byte(blue), byte(green), byte(red)
			default: // luma of ITU-R BT.601
				to[0] = byte((19595*red + 38470*green + 7471*blue + 1<<15) >> 16)
			}
			to = to[channels:]
		}
	}
	return y, nil
}
