# shellcheck shell=bash
#
# Runs the built Worker in the background for the tests: with generated keys, a rate limit that the suite does not reach
# and an open control port. Source it after tools.sh; it only defines functions.

WORKER_PID=""
WORKER_DIR=""

# Starts the Worker and exports the variables that the tests read. $1: root of the checkout.
worker::start() {
  local root=$1 node
  node=$(tools::node "$root")
  WORKER_DIR=$(mktemp -d)
  export CONTEXT_API_KEY ADMIN_API_KEY RATE_LIMIT_PER_MINUTE=1000000
  CONTEXT_API_KEY=$(worker::key) ADMIN_API_KEY=$(worker::key)
  "$node" "$root/worker/local/serve.mjs" --port 0 --data "$WORKER_DIR/data" --control "$WORKER_DIR/control" \
    >"$WORKER_DIR/out" 2>"$WORKER_DIR/log" &
  WORKER_PID=$!
  worker::await_ready
  DECKWATCH_TEST_URL=$(sed -n 's/^ready //p' "$WORKER_DIR/out")
  DECKWATCH_TEST_CONTROL=http://127.0.0.1:$(cat "$WORKER_DIR/control")
  export DECKWATCH_TEST_URL DECKWATCH_TEST_CONTROL
}

worker::stop() {
  [[ -z $WORKER_PID ]] && return
  kill "$WORKER_PID" 2>/dev/null || true
  wait "$WORKER_PID" 2>/dev/null || true
  rm -rf "$WORKER_DIR"
  WORKER_PID="" WORKER_DIR=""
  unset DECKWATCH_TEST_URL DECKWATCH_TEST_CONTROL
}

# Waits for the line `ready URL`. Fails after 60 s or if the process has ended.
worker::await_ready() {
  local tries
  : >>"$WORKER_DIR/out"
  for ((tries = 0; tries < 600; tries++)); do
    grep -q '^ready ' "$WORKER_DIR/out" && return
    kill -0 "$WORKER_PID" 2>/dev/null || break
    sleep 0.1
  done
  printf 'the Worker did not start:\n' >&2
  cat "$WORKER_DIR/log" >&2
  return 1
}

worker::key() {
  od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n'
}
