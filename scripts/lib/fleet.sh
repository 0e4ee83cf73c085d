# shellcheck shell=bash
#
# Runs `launcher fleet`, for the scripts that people and workflows call by name. Source it; it only defines functions.
#
# needs  launcher

# shellcheck source=scripts/lib/help.sh
. "$(dirname "${BASH_SOURCE[0]}")/help.sh"

# $1: the script; $2: the verb of `launcher fleet`; then its arguments.
fleet::run() {
  local script=$1 verb=$2 launcher
  shift 2
  if [[ ${1-} == --help ]]; then
    help::print "$script"
    return
  fi
  launcher=$(command -v launcher) || launcher=$HOME/.local/bin/launcher
  if [[ ! -x $launcher ]]; then
    printf '%s: launcher is not installed; run ./scripts/start --install-only\n' "${script##*/}" >&2
    return 1
  fi
  if [[ ${DRY_RUN-} == true ]]; then
    set -- --dry-run "$@"
  fi
  exec "$launcher" fleet "$verb" "$@"
}
