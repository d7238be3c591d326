"""pool_shim.py < names: C for the symbols that ExecuTorch's wheel expects of PyTorch and Python.

Its XNNPACK takes threads and processor facts from libtorch_cpu: here a pool of one thread that runs every
loop in order. Everything else is for the Python binding, which is never entered: such a call ends the
program.
"""

from __future__ import annotations

import re
import sys

FIXED = """#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
static char nothing[4096] __attribute__((aligned(64)));
char cpuinfo_isa[256];
int cpuinfo_initialize(void) { return 1; }
const void *cpuinfo_get_processor(uint32_t i) { return nothing; }
const void *cpuinfo_get_uarch(uint32_t i) { return nothing; }
uint32_t cpuinfo_get_processors_count(void) { return 1; }
uint32_t cpuinfo_get_uarchs_count(void) { return 1; }
void *pthreadpool_create(size_t n) { return nothing; }
void *pthreadpool_create_v2(void *executor, void *context, size_t n) { return nothing; }
void pthreadpool_destroy(void *pool) {}
size_t pthreadpool_get_threads_count(void *pool) { return 1; }
int pthreadpool_update_executor(void *pool, void *executor, void *context) { return 1; }
void pthreadpool_release_executor_threads(void *pool) {}
"""
LOOP = re.compile(r"pthreadpool_parallelize_(\d)d(?:_tile_(\d)d)?(?:_dynamic)?(_with_uarch)?(_with_thread)?")


def loop(name: str, found: re.Match[str]) -> str:
    """One parallelize function: nested loops over its ranges, the last ones in tiles."""
    ranges, tiles = int(found[1]), int(found[2] or 0)
    tiled = range(ranges - tiles, ranges)
    before = ["uint32_t"] * bool(found[3]) + ["size_t"] * bool(found[4])
    task = ", ".join(["void *", *before, *["size_t"] * (ranges + tiles)])
    arguments = ["void *pool", f"void (*task)({task})", "void *context"]
    arguments += ["uint32_t uarch", "uint32_t most"] if found[3] else []
    arguments += (
        [f"size_t r{i}" for i in range(ranges)] + [f"size_t t{i}" for i in tiled] + ["uint32_t flags"]
    )
    steps = [f"t{i}" if i in tiled else "1" for i in range(ranges)]
    loops = " ".join(f"for (size_t i{i} = 0; i{i} < r{i}; i{i} += {step})" for i, step in enumerate(steps))
    call = ["context"] + ["uarch"] * bool(found[3]) + ["0"] * bool(found[4])
    call += [f"i{i}" for i in range(ranges)] + [f"(r{i} - i{i} < t{i} ? r{i} - i{i} : t{i})" for i in tiled]
    return f"void {name}({', '.join(arguments)}) {{ {loops} task({', '.join(call)}); }}"


def shim(names: list[str]) -> str:
    """The whole C file."""
    lines = [FIXED]
    for name in names:
        if f" {name}(" in FIXED or f"*{name}(" in FIXED or f" {name}[" in FIXED:
            continue
        found = LOOP.fullmatch(name)
        lines.append(loop(name, found) if found else f"void {name}(void) {{ abort(); }}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(shim(sys.stdin.read().split()))
