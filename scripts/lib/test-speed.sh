#!/usr/bin/env bash
#
# Measures the optimised programs and fails where one takes more than it may.
#
# usage  scripts/lib/test-speed.sh [--built]
#          --built  measures the programs that stand in the target folder
# env    CARGO_TARGET_DIR  where cargo builds (target)

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

main() {
  [[ "${1-}" == --built ]] || cargo build --quiet --manifest-path "$ROOT/Cargo.toml" --release --bins
  python3 "$ROOT/tests/speed/check.py" "${CARGO_TARGET_DIR:-$ROOT/target}/release"
}

main "$@"
