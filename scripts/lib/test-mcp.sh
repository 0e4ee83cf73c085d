#!/usr/bin/env bash
#
# Proves deckwatch-mcp with the reference client of MCP, in Python, on both versions of the protocol: every
# tool is called, and every answer fits the schema that the tool announced.
#
# usage  scripts/lib/test-mcp.sh
# env    CARGO_TARGET_DIR  where cargo has built deckwatch-mcp (target)

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
WORK=$(mktemp -d)

# shellcheck source=scripts/lib/install.sh
. "$ROOT/scripts/lib/install.sh"
# shellcheck source=scripts/lib/test-tools.sh
. "$ROOT/scripts/lib/test-tools.sh"

main() {
  local program python checkout=$WORK/alpha
  # shellcheck disable=SC2064  # the folder of now
  trap "rm -rf '$WORK'" EXIT
  python=$(install::dir)/mcp/bin/python
  program=${CARGO_TARGET_DIR:-$ROOT/target}/debug/deckwatch-mcp
  git init --quiet "$checkout"
  git -C "$checkout" remote add origin https://github.com/example-org/alpha.git
  HOME=$WORK "$python" "$ROOT/tests/mcp/check.py" "$program" "$checkout"
}

main "$@"
