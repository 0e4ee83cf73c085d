#!/usr/bin/env bash
#
# Tests the README's first command, scripts/start, in a fresh clone whose path contains a space, with an empty home and
# no configuration:
#   - without an agent CLI on PATH, it installs the programs and runs the demonstration on the current repository;
#   - with an agent CLI on PATH (here a script that prints its arguments), it starts that CLI, also if the current
#     repository pins another Rust toolchain.
#
# usage  scripts/lib/test-start.sh
# env    CARGO_TARGET_DIR  cargo's target folder; it is reused, so that cargo does not build the dependencies again

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

main() {
  local work home clone
  work=$(mktemp -d)
  clone="$work/a clone"
  # shellcheck disable=SC2064  # expand $work now
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
  printf 'scripts/start installs from a fresh clone, runs the demonstration and starts an agent\n'
}

# Writes an agent CLI that prints how it was started. $1: its path.
install_agent() {
  # shellcheck disable=SC2016  # the agent CLI expands these variables
  printf '#!/bin/sh\nprintf "claude was started in %%s as %%s with %%s\\n" "$PWD" "$DECKWATCH_AGENT" "$*"\n' >"$1"
  chmod +x "$1"
}

# Runs a command with an empty home folder and environment. Cargo and rustup use their real folders. $1: the home
# folder; $2: a prefix for PATH; then the command.
hermetic() {
  local home=$1 first=$2
  shift 2
  env -i HOME="$home" PATH="$first$(path_without_agents)" TERM=dumb NO_COLOR=1 LANG="${LANG-C.UTF-8}" \
    CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" \
    CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$ROOT/target}" "$@"
}

# Prints PATH without the folders that contain an agent CLI of this machine.
path_without_agents() {
  local folder kept=""
  while IFS= read -r -d : folder; do
    [[ -x $folder/claude || -x $folder/gemini || -x $folder/codex ]] || kept+=$folder:
  done <<<"$PATH:"
  printf '%s\n' "${kept%:}"
}

# Fails unless a file contains a text. $1: the file; $2: the text.
expect() {
  grep -qF -- "$2" "$1" || { printf 'the output does not contain: %s\n' "$2" && cat "$1" && return 1; } >&2
}

main "$@"
