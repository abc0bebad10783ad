#!/bin/sh
# Builds the C library: build.sh PREFIX fills PREFIX/lib, PREFIX/include, PREFIX/lib/pkgconfig and PREFIX/bin.
#
# ASTRONNX_SANITIZE=1 builds all of it with AddressSanitizer. Programs that use the library then need -fsanitize=address too, and those in C
# -Wl,--no-as-needed,-lstdc++: what onnxruntime throws goes through AddressSanitizer, which looks for the C++ library at its start only.
#
# libastronnx_ops.so is the library under the name by which onnxruntime's register_custom_ops_library is to find it.
set -e
[ $# -eq 1 ] || { echo "usage: $0 PREFIX" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/lib/pkgconfig" "$1/include" "$1/bin"
prefix=$(cd "$1" && pwd)

asan= address=
[ "$ASTRONNX_SANITIZE" != 1 ] || asan=-asan address="-fsanitize=address -Wl,--no-as-needed,-lstdc++"

cd "$here"
CGO_ENABLED=1 go build $asan -buildmode=c-shared -trimpath \
	-ldflags "-s -w '-extldflags=-Wl,--version-script=$here/astronnx.map -Wl,-soname,libastronnx.so'" -o "$prefix/lib/libastronnx.so" .
rm "$prefix/lib/libastronnx.h" # Go's own view of it
ln -sf libastronnx.so "$prefix/lib/libastronnx_ops.so"
cp astronnx.h "$prefix/include/"
$(go env CC) -O1 -Wall -Wextra $address -I. -o "$prefix/bin/astronnx-pipe" pipe/pipe.c \
	-L"$prefix/lib" -lastronnx "-Wl,-rpath,\$ORIGIN/../lib"
cat >"$prefix/lib/pkgconfig/astronnx.pc" <<END
prefix=\${pcfiledir}/../..
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: astronnx
Description: Neural networks on the sky
Version: $(sed -n 's/^version = "\(.*\)"$/\1/p' ../python/pyproject.toml)
Cflags: -I\${includedir}
Libs: -L\${libdir} -lastronnx -Wl,-rpath,\${libdir}
END
