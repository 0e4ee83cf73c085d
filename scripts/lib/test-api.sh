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
  local engine=$1 url pid
  env -u CONTEXT_API_KEY -u ADMIN_API_KEY "$ROOT/scripts/api" --engine "$engine" --port 0 --data "$WORK/$engine" \
    >"$WORK/out" 2>"$WORK/err" &
  pid=$!
  await_ready "$pid"
  url=$(sed -n 's/^ready //p' "$WORK/out")
  play_a_day "$url" "$(made CONTEXT_API_KEY)" "$(made ADMIN_API_KEY)"
  curl --silent --show-error "$url/health" | grep -q "\"engine\":\"$engine\""
  kill "$pid"
  wait "$pid" || { printf 'the %s engine ended with %d\n' "$engine" "$?" && return 1; }
  [[ $(wc -l <"$WORK/out") == 1 ]] || { printf 'more than one line on standard output:\n' && cat "$WORK/out" && return 1; }
  ! curl --silent --max-time 1 "$url/health" >/dev/null || { printf 'the %s engine still serves\n' "$engine" && return 1; }
  printf 'scripts/api --engine %s serves a day and ends\n' "$engine"
}

await_ready() {
  local tries
  for ((tries = 0; tries < 6000; tries++)); do
    grep -q '^ready http://127.0.0.1:' "$WORK/out" && return
    kill -0 "$1" 2>/dev/null || break
    sleep 0.1
  done
  cat "$WORK/err" >&2
  return 1
}

# Prints a key that was made for this run. $1: its variable.
made() {
  sed -n "s/^api: $1=\([0-9a-f]\{64\}\) .*/\1/p" "$WORK/err"
}

# $1: the address; $2: the context key; $3: the admin key.
play_a_day() {
  local url=$1 day=$WORK/day
  ask "$3" -X PUT "$url/v1/ventures/alpha" -d '{"name":"Alpha","repos":["example-org/alpha"]}' >"$day"
  grep -q '"code":"alpha"' "$day"
  ask "$2" "$url/v1/sod" \
    -d '{"agent":"mac1-claude-1","client":"claude","host":"mac1","venture":"alpha","repo":"example-org/alpha"}' >"$day"
  grep -q '"outcome":"created"' "$day"
}

# $1: a key; then what curl needs more.
ask() {
  local key=$1
  shift
  curl --silent --show-error --fail-with-body -H "Authorization: Bearer $key" -H 'Content-Type: application/json' \
    -H "Idempotency-Key: $(od -An -v -tx1 -N16 /dev/urandom | tr -d ' \n')" "$@"
}

# $@: arguments that are wrong.
refuses() {
  local code=0
  "$ROOT/scripts/api" "$@" >/dev/null 2>&1 || code=$?
  [[ $code == 2 ]] || { printf 'scripts/api %s ended with %d, not with 2\n' "$*" "$code" && return 1; }
}

main "$@"
