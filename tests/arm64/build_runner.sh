#!/usr/bin/env bash
# build_runner.sh FOLDER: executorch_logits for arm64, linked to the wheel that fetch.sh unpacked into FOLDER.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(cd "$1" && pwd)
out=$folder/runner
tool=aarch64-linux-gnu
command -v $tool-g++ >/dev/null || { echo "NOT RUN: needs g++-aarch64-linux-gnu" >&2; exit 3; }
mkdir -p "$out"
library=$(ls "$folder"/executorch/extension/pybindings/_portable_lib*.so)
cp "$library" "$out/"
$tool-nm -D --undefined-only "$library" | awk '{print $2}' | grep -v @ |
  grep -E '^_?Py|c10|_ZN2at|pybind11|caffe2|cpuinfo|kai_|pthreadpool' | sort -u |
  ${PYTHON:-python3} "$here/pool_shim.py" >"$out/shim.c"
for name in libtorch_python.so libtorch.so libc10.so; do
  $tool-gcc -shared -nostdlib -Wl,-soname,$name -o "$out/$name" -x c /dev/null
done
$tool-gcc -O2 -w -shared -fPIC -Wl,-soname,libtorch_cpu.so -o "$out/libtorch_cpu.so" "$out/shim.c"
include=$folder/executorch/include
$tool-g++ -std=c++17 -O2 -w -DC10_USING_CUSTOM_GENERATED_MACROS "-I$include" \
  "-I$include/executorch/runtime/core/portable_type/c10" "$here/executorch_logits.cpp" -o "$out/executorch_logits" \
  "$library" "-L$out" -Wl,--allow-shlib-undefined "-Wl,-rpath-link,$out"
