#!/usr/bin/env bash
#
# Tests scripts/backup on both engines and over Cloudflare's HTTP API (a stub in front of a local D1):
#   - a restore contains every record of every table, and the API gives the same answers and search results;
#   - no file or record is overwritten;
#   - a truncated file, or a file of the other engine, restores nothing;
#   - a restore that was killed continues when it is repeated.
# worker/local/backup.test.mjs tests requests that run during an export or a restore.
#
# usage  scripts/lib/test-backup.sh
# env    CARGO_TARGET_DIR  cargo's target folder (default: target)

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
WORK=$(mktemp -d)
STUB_PID=""
NODE=""

# shellcheck source=scripts/lib/install.sh
. "$ROOT/scripts/lib/install.sh"
# shellcheck source=scripts/lib/tools.sh
. "$ROOT/scripts/lib/tools.sh"
# shellcheck source=scripts/lib/running-api.sh
. "$ROOT/scripts/lib/running-api.sh"

main() {
  # shellcheck disable=SC2064  # expand $WORK now
  trap "rm -rf '$WORK'" EXIT
  tools::install_node_packages "$ROOT/worker/local"
  NODE=$(tools::node "$ROOT")
  "$NODE" --experimental-sqlite --test --test-reporter=dot "$ROOT/worker/local/backup.test.mjs" 2>"$WORK/messages" >&2 ||
    { cat "$WORK/messages" >&2 && return 1; }
  local engine
  for engine in embedded worker; do
    fill "$engine"
    backup export "$WORK/$engine.backup" --engine "$engine" --data "$WORK/$engine"
    backup restore "$WORK/$engine.backup" --engine "$engine" --data "$WORK/$engine-again"
    backup export "$WORK/$engine-again.backup" --engine "$engine" --data "$WORK/$engine-again"
    same_records "$WORK/$engine.backup" "$WORK/$engine-again.backup"
    same_answers "$engine" "$WORK/$engine-again"
    refuses export "$WORK/$engine.backup" --engine "$engine" --data "$WORK/$engine"
    refuses restore "$WORK/$engine.backup" --engine "$engine" --data "$WORK/$engine-again"
    printf 'a backup of the %s engine is restored completely\n' "$engine"
  done
  test_http_api
  test_killed_restore
  test_bad_files
  test_full_disk
}

# Creates records in every table: a day that has ended, and one with a handoff that continues. $1: the engine.
fill() {
  local session note
  api::start --engine "$1" --data "$WORK/$1"
  api::ask ADMIN_API_KEY /v1/ventures/alpha -X PUT -d '{"name":"Alpha","repos":["example-org/alpha"]}' >/dev/null
  api::ask ADMIN_API_KEY /v1/ventures/over -X PUT -d '{"name":"Over"}' >/dev/null
  api::ask ADMIN_API_KEY /v1/ventures/over -X DELETE >/dev/null
  session=$(session_of mac1-claude-1)
  ask /v1/eod -d "{\"session_id\":\"$session\",\"keep_open\":true,\"handoff\":{\"summary\":\"so far\",\"status\":\"in_progress\"}}"
  ask /v1/handoffs -d "{\"session_id\":\"$session\",\"handoff\":{\"summary\":\"more\",\"status\":\"done\",\"accomplished\":[\"a 'quote' 😀\"]}}"
  fill_mesh "$session"
  session=$(session_of mac1-claude-2)
  ask /v1/eod -d "{\"session_id\":\"$session\",\"handoff\":{\"summary\":\"all\",\"status\":\"done\"}}"
  fill_notes
  fill_docs
  ask /v1/machines/mac1 -X PUT -d '{"os":"linux","arch":"x86_64","tailscale_ip":"100.64.0.7","user":"dev","ssh_public_key":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPIf+hLT5ten+/HeZHAl8g8BPY5APK6zF9QFtix/FENF"}'
  api::ask ADMIN_API_KEY /v1/tokens -d '{"name":"a token","scopes":["context"],"venture":"alpha"}' >/dev/null
  answers >"$WORK/$1.answers"
  # The embedded engine may be in use; the local Worker must not run.
  [[ $1 != embedded ]] || backup export "$WORK/in-use.backup" --engine "$1" --data "$WORK/$1"
  api::stop
}

# $1: the session of an agent.
fill_mesh() {
  local fence="\"session_id\":\"$1\",\"epoch\":1"
  ask /v1/messages -d "{$fence,\"to\":[\"human\"],\"kind\":\"note\",\"body\":\"a heron 😀\"}"
  ask /v1/claims -X PUT -d "{$fence,\"repo\":\"example-org/alpha\",\"subjects\":[\"issue:7\"]}"
  ask /v1/state/alpha/bird -X PUT -H 'If-None-Match: *' -d "{$fence,\"value\":{\"colour\":\"grey\"}}"
}

