#!/usr/bin/env bash
#
# Measures the optimised programs and fails where one takes more than it may.
#
# usage  scripts/lib/test-speed.sh
# env    CARGO_TARGET_DIR  where cargo builds (target)

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

main() {
  # With every program, as scripts/start builds them: cargo has then built them before.
  cargo build --quiet --manifest-path "$ROOT/Cargo.toml" --release --bins
  python3 "$ROOT/tests/speed/check.py" "${CARGO_TARGET_DIR:-$ROOT/target}/release"
}

main "$@"
