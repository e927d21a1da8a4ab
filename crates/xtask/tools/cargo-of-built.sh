#!/bin/sh
# Stands for `cargo` and `cargo-lambda` while `sam build` makes the template for the emulator: gives SAM the binary that
# cargo has already built, where cargo-lambda would have put its own. Everything else is cargo's.
set -eu
if [ "${1:-}" != lambda ]; then
  exec "$SYNTHETICS_CARGO" "$@"
fi
# SAM builds in the function's folder, which has the binary's name.
id=$(basename "$PWD")
mkdir -p "$CARGO_TARGET_DIR/lambda/$id"
cp "$SYNTHETICS_BINARIES/$id" "$CARGO_TARGET_DIR/lambda/$id/bootstrap"
