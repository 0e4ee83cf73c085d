# shellcheck shell=bash
#
# Runs scripts/api in the background and sends requests to it with curl. Source it; it only defines functions.
#
# needs  ROOT, the root of the checkout; WORK, a temporary folder; curl

API_URL=""
API_PID=""

# Starts scripts/api, which generates its keys. $@: its arguments.
api::start() {
  # Empty the file first: api::await_ready may read it before the new process opens it, and must not find the output of
  # an earlier API.
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
  printf 'the API did not start:\n' >&2
  cat "$WORK/err" >&2
  return 1
}

# Stops the API. Fails if its exit code is not 0, if it printed more than one line, or if it still answers.
api::stop() {
  kill "$API_PID"
  wait "$API_PID" || { printf 'the API ended with exit code %d\n' "$?" && return 1; }
  [[ $(wc -l <"$WORK/out") == 1 ]] || { printf 'the API printed more than one line on standard output:\n' && cat "$WORK/out" && return 1; }
  ! curl --silent --max-time 1 "$API_URL/health" >/dev/null || { printf 'the API still answers after its end\n' && return 1; }
}

# Prints a key that scripts/api has generated. $1: its variable.
api::key() {
  sed -n "s/^api: $1=\([0-9a-f]\{64\}\) .*/\1/p" "$WORK/err"
}

# Sends a request. $1: the variable of the key; $2: the path; then options for curl.
api::ask() {
  local key path=$2
  key=$(api::key "$1")
  shift 2
  curl --silent --show-error --fail-with-body -H "Authorization: Bearer $key" -H 'Content-Type: application/json' \
    -H "Idempotency-Key: $(od -An -v -tx1 -N16 /dev/urandom | tr -d ' \n')" "$API_URL$path" "$@"
}