fill_notes() {
  local note
  # Some programs treat U+2028 as the end of a line.
  ask /v1/notes -d '{"title":"Heron","content":"\"stands\" in 10 waters\nand\u0009waits\u2028here","tags":["bird"],"venture":"alpha"}'
  head -c 400000 /dev/zero | tr '\0' x | sed 's/^/{"title":"Large","content":"/; s/$/"}/' >"$WORK/large"
  ask /v1/notes -d "@$WORK/large"
  note=$(api::ask CONTEXT_API_KEY /v1/notes -d '{"title":"Old","content":"of no use","tags":["bird"]}' | grep -o 'note_[0-9A-Z]*' | head -n 1)
  ask "/v1/notes/$note/archive" -X POST
}

fill_docs() {
  local n
  for n in 1 2 2; do
    api::ask ADMIN_API_KEY /v1/docs/alpha/api.md -X PUT -d "{\"content\":\"# The API $n\"}" >/dev/null
  done
  api::ask ADMIN_API_KEY /v1/docs/global/gone.md -X PUT -d '{"content":"# Gone"}' >/dev/null
  api::ask ADMIN_API_KEY /v1/docs/global/gone.md -X DELETE >/dev/null
  api::ask ADMIN_API_KEY /v1/doc-requirements -X PUT -d '{"name_pattern":"runbook-*.md","venture":"alpha"}' >/dev/null
  api::ask ADMIN_API_KEY /v1/doc-requirements/req_00000000000000000000000003 -X DELETE >/dev/null
}

# Starts a day and prints its session. $1: the agent.
session_of() {
  api::ask CONTEXT_API_KEY /v1/sod \
    -d "{\"agent\":\"$1\",\"client\":\"claude\",\"host\":\"mac1\",\"venture\":\"alpha\",\"repo\":\"example-org/alpha\"}" |
    grep -o 'sess_[0-9A-Z]*' | head -n 1
}

# Sends a request as an agent and discards the answer. $@: the path; then options for curl.
ask() {
  api::ask CONTEXT_API_KEY "$@" >/dev/null
}

# Prints the unchanged answers of the API about its records.
answers() {
  local path
  for path in /v1/ventures /v1/sessions /v1/handoffs /v1/notes '/v1/notes?archived=true' '/v1/notes?q=water' '/v1/docs?scope=alpha' \
    /v1/docs/alpha/api.md/versions /v1/docs/global/gone.md/versions /v1/machines /v1/doc-requirements; do
    api::ask CONTEXT_API_KEY "$path"
    printf '\n'
  done
  api::ask ADMIN_API_KEY /v1/tokens
}

# Fails unless the API on restored data gives the same answers as before and accepts a new note. $1: the engine; $2: the
# folder of the restored data.
same_answers() {
  api::start --engine "$1" --data "$2"
  answers >"$WORK/again"
  ask /v1/notes -d '{"title":"Later","content":"a wader"}'
  api::ask CONTEXT_API_KEY '/v1/notes?q=waders' | grep -q '"title":"Later"'
  api::stop
  diff "$WORK/$1.answers" "$WORK/again" >&2
}

test_http_api() {
  export CLOUDFLARE_API_TOKEN=of-this-test CLOUDFLARE_ACCOUNT_ID=account
  start_stub "$WORK/worker"
  backup export "$WORK/http.backup" --database some-id
  CLOUDFLARE_API_TOKEN=another refuses export "$WORK/other.backup" --database some-id
  stop_stub
  same_records "$WORK/worker.backup" "$WORK/http.backup"
  start_stub "$WORK/http-again"
  backup restore "$WORK/http.backup" --database some-id
  refuses restore "$WORK/http.backup" --database some-id
  stop_stub
  same_answers worker "$WORK/http-again"
  printf 'a backup over the HTTP API of D1 is restored completely\n'
}

# Fails unless two backups contain the same records. Also fails if a table has no record, because the test would then
# prove nothing about that table. Exceptions: the tables of refusals are always empty, notes_to_index has rows only
# during a migration, record_moves only once records have moved, sweep_runs needs a Cron Trigger, which does not fire here,
# and github_deliveries and classifications need GitHub. $1, $2: the files.
same_records() {
  local empty
  lines "$1" >"$WORK/one"
  lines "$2" >"$WORK/two"
  empty=$(tail -n 1 "$WORK/one" | grep -o '"[a-z_]*":0' | grep -v 'refusals"\|"sweep_runs"\|"notes_to_index"\|"record_moves"\|"github_deliveries"\|"classifications"' || true)
  [[ -z $empty ]] || { printf 'the test has created no record in %s\n' "$empty" >&2 && return 1; }
  # Skip the first line, because it contains the time.
  diff <(tail -n +2 "$WORK/one") <(tail -n +2 "$WORK/two") >&2
}

