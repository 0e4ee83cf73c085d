#!/usr/bin/env bash
#
# Proves scripts/api as people and machines use it, on both engines: one line on standard output once it
# serves, keys made when there are none, a day over curl as docs/api.md shows it, an end that leaves nothing.
#
# usage  scripts/lib/test-api.sh
# env    CARGO_TARGET_DIR  where cargo builds (target)

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
WORK=$(mktemp -d)

# shellcheck source=scripts/lib/running-api.sh
. "$ROOT/scripts/lib/running-api.sh"

main() {
  # shellcheck disable=SC2064  # the folder of now
  trap "rm -rf '$WORK'" EXIT
  prove embedded
  prove worker
  refuses --engine nonsense
  refuses --port x
}

# $1: the engine.
prove() {
  local engine=$1
  api::start --engine "$engine" --data "$WORK/$engine"
  play_a_day
  curl --silent --show-error "$API_URL/health" | grep -q "\"engine\":\"$engine\""
  api::stop
  printf 'scripts/api --engine %s serves a day and ends\n' "$engine"
}

play_a_day() {
  local day=$WORK/day
  api::ask ADMIN_API_KEY /v1/ventures/alpha -X PUT -d '{"name":"Alpha","repos":["example-org/alpha"]}' >"$day"
  grep -q '"code":"alpha"' "$day"
  api::ask CONTEXT_API_KEY /v1/sod \
    -d '{"agent":"mac1-claude-1","client":"claude","host":"mac1","venture":"alpha","repo":"example-org/alpha"}' >"$day"
  grep -q '"outcome":"created"' "$day"
}

# $@: arguments that are wrong.
refuses() {
  local code=0
  "$ROOT/scripts/api" "$@" >/dev/null 2>&1 || code=$?
  [[ $code == 2 ]] || { printf 'scripts/api %s ended with %d, not with 2\n' "$*" "$code" && return 1; }
}

main "$@"
