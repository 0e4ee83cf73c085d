#!/usr/bin/env bash
#
# Tests deckwatch-mcp with other projects' clients, on both versions of the protocol. The reference client in Python
# calls every tool and checks every answer against the tool's schema. The MCP inspector checks the schemas for
# constructs that some clients or models don't accept.
#
# usage  scripts/lib/test-mcp.sh
# env    CARGO_TARGET_DIR  cargo's target folder, with deckwatch-mcp built in it (default: target)

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
WORK=$(mktemp -d)

# shellcheck source=scripts/lib/tools.sh
. "$ROOT/scripts/lib/tools.sh"
# shellcheck source=scripts/lib/test-tools.sh
. "$ROOT/scripts/lib/test-tools.sh"

main() {
  local program python checkout=$WORK/alpha
  # shellcheck disable=SC2064  # expand $WORK now
  trap "rm -rf '$WORK'" EXIT
  python=$(install::dir)/mcp/bin/python
  program=${CARGO_TARGET_DIR:-$ROOT/target}/debug/deckwatch-mcp
  git init --quiet "$checkout"
  git -C "$checkout" remote add origin https://github.com/example-org/alpha.git
  HOME=$WORK "$python" "$ROOT/tests/mcp/check.py" "$program" "$checkout"
  inspect "$program" "$checkout" legacy
  inspect "$program" "$checkout" modern
}

# Fails if the inspector reports anything. $1: the server; $2: its working folder; $3: the protocol: legacy or modern.
inspect() {
  local node findings=$WORK/findings inspector
  node=$(tools::node "$ROOT")
  inspector=$(install::dir)/inspector/node_modules/.bin/mcp-inspector
  HOME=$WORK "$node" "$inspector" --cli --strict --protocol-era "$3" --method tools/list --cwd "$2" "$1" \
    >/dev/null 2>"$findings" || { cat "$findings" >&2 && return 1; }
  # The inspector exits with 0 after a warning.
  [[ ! -s $findings ]] || { cat "$findings" >&2 && return 1; }
  printf 'the inspector has no findings (%s protocol)\n' "$3"
}

main "$@"
