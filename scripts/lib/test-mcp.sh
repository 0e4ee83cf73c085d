#!/usr/bin/env bash
#
# Proves deckwatch-mcp with others' programs, on both versions of the protocol: the reference client of MCP, in
# Python, calls every tool, and every answer fits the schema that the tool announced; the inspector finds nothing
# in those schemas that some client or model would stumble over.
#
# usage  scripts/lib/test-mcp.sh
# env    CARGO_TARGET_DIR  where cargo has built deckwatch-mcp (target)

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
WORK=$(mktemp -d)

# shellcheck source=scripts/lib/tools.sh
. "$ROOT/scripts/lib/tools.sh"
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
  inspect "$program" "$checkout" legacy
  inspect "$program" "$checkout" modern
}

# $1: the server; $2: where it runs; $3: the era of the protocol.
inspect() {
  local node found=$WORK/found inspector
  node=$(tools::node "$ROOT")
  inspector=$(install::dir)/inspector/node_modules/.bin/mcp-inspector
  HOME=$WORK "$node" "$inspector" --cli --strict --protocol-era "$3" --method tools/list --cwd "$2" "$1" \
    >/dev/null 2>"$found" || { cat "$found" >&2 && return 1; }
  # A warning ends with 0.
  [[ ! -s $found ]] || { cat "$found" >&2 && return 1; }
  printf 'the inspector finds nothing (%s protocol)\n' "$3"
}

main "$@"
