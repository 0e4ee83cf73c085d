#!/usr/bin/env bash
#
# Tests both engines against the OpenAPI document that they serve. schemathesis generates valid and invalid requests,
# single and in sequences along the document's links, and checks every answer.
#
# usage  scripts/lib/test-openapi.sh [embedded|worker] [--seed N]
#          --seed  the seed of the generator; without it, every run sends other requests
# env    CARGO_TARGET_DIR  cargo's target folder (default: target)

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
WORK=$(mktemp -d)

# shellcheck source=scripts/lib/tools.sh
. "$ROOT/scripts/lib/tools.sh"
# shellcheck source=scripts/lib/running-api.sh
. "$ROOT/scripts/lib/running-api.sh"

main() {
  local engine venture
  local -a engines=(embedded worker)
  [[ "${1-}" == embedded || "${1-}" == worker ]] && engines=("$1") && shift
  # shellcheck disable=SC2064  # expand $WORK now
  trap "kill \$API_PID 2>/dev/null || true; rm -rf '$WORK'" EXIT
  export RATE_LIMIT_PER_MINUTE=1000000
  for engine in "${engines[@]}"; do
    api::start --engine "$engine" --data "$WORK/$engine"
    # The codes that schemathesis generates most often, so that some generated days start.
    for venture in 0 1 2 a aa; do
      api::ask ADMIN_API_KEY "/v1/ventures/$venture" -X PUT -d '{"name":"A venture"}' >/dev/null
    done
    fill
    run_typescript_client
    run_schemathesis --phases examples,coverage,fuzzing --max-examples 40 "$@"
    # Follows the links from one answer to the next request.
    run_schemathesis --phases stateful --max-examples 300 "$@"
    api::stop
    printf 'the %s engine conforms to its OpenAPI document\n' "$engine"
  done
}

# Generates a TypeScript client from the document, compiles a program that uses it, and runs that program.
run_typescript_client() {
  local node client=$WORK/client
  node=$(tools::node "$ROOT")
  mkdir -p "$client"
  ln -sfn "$(install::dir)/openapi/node_modules" "$client/node_modules"
  cp "$ROOT"/tests/openapi/{package.json,tsconfig.json,day.ts} "$client"
  (
    cd "$client"
    # The option makes fields with a default optional.
    "$node" node_modules/.bin/openapi-typescript "$API_URL/openapi.json" --default-non-nullable=false -o api.d.ts >/dev/null
    "$node" node_modules/.bin/tsc --project .
    CONTEXT_API_KEY=$(api::key CONTEXT_API_KEY) ADMIN_API_KEY=$(api::key ADMIN_API_KEY) \
      "$node" --disable-warning=ExperimentalWarning day.ts "$API_URL"
  )
}

# Creates one record of each kind, so that no list is empty.
fill() {
  local key
  key="ssh-ed25519 $(printf '\0\0\0\013ssh-ed25519\0\0\0\040%032d' 7 | base64 | tr -d "\n")"
  {
    api::ask CONTEXT_API_KEY /v1/sod -d '{"agent":"a","client":"claude","host":"a","venture":"a","repo":"a/a"}'
    api::ask CONTEXT_API_KEY /v1/notes -d '{"title":"A note","content":"A text","venture":"a"}'
    api::ask ADMIN_API_KEY /v1/docs/a/a -X PUT -d '{"content":"A text"}'
    api::ask CONTEXT_API_KEY /v1/machines/a -X PUT \
      -d "{\"os\":\"linux\",\"arch\":\"x86_64\",\"tailscale_ip\":\"100.64.0.7\",\"user\":\"a\",\"ssh_public_key\":\"$key\"}"
  } >/dev/null
}

# $@: options for schemathesis.
run_schemathesis() {
  cat >"$WORK/schemathesis.toml" <<EOF
headers = { Authorization = "Bearer \${ADMIN_API_KEY}" }

# A request that is valid by its schema may still break a rule about records: an unknown id, an old version, a venture
# that is not registered, an event that does not exist yet. A key of the shared state needs one of two headers.
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "304", "403", "404", "409", "410", "412", "413", "422", "428"]
# The API refuses every request that is invalid by its schema; a too large body with 413.
negative_data_rejection.expected-statuses = ["400", "401", "403", "404", "405", "409", "412", "413", "415", "422"]

# These operations may also answer 400, because a schema can't express some rules: a cursor belongs to one list, a time
# window ends after it begins, an expiry is in the future, some values are forbidden at any depth of free JSON. A message has
# a body or is sealed, and some fields of a claim or a report need a reason.
# schemathesis does not generate texts as long as 500 KB.
[[operations]]
include-name-regex = "^(GET .*|POST /v1/(tokens|notes|sod|eod|handoffs|messages|inbox/report)|PUT /v1/claims|PUT /v1/(docs|machines|state)/.*|PATCH /v1/sessions/.*)$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "304", "400", "403", "404", "409", "410", "412", "413", "422", "428"]
EOF
  (
    cd "$WORK"
    ADMIN_API_KEY=$(api::key ADMIN_API_KEY) "$(install::dir)/schemathesis/bin/schemathesis" run "$API_URL/openapi.json" \
      --workers 2 --request-timeout 10 --no-color "$@" >report 2>&1
  ) || { cat "$WORK/report" && return 1; }
  grep -oE 'API Links: .*selected|[0-9,]+ generated.*' "$WORK/report"
}

main "$@"
