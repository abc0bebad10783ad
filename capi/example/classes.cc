// Runs a network over a batch of maps from C++: classes MODEL [LIBRARY]. Buffers are std::vector's, in and out, and nothing is copied.
#include <astronnx.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

class Model {
	struct Close {
		void operator()(astronnx_model *m) const { astronnx_model_close(m, nullptr); }
	};
	std::unique_ptr<astronnx_model, Close> handle;

	astronnx_error error;

	void check(astronnx_status status) {
		if (status != ASTRONNX_OK) throw std::runtime_error(error.message);
	}

public:
	const astronnx_model_info *info;

	Model(const std::string &path, const char *library) {
		astronnx_options options{};
		options.size = sizeof options;
		options.library = library;
		astronnx_model *m;
		check(astronnx_model_open(path.c_str(), &options, &m, &error));
		handle.reset(m);
		check(astronnx_model_info_of(m, &info, &error));
	}

	void run(const std::vector<float> &x, const std::vector<int64_t> &x_dims, std::vector<float> &y, const std::vector<int64_t> &y_dims) {
		astronnx_tensor in = tensor(const_cast<float *>(x.data()), x.size(), x_dims), out = tensor(y.data(), y.size(), y_dims);
		check(astronnx_model_run(handle.get(), &in, 1, &out, 1, nullptr, &error));
	}

private:
	static astronnx_tensor tensor(float *data, size_t n, const std::vector<int64_t> &dims) {
		astronnx_tensor t{};
		t.dtype = ASTRONNX_FLOAT32;
		t.rank = static_cast<int32_t>(dims.size());
		t.dims = dims.data();
		t.data = data;
		t.bytes = n * sizeof(float);
		return t;
	}
};

int main(int argc, char **argv) try {
	Model model(argc > 1 ? argv[1] : "classes.onnx", argc > 2 ? argv[2] : nullptr);
	const int64_t batch = 4, pixels = model.info->inputs[0].dims[2], classes = model.info->outputs[0].dims[1];
	std::vector<float> x(batch * pixels, 1.0f), y(batch * classes);
	model.run(x, {batch, 1, pixels}, y, {batch, classes});
	for (int64_t i = 0; i < classes; i++) std::printf("%s[%lld] = %.6f\n", model.info->outputs[0].name, (long long)i, y[i]);
	return 0;
} catch (const std::exception &e) {
	std::fprintf(stderr, "classes: %s\n", e.what());
	return 1;
}
