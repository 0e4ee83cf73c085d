#!/usr/bin/env bash
#
# Tests scripts/api on both engines: it prints one line on standard output when it is ready, generates missing keys,
# answers the requests of a day with curl as in docs/api.md, and leaves no process behind.
#
# usage  scripts/lib/test-api.sh
# env    CARGO_TARGET_DIR  cargo's target folder (default: target)

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
WORK=$(mktemp -d)

# shellcheck source=scripts/lib/running-api.sh
. "$ROOT/scripts/lib/running-api.sh"

main() {
  # shellcheck disable=SC2064  # expand $WORK now
  trap "rm -rf '$WORK'" EXIT
  test_engine embedded
  test_engine worker
  refuses --engine nonsense
  refuses --port x
}

# $1: the engine.
test_engine() {
  local engine=$1
  api::start --engine "$engine" --data "$WORK/$engine"
  play_a_day
  curl --silent --show-error "$API_URL/health" | grep -q "\"engine\":\"$engine\""
  api::stop
  printf 'scripts/api --engine %s answers the requests of a day and ends\n' "$engine"
}

play_a_day() {
  local day=$WORK/day
  api::ask ADMIN_API_KEY /v1/ventures/alpha -X PUT -d '{"name":"Alpha","repos":["example-org/alpha"]}' >"$day"
  grep -q '"code":"alpha"' "$day"
  api::ask CONTEXT_API_KEY /v1/sod \
    -d '{"agent":"mac1-claude-1","client":"claude","host":"mac1","venture":"alpha","repo":"example-org/alpha"}' >"$day"
  grep -q '"outcome":"created"' "$day"
}

# Fails unless scripts/api refuses its arguments with exit code 2. $@: the wrong arguments.
refuses() {
  local code=0
  "$ROOT/scripts/api" "$@" >/dev/null 2>&1 || code=$?
  [[ $code == 2 ]] || { printf 'scripts/api %s ended with exit code %d, not with 2\n' "$*" "$code" && return 1; }
}

main "$@"
