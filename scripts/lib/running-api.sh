# shellcheck shell=bash
#
# The API running in the background, and curl to ask it. To be sourced: it only defines functions.
#
# needs  ROOT, the checkout; WORK, a folder of the run; curl

API_URL=""
API_PID=""

# Starts scripts/api with keys that it makes. $@: its arguments.
api::start() {
  # The job may open it only after it was looked at: what an earlier API said there is not this one's word.
  : >"$WORK/out"
  env -u CONTEXT_API_KEY -u ADMIN_API_KEY "$ROOT/scripts/api" --port 0 "$@" >"$WORK/out" 2>"$WORK/err" &
  API_PID=$!
  api::await_ready
  API_URL=$(sed -n 's/^ready //p' "$WORK/out")
}

api::await_ready() {
  local tries
  for ((tries = 0; tries < 6000; tries++)); do
    grep -q '^ready http://127.0.0.1:' "$WORK/out" && return
    kill -0 "$API_PID" 2>/dev/null || break
    sleep 0.1
  done
  cat "$WORK/err" >&2
  return 1
}

# Ends it, and fails unless it ends well and leaves nothing.
api::stop() {
  kill "$API_PID"
  wait "$API_PID" || { printf 'the API ended with %d\n' "$?" && return 1; }
  [[ $(wc -l <"$WORK/out") == 1 ]] || { printf 'more than one line on standard output:\n' && cat "$WORK/out" && return 1; }
  ! curl --silent --max-time 1 "$API_URL/health" >/dev/null || { printf 'the API still serves\n' && return 1; }
}

# Prints a key that was made for this run. $1: its variable.
api::key() {
  sed -n "s/^api: $1=\([0-9a-f]\{64\}\) .*/\1/p" "$WORK/err"
}

# $1: the variable of a key; $2: the path; then what curl needs more.
api::ask() {
  local key path=$2
  key=$(api::key "$1")
  shift 2
  curl --silent --show-error --fail-with-body -H "Authorization: Bearer $key" -H 'Content-Type: application/json' \
    -H "Idempotency-Key: $(od -An -v -tx1 -N16 /dev/urandom | tr -d ' \n')" "$API_URL$path" "$@"
}
