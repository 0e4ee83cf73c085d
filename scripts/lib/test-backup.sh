#!/usr/bin/env bash
#
# Proves scripts/backup on both engines and over Cloudflare's HTTP API, for which a stub stands in front of a
# local D1: what was exported is restored, every record of every table, and answers and is searched again; nothing is
# written over, a file that was cut off or is of the other engine restores nothing, and a restore that was killed
# goes on when it is repeated. What two requests do to each other is tested in worker/local/backup.test.mjs.
#
# usage  scripts/lib/test-backup.sh
# env    CARGO_TARGET_DIR  where cargo builds (target)

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
  # shellcheck disable=SC2064  # the folder of now
  trap "rm -rf '$WORK'" EXIT
  tools::install_node_packages "$ROOT/worker/local"
  NODE=$(tools::node "$ROOT")
  "$NODE" --experimental-sqlite --test --test-reporter=dot "$ROOT/worker/local/backup.test.mjs" 2>"$WORK/said" >&2 ||
    { cat "$WORK/said" >&2 && return 1; }
  local engine
  for engine in embedded worker; do
    fill "$engine"
    backup export "$WORK/$engine.backup" --engine "$engine" --data "$WORK/$engine"
    backup restore "$WORK/$engine.backup" --engine "$engine" --data "$WORK/$engine-again"
    backup export "$WORK/$engine-again.backup" --engine "$engine" --data "$WORK/$engine-again"
    same_records "$WORK/$engine.backup" "$WORK/$engine-again.backup"
    same "$engine" "$WORK/$engine-again"
    refuses export "$WORK/$engine.backup" --engine "$engine" --data "$WORK/$engine"
    refuses restore "$WORK/$engine.backup" --engine "$engine" --data "$WORK/$engine-again"
    printf 'a backup of the %s engine is restored whole\n' "$engine"
  done
  over_http
  killed
  no_backup
  no_room
}

