#!/usr/bin/env bash
#
# Measures the optimised programs and fails if a measurement exceeds its limit.
#
# usage  scripts/lib/test-speed.sh [--built]
#          --built  measures the programs in the target folder and does not build them first
# env    CARGO_TARGET_DIR  cargo's target folder (default: target)

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# shellcheck source=scripts/lib/cargo.sh
. "$ROOT/scripts/lib/cargo.sh"

main() {
  [[ "${1-}" == --built ]] || cargo::build_programs deckwatch-launcher deckwatch-mcp-server deckwatch-server
  python3 -B "$ROOT/tests/speed/check.py" "$(cargo::target_dir)/release"
  # These limits apply only to an optimised build. Over 10,000 notes, the median search takes at most 5 ms and the 95th
  # percentile 15 ms; every search and every change takes at most 50 ms, whatever is stored. The retries allow for a
  # busy machine.
  cargo nextest run --manifest-path "$ROOT/Cargo.toml" --release --all-features -p deckwatch-tests --test engine \
    --retries 2 -E 'test(a_search_over_ten_thousand_notes_is_fast) | test(no_text_makes_) | test(no_number_of_notes_makes_)'
  "$ROOT/scripts/bench" --ratios
}

main "$@"