# Prints a backup with one record per line. $1: the file.
lines() {
  if head -c 15 "$1" | grep -q 'SQLite format 3'; then
    "$NODE" --experimental-sqlite --disable-warning=ExperimentalWarning "$ROOT/worker/local/sqlite-d1.mjs" "$1"
  else
    cat "$1"
  fi
}

# Kills a restore at three points (in the migrations, in the rows, at the end) and repeats it.
test_killed_restore() {
  local requests pid
  for requests in 5 30 50; do
    start_stub "$WORK/killed-$requests" --stall "$requests"
    "$ROOT/scripts/backup" restore "$WORK/http.backup" --database some-id 2>"$WORK/messages" &
    pid=$!
    await_stub stalled
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || true
    stop_stub
    start_stub "$WORK/killed-$requests"
    refuses export "$WORK/half.backup" --database some-id
    backup restore "$WORK/http.backup" --database some-id
    grep -q 'continuing an interrupted restore' "$WORK/messages"
    backup export "$WORK/killed.backup" --database some-id
    stop_stub
    same_records "$WORK/http.backup" "$WORK/killed.backup"
    rm "$WORK/killed.backup"
  done
  printf 'a restore that was killed continues when it is repeated\n'
}

test_bad_files() {
  head -n -1 "$WORK/worker.backup" >"$WORK/cut.backup"
  refuses restore "$WORK/cut.backup" --engine worker --data "$WORK/cut"
  head -c 2000 "$WORK/worker.backup" >"$WORK/cut.backup"
  refuses restore "$WORK/cut.backup" --engine worker --data "$WORK/cut"
  refuses restore "$WORK/worker.backup" --engine embedded --data "$WORK/other"
  refuses restore "$WORK/embedded.backup" --engine worker --data "$WORK/other"
  grep -q 'restore it with --engine embedded' "$WORK/messages"
  printf 'a truncated file or a file of the other engine restores nothing\n'
}

# Restores with a growing limit on the file size, as on a full disk. Each restore is complete or leaves no file.
test_full_disk() {
  local server=${CARGO_TARGET_DIR:-$ROOT/target}/release/deckwatch-server blocks code=1
  for ((blocks = 100; code != 0 && blocks < 20000; blocks += 50)); do
    rm -rf "$WORK/narrow"
    code=0
    # With SIGXFSZ ignored, a write beyond the limit fails, as on a full disk.
    (trap '' XFSZ && ulimit -f "$blocks" && exec "$server" --data "$WORK/narrow" restore "$WORK/embedded.backup" 2>"$WORK/messages") || code=$?
    [[ $code == 0 || -z "$(ls -A "$WORK/narrow")" ]] || { ls -lA "$WORK/narrow" >&2 && return 1; }
  done
  ((blocks > 150)) || { printf 'the smallest limit was large enough, so nothing was tested\n' >&2 && return 1; }
  backup export "$WORK/narrow.backup" --engine embedded --data "$WORK/narrow"
  same_records "$WORK/embedded.backup" "$WORK/narrow.backup"
  printf 'a restore on a full disk leaves no file\n'
}

# Starts the stub of Cloudflare's API. $1: the folder of its database; then more options.
start_stub() {
  exec {STUB_INPUT}> >(exec "$NODE" "$ROOT/worker/local/cloudflare-stub.mjs" --data "$@" >"$WORK/stub")
  STUB_PID=$!
  await_stub 'ready '
  CLOUDFLARE_API_BASE_URL=$(sed -n 's/^ready //p' "$WORK/stub")
  export CLOUDFLARE_API_BASE_URL
}

# Waits until the stub has printed a line that begins with $1.
await_stub() {
  local tries
  for ((tries = 0; tries < 600; tries++)); do
    grep -q "^$1" "$WORK/stub" 2>/dev/null && return
    sleep 0.1
  done
  printf "the stub did not print '%s' within 60 s\n" "$1" >&2
  return 1
}

stop_stub() {
  exec {STUB_INPUT}>&-
  wait "$STUB_PID" || true
  rm "$WORK/stub"
}

backup() {
  "$ROOT/scripts/backup" "$@" 2>"$WORK/messages" || { cat "$WORK/messages" >&2 && return 1; }
}

# Fails unless scripts/backup refuses its arguments. $@: the arguments.
refuses() {
  if "$ROOT/scripts/backup" "$@" 2>"$WORK/messages"; then
    printf 'scripts/backup %s was not refused\n' "$*" >&2
    return 1
  fi
}

main "$@"
