#!/bin/sh
# Replaces `cargo` and `cargo-lambda` while `sam build` builds the template for the emulator. It puts the binary that cargo
# has built where SAM expects the output of cargo-lambda, and passes all other commands to cargo.
set -eu
if [ "${1:-}" != lambda ]; then
  exec "$SYNTHETICS_CARGO" "$@"
fi
# SAM builds in the function's folder, which has the binary's name.
id=$(basename "$PWD")
mkdir -p "$CARGO_TARGET_DIR/lambda/$id"
cp "$SYNTHETICS_BINARIES/$id" "$CARGO_TARGET_DIR/lambda/$id/bootstrap"
