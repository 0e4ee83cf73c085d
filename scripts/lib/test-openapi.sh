#!/usr/bin/env bash
#
# Holds both engines against the OpenAPI document that they serve: schemathesis makes requests from it, good and
# bad, alone and in sequences along its links, and checks every answer.
#
# usage  scripts/lib/test-openapi.sh [embedded|worker] [--seed N]
#          --seed  makes the same requests again; without it they are others every time
# env    CARGO_TARGET_DIR  where cargo builds (target)

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
  # shellcheck disable=SC2064  # the folder of now
  trap "kill \$API_PID 2>/dev/null || true; rm -rf '$WORK'" EXIT
  export RATE_LIMIT_PER_MINUTE=1000000
  for engine in "${engines[@]}"; do
    api::start --engine "$engine" --data "$WORK/$engine"
    # Codes that are made up most often, so that days start.
    for venture in 0 1 2 a aa; do
      api::ask ADMIN_API_KEY "/v1/ventures/$venture" -X PUT -d '{"name":"A venture"}' >/dev/null
    done
    fill
    play_typed
    hold --phases examples,coverage,fuzzing --max-examples 40 "$@"
    # Along the links, from answer to answer.
    hold --phases stateful --max-examples 300 "$@"
    api::stop
    printf 'the %s engine is what its OpenAPI document says\n' "$engine"
  done
}

# A client in TypeScript that is made from the document: the compiler checks what it sends and reads, then it runs.
play_typed() {
  local node client=$WORK/client
  node=$(tools::node "$ROOT")
  mkdir -p "$client"
  ln -sfn "$(install::dir)/openapi/node_modules" "$client/node_modules"
  cp "$ROOT"/tests/openapi/{package.json,tsconfig.json,day.ts} "$client"
  (
    cd "$client"
    # What has a default may be left out.
    "$node" node_modules/.bin/openapi-typescript "$API_URL/openapi.json" --default-non-nullable=false -o api.d.ts >/dev/null
    "$node" node_modules/.bin/tsc --project .
    CONTEXT_API_KEY=$(api::key CONTEXT_API_KEY) ADMIN_API_KEY=$(api::key ADMIN_API_KEY) \
      "$node" --disable-warning=ExperimentalWarning day.ts "$API_URL"
  )
}

# One record of each kind, so that a list leads somewhere.
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

# $@: options of schemathesis.
hold() {
  cat >"$WORK/schemathesis.toml" <<EOF
headers = { Authorization = "Bearer \${ADMIN_API_KEY}" }

# A request that fits its schema may still meet a rule about records: an id that names nothing, a version that is
# another by now, a venture that nobody registered.
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "304", "403", "404", "409", "412", "413", "422"]
# What does not fit is refused, if only for its size.
negative_data_rejection.expected-statuses = ["400", "401", "403", "404", "405", "409", "412", "413", "415", "422"]

# No schema says that a cursor belongs to its list, that a window ends after it begins or an expiry is to come, what
# free JSON may not hold however deep it nests; and a text of 500 KB is more than is made up here.
[[operations]]
include-name-regex = "^(GET .*|POST /v1/(tokens|notes|sod|eod|handoffs)|PUT /v1/(docs|machines)/.*|PATCH /v1/sessions/.*)$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "304", "400", "403", "404", "409", "412", "413", "422"]
EOF
  (
    cd "$WORK"
    ADMIN_API_KEY=$(api::key ADMIN_API_KEY) "$(install::dir)/schemathesis/bin/schemathesis" run "$API_URL/openapi.json" \
      --workers 2 --request-timeout 10 --no-color "$@" >report 2>&1
  ) || { cat "$WORK/report" && return 1; }
  grep -oE 'API Links: .*selected|[0-9,]+ generated.*' "$WORK/report"
}

main "$@"
