#!/usr/bin/env bash
#
# Proves scripts/backup on both engines and over Cloudflare's HTTP API, for which a stub stands in front of a
# local D1: what was exported is restored, answers the same, and is searched again; nothing is written over, and
# a file that was cut off restores nothing.
#
# usage  scripts/lib/test-backup.sh
# env    CARGO_TARGET_DIR  where cargo builds (target)

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
WORK=$(mktemp -d)
STUB_PID=""

# shellcheck source=scripts/lib/install.sh
. "$ROOT/scripts/lib/install.sh"
# shellcheck source=scripts/lib/tools.sh
. "$ROOT/scripts/lib/tools.sh"
# shellcheck source=scripts/lib/running-api.sh
. "$ROOT/scripts/lib/running-api.sh"

main() {
  # shellcheck disable=SC2064  # the folder of now
  trap "rm -rf '$WORK'" EXIT
  local engine
  for engine in embedded worker; do
    fill "$engine"
    backup export "$WORK/$engine.backup" --engine "$engine" --data "$WORK/$engine"
    backup restore "$WORK/$engine.backup" --engine "$engine" --data "$WORK/$engine-again"
    same "$engine" "$WORK/$engine-again"
    refuses export "$WORK/$engine.backup" --engine "$engine" --data "$WORK/$engine"
    refuses restore "$WORK/$engine.backup" --engine "$engine" --data "$WORK/$engine-again"
    printf 'a backup of the %s engine is restored whole\n' "$engine"
  done
  over_http
  cut_off
}

# A day with a handoff, notes and a large one. $1: the engine.
fill() {
  local session
  api::start --engine "$1" --data "$WORK/$1"
  api::ask ADMIN_API_KEY /v1/ventures/alpha -X PUT -d '{"name":"Alpha","repos":["example-org/alpha"]}' >/dev/null
  session=$(api::ask CONTEXT_API_KEY /v1/sod \
    -d '{"agent":"mac1-claude-1","client":"claude","host":"mac1","venture":"alpha","repo":"example-org/alpha"}' |
    grep -o 'sess_[0-9A-Z]*' | head -n 1)
  api::ask CONTEXT_API_KEY /v1/handoffs \
    -d "{\"session_id\":\"$session\",\"handoff\":{\"summary\":\"so far\",\"status\":\"done\",\"accomplished\":[\"a 'quote' 😀\"]}}" >/dev/null
  api::ask CONTEXT_API_KEY /v1/notes -d '{"title":"Heron","content":"\"stands\" in 10 waters\nand\u0009waits","tags":["bird"]}' >/dev/null
  head -c 400000 /dev/zero | tr '\0' x | sed 's/^/{"title":"Large","content":"/; s/$/"}/' >"$WORK/large"
  api::ask CONTEXT_API_KEY /v1/notes -d "@$WORK/large" >/dev/null
  answers >"$WORK/$1.answers"
  api::stop
}

# What the API says of its records, in its own bytes.
answers() {
  local path
  for path in /v1/ventures /v1/sessions /v1/handoffs /v1/notes '/v1/notes?q=water'; do
    api::ask CONTEXT_API_KEY "$path"
    printf '\n'
  done
}

# $1: the engine; $2: the data that must answer as the engine's own did, and take a note.
same() {
  api::start --engine "$1" --data "$2"
  answers >"$WORK/again"
  api::ask CONTEXT_API_KEY /v1/notes -d '{"title":"Later","content":"a wader"}' >/dev/null
  api::ask CONTEXT_API_KEY '/v1/notes?q=waders' | grep -q '"title":"Later"'
  api::stop
  diff "$WORK/$1.answers" "$WORK/again" >&2
}

over_http() {
  export CLOUDFLARE_API_TOKEN=of-this-test CLOUDFLARE_ACCOUNT_ID=account
  stub "$WORK/worker"
  backup export "$WORK/http.backup" --database some-id
  CLOUDFLARE_API_TOKEN=another refuses export "$WORK/other.backup" --database some-id
  unstub
  diff <(records "$WORK/worker.backup") <(records "$WORK/http.backup") >&2
  stub "$WORK/http-again"
  backup restore "$WORK/http.backup" --database some-id
  refuses restore "$WORK/http.backup" --database some-id
  unstub
  same worker "$WORK/http-again"
  printf 'a backup over the HTTP API of D1 is restored whole\n'
}

# What a backup holds but for its time. $1: the file.
records() {
  tail -n +2 "$1"
}

cut_off() {
  head -n -1 "$WORK/worker.backup" >"$WORK/cut.backup"
  refuses restore "$WORK/cut.backup" --engine worker --data "$WORK/cut"
  head -c 2000 "$WORK/worker.backup" >"$WORK/cut.backup"
  refuses restore "$WORK/cut.backup" --engine worker --data "$WORK/cut"
  printf 'a file that was cut off restores nothing\n'
}

# Starts the stub of Cloudflare. $1: the data of its database.
stub() {
  exec {STUB_INPUT}> >(exec "$(tools::node "$ROOT")" "$ROOT/worker/local/cloudflare-stub.mjs" --data "$1" >"$WORK/stub")
  STUB_PID=$!
  local tries
  for ((tries = 0; tries < 600; tries++)); do
    grep -q '^ready ' "$WORK/stub" 2>/dev/null && break
    sleep 0.1
  done
  CLOUDFLARE_API_BASE_URL=$(sed -n 's/^ready //p' "$WORK/stub")
  export CLOUDFLARE_API_BASE_URL
}

unstub() {
  exec {STUB_INPUT}>&-
  wait "$STUB_PID" || true
  rm "$WORK/stub"
}

backup() {
  "$ROOT/scripts/backup" "$@" 2>"$WORK/said" || { cat "$WORK/said" >&2 && return 1; }
}

# $@: what must be refused without a change.
refuses() {
  if "$ROOT/scripts/backup" "$@" 2>"$WORK/said"; then
    printf 'scripts/backup %s was not refused\n' "$*" >&2
    return 1
  fi
}

main "$@"
