#!/usr/bin/env bash
#
# Lets every machine of the fleet log in to every other one over SSH, and tries each connection. It runs
# `launcher fleet mesh`; docs/fleet.md describes it.
#
# usage  scripts/setup-ssh-mesh.sh [--dry-run] [--json] [--help]
# env    DRY_RUN  true: shows every change, and makes none
# exit   0 all machines, 30 some, 31 none; 29 no machines are known; 1 the launcher is missing, 2 wrong usage

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# shellcheck source=scripts/lib/help.sh
. "$ROOT/scripts/lib/help.sh"

main() {
  local launcher
  local -a arguments=("$@")
  [[ ${1-} != --help ]] || { help::print "${BASH_SOURCE[0]}" && return; }
  launcher=$(command -v launcher) || launcher=$HOME/.local/bin/launcher
  if [[ ! -x $launcher ]]; then
    printf 'setup-ssh-mesh: launcher is not installed; run %s/scripts/start --install-only\n' "$ROOT" >&2
    return 1
  fi
  case "${DRY_RUN:-false}" in
    true | 1) arguments+=(--dry-run) ;;
    false | 0) ;;
    *)
      printf 'setup-ssh-mesh: DRY_RUN is %s; set it to true or false\n' "$DRY_RUN" >&2
      return 2
      ;;
  esac
  exec "$launcher" fleet mesh ${arguments[@]+"${arguments[@]}"}
}

main "$@"