# A day with a handoff that goes on and one that has ended, and something in every table. $1: the engine.
fill() {
  local session note
  api::start --engine "$1" --data "$WORK/$1"
  api::ask ADMIN_API_KEY /v1/ventures/alpha -X PUT -d '{"name":"Alpha","repos":["example-org/alpha"]}' >/dev/null
  api::ask ADMIN_API_KEY /v1/ventures/over -X PUT -d '{"name":"Over"}' >/dev/null
  api::ask ADMIN_API_KEY /v1/ventures/over -X DELETE >/dev/null
  session=$(session_of mac1-claude-1)
  ask /v1/eod -d "{\"session_id\":\"$session\",\"keep_open\":true,\"handoff\":{\"summary\":\"so far\",\"status\":\"in_progress\"}}"
  ask /v1/handoffs -d "{\"session_id\":\"$session\",\"handoff\":{\"summary\":\"more\",\"status\":\"done\",\"accomplished\":[\"a 'quote' 😀\"]}}"
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

fill_notes() {
  local note
  # U+2028 ends a line for some readers.
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

# What an agent does, whatever the answer says of it. $@: the path; then what curl needs more.
ask() {
  api::ask CONTEXT_API_KEY "$@" >/dev/null
}

# What the API says of its records, in its own bytes.
answers() {
  local path
  for path in /v1/ventures /v1/sessions /v1/handoffs /v1/notes '/v1/notes?archived=true' '/v1/notes?q=water' '/v1/docs?scope=alpha' \
    /v1/docs/alpha/api.md/versions /v1/docs/global/gone.md/versions /v1/machines /v1/doc-requirements; do
    api::ask CONTEXT_API_KEY "$path"
    printf '\n'
  done
  api::ask ADMIN_API_KEY /v1/tokens
}

# $1: the engine; $2: the data that must answer as the engine's own did, and take a note.
same() {
  api::start --engine "$1" --data "$2"
  answers >"$WORK/again"
  ask /v1/notes -d '{"title":"Later","content":"a wader"}'
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
  same_records "$WORK/worker.backup" "$WORK/http.backup"
  stub "$WORK/http-again"
  backup restore "$WORK/http.backup" --database some-id
  refuses restore "$WORK/http.backup" --database some-id
  unstub
  same worker "$WORK/http-again"
  printf 'a backup over the HTTP API of D1 is restored whole\n'
}

# Fails unless two backups hold the same records, and some of each table: else nothing is proved of it. The refusals are
# empty for ever, notes wait to be indexed behind a migration alone, and on this machine nothing fires the Worker's Cron Trigger. $1, $2: the files.
same_records() {
  local empty
  lines "$1" >"$WORK/one"
  lines "$2" >"$WORK/two"
  empty=$(tail -n 1 "$WORK/one" | grep -o '"[a-z_]*":0' | grep -v 'refusals"\|"sweep_runs"\|"notes_to_index"' || true)
  [[ -z $empty ]] || { printf 'the test has no record in %s\n' "$empty" >&2 && return 1; }
  # The first line has the time.
  diff <(tail -n +2 "$WORK/one") <(tail -n +2 "$WORK/two") >&2
}

# Prints a backup with one record a line. $1: the file.
lines() {
  if head -c 15 "$1" | grep -q 'SQLite format 3'; then
    "$NODE" --experimental-sqlite --disable-warning=ExperimentalWarning "$ROOT/worker/local/sqlite-d1.mjs" "$1"
  else
    cat "$1"
  fi
}

# A restore that is killed in the middle is repeated: after some requests, the rows between migrations and the end.
killed() {
  local requests pid
  for requests in 5 30 50; do
    stub "$WORK/killed-$requests" --stall "$requests"
    "$ROOT/scripts/backup" restore "$WORK/http.backup" --database some-id 2>"$WORK/said" &
    pid=$!
    stub_says stalled
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || true
    unstub
    stub "$WORK/killed-$requests"
    refuses export "$WORK/half.backup" --database some-id
    backup restore "$WORK/http.backup" --database some-id
    grep -q 'going on with a restore that broke off' "$WORK/said"
    backup export "$WORK/killed.backup" --database some-id
    unstub
    same_records "$WORK/http.backup" "$WORK/killed.backup"
    rm "$WORK/killed.backup"
  done
  printf 'a restore that was killed goes on when it is repeated\n'
}

no_backup() {
  head -n -1 "$WORK/worker.backup" >"$WORK/cut.backup"
  refuses restore "$WORK/cut.backup" --engine worker --data "$WORK/cut"
  head -c 2000 "$WORK/worker.backup" >"$WORK/cut.backup"
  refuses restore "$WORK/cut.backup" --engine worker --data "$WORK/cut"
  refuses restore "$WORK/worker.backup" --engine embedded --data "$WORK/other"
  refuses restore "$WORK/embedded.backup" --engine worker --data "$WORK/other"
  grep -q 'restore it with --engine embedded' "$WORK/said"
  printf 'a file that was cut off or is of the other engine restores nothing\n'
}

# However little room there is for a file, a restore is whole or leaves nothing.
no_room() {
  local server=${CARGO_TARGET_DIR:-$ROOT/target}/release/deckwatch-server blocks said=1
  for ((blocks = 100; said != 0 && blocks < 20000; blocks += 50)); do
    rm -rf "$WORK/narrow"
    said=0
    # A signal that is ignored is an error of the write, as a full disk is.
    (trap '' XFSZ && ulimit -f "$blocks" && exec "$server" --data "$WORK/narrow" restore "$WORK/embedded.backup" 2>"$WORK/said") || said=$?
    [[ $said == 0 || -z "$(ls -A "$WORK/narrow")" ]] || { ls -lA "$WORK/narrow" >&2 && return 1; }
  done
  ((blocks > 150)) || { printf 'there was room from the start\n' >&2 && return 1; }
  backup export "$WORK/narrow.backup" --engine embedded --data "$WORK/narrow"
  same_records "$WORK/embedded.backup" "$WORK/narrow.backup"
  printf 'a restore without room leaves nothing\n'
}

# Starts the stub of Cloudflare. $1: the data of its database; then what it is told more.
stub() {
  exec {STUB_INPUT}> >(exec "$NODE" "$ROOT/worker/local/cloudflare-stub.mjs" --data "$@" >"$WORK/stub")
  STUB_PID=$!
  stub_says 'ready '
  CLOUDFLARE_API_BASE_URL=$(sed -n 's/^ready //p' "$WORK/stub")
  export CLOUDFLARE_API_BASE_URL
}

# Waits until the stub has said a line that begins so. $1: how.
stub_says() {
  local tries
  for ((tries = 0; tries < 600; tries++)); do
    grep -q "^$1" "$WORK/stub" 2>/dev/null && return
    sleep 0.1
  done
  printf 'the stub has not said %s\n' "$1" >&2
  return 1
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
