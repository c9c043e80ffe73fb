#!/usr/bin/env bash
# What `stoa agent build` does, for those who want to see or change it. CLANG names another compiler.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
"${CLANG:-clang}" --target=wasm32-wasi -std=c11 -O2 -Wall -Wextra -Wl,--strip-all -o {{name}}.wasm *.c
