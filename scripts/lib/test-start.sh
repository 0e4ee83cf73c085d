#!/usr/bin/env bash
#
# Proves the README's first command: in a fresh clone, in a folder with a space in its name, with an empty home and
# no configuration, scripts/start installs the programs and plays a day on the repository it stands in. With an
# agent's tool on PATH, here one that only says how it was started, it becomes that agent, also where the repository
# one stands in names another toolchain.
#
# usage  scripts/lib/test-start.sh
# env    CARGO_TARGET_DIR  where cargo builds; kept, so that dependencies are not built again

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

main() {
  local work home clone
  work=$(mktemp -d)
  clone="$work/a clone"
  # shellcheck disable=SC2064  # the folder of now
  trap "rm -rf '$work'" EXIT
  home=$work/home
  mkdir "$home"
  git clone --quiet "$ROOT" "$clone"
  (cd "$clone" && hermetic "$home" "" ./scripts/start) >"$work/out" 2>&1 || { cat "$work/out" && return 1; }
  expect "$work/out" 'npm install -g @anthropic-ai/claude-code'
  expect "$work/out" "$(git -C "$ROOT" log -1 --format=%s | cut -c 1-60)"
  expect "$home/.local/state/deckwatch/install" "checkout=$clone"
  for program in launcher deckwatch-mcp deckwatch-server; do
    "$home/.local/bin/$program" --version >/dev/null
  done
  install_agent "$home/.local/bin/claude"
  git init --quiet --initial-branch=main "$work/project"
  printf '[toolchain]\nchannel = "1.70.0"\n' >"$work/project/rust-toolchain.toml"
  (cd "$work/project" && hermetic "$home" "$home/.local/bin:" "$clone/scripts/start" -- -p hello) >"$work/out" 2>&1 ||
    { cat "$work/out" && return 1; }
  expect "$work/out" 'claude was started'
  expect "$work/out" '-p hello'
  expect "$work/out" "in $work/project"
  printf 'a fresh clone installs itself, plays a day and starts an agent\n'
}

# $1: where.
install_agent() {
  # shellcheck disable=SC2016  # the agent's own variables
  printf '#!/bin/sh\nprintf "claude was started in %%s as %%s with %%s\\n" "$PWD" "$DECKWATCH_AGENT" "$*"\n' >"$1"
  chmod +x "$1"
}

# Runs a command with an empty home. Cargo and rustup live in the real one. $1: the home; $2: what PATH begins
# with; then the command.
hermetic() {
  local home=$1 first=$2
  shift 2
  env -i HOME="$home" PATH="$first$(path_without_agents)" TERM=dumb NO_COLOR=1 LANG="${LANG-C.UTF-8}" \
    CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" \
    CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$ROOT/target}" "$@"
}

# The machine's own agents are nobody's business here.
path_without_agents() {
  local folder kept=""
  while IFS= read -r -d : folder; do
    [[ -x $folder/claude || -x $folder/gemini || -x $folder/codex ]] || kept+=$folder:
  done <<<"$PATH:"
  printf '%s\n' "${kept%:}"
}

# $1: a file; $2: a text that must be in it.
expect() {
  grep -qF -- "$2" "$1" || { printf 'the output lacks: %s\n' "$2" && cat "$1" && return 1; } >&2
}

main "$@"
