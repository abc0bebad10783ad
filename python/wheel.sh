#!/bin/sh
# Builds the wheel: wheel.sh FOLDER puts it there. PYTHON names an interpreter with setuptools.
# GOARCH=arm64 CC=aarch64-linux-gnu-gcc builds that for another machine.
set -e
[ $# -eq 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
mkdir -p "$1"
to=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$(dirname "$0")"
"${PYTHON:-python3}" -W ignore setup.py -q egg_info --egg-base "$work" build --build-base "$work/build" \
	bdist_wheel --bdist-dir "$work/wheel" --dist-dir "$to"
