#!/usr/bin/env bash
#
# Makes this machine a machine of the fleet: installs the programs that Deckwatch needs, builds and installs Deckwatch for
# your user, and registers the machine in the API of the team. Run it again at any time: it installs only what is missing,
# never replaces a key, and goes on where it stopped.
#
# usage  scripts/bootstrap-machine.sh [--help] [OPTIONS]
#          OPTIONS  those of `launcher fleet bootstrap`, such as --address ADDRESS, --role ROLE, --json
# env    CONTEXT_API_URL  the API of the team
#        CONTEXT_API_KEY  its context key
#        DECKWATCH_BIN    the folder for the programs (default: ~/.local/bin)
# exit   0 the machine is registered; 1 a program can't be installed or built; else as `launcher fleet bootstrap`

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BIN=${DECKWATCH_BIN:-$HOME/.local/bin}

# shellcheck source=scripts/lib/help.sh
. "$ROOT/scripts/lib/help.sh"
# shellcheck source=scripts/lib/install.sh
. "$ROOT/scripts/lib/install.sh"

main() {
  [[ ${1-} != --help ]] || { help::print "${BASH_SOURCE[0]}" && return; }
  printf '=== Bootstrap ===\n' >&2
  PATH=$PATH:$HOME/.cargo/bin:/opt/homebrew/bin
  case "$(uname -s)" in
    Darwin) step "git, tmux, a C compiler and OpenSSH installed" macos_programs ;;
    *) step "git, tmux, a C compiler and OpenSSH installed" debian_programs ;;
  esac
  step "Rust installed" rust
  step "launcher and MCP server built and linked" "$ROOT/scripts/start" --install-only
  exec "$BIN/launcher" fleet bootstrap "$@"
}

debian_programs() {
  local entry
  local -a missing=()
  for entry in git:git tmux:tmux cc:build-essential curl:curl ssh-keygen:openssh-client; do
    has "${entry%%:*}" || missing+=("${entry#*:}")
  done
  # Folders of administrators are not on the PATH of other users.
  has sshd || [[ -x /usr/sbin/sshd ]] || missing+=(openssh-server)
  ((${#missing[@]} == 0)) || install::debian "${missing[@]}"
}

macos_programs() {
  local program
  local -a missing=()
  for program in git tmux; do
    has "$program" || missing+=("$program")
  done
  if ((${#missing[@]} > 0)); then
    has brew || { say "Homebrew is missing; install it from https://brew.sh" && return 1; }
    brew install "${missing[@]}" >&2 || return 1
  fi
  # macOS has OpenSSH.
  has cc || { say "a C compiler is missing; run xcode-select --install and wait until it ends" && return 1; }
}

rust() {
  local installer
  has cargo && return
  has curl || { say "curl is missing; install it, or install Rust from https://rustup.rs" && return 1; }
  installer=$(mktemp)
  # The checkout names the toolchain, which rustup installs for the first build.
  curl --proto '=https' --tlsv1.2 -fsS https://sh.rustup.rs -o "$installer" &&
    sh "$installer" -y --no-modify-path --default-toolchain none >&2
  rm -f "$installer"
  has cargo || { say "Rust could not be installed; install it from https://rustup.rs" && return 1; }
}

# Runs a step, in a shell of its own that it may end, and prints a tick or a cross. $1: what is true after it; then the
# command.
step() {
  local name=$1
  shift
  ("$@") || {
    printf '✗ %s\n' "$name" >&2
    say "do what the lines above say, then run scripts/bootstrap-machine.sh again; it goes on where it stopped"
    exit 1
  }
  printf '✓ %s\n' "$name" >&2
}

has() {
  command -v "$1" >/dev/null
}

say() {
  printf 'bootstrap-machine: %s\n' "$*" >&2
}

main "$@"
