# shellcheck shell=bash
#
# Runs `launcher fleet`, for the scripts that people and workflows call by name. Source it; it only defines functions.
#
# needs  ROOT, the root of the checkout

# shellcheck source=scripts/lib/help.sh
. "$ROOT/scripts/lib/help.sh"

# Becomes `launcher fleet`. $1: the script; $2: the verb; then its arguments.
fleet::run() {
  local script=$1 launcher
  shift
  if [[ ${2-} == --help ]]; then
    help::print "$script"
    return
  fi
  launcher=$(command -v launcher) || launcher=$HOME/.local/bin/launcher
  if [[ ! -f $launcher || ! -x $launcher ]]; then
    printf '%s: launcher is not installed; run %s/scripts/start --install-only\n' "$(fleet::name "$script")" "$ROOT" >&2
    return 1
  fi
  exec "$launcher" fleet "$@"
}

# The same for a verb that changes something: with DRY_RUN=true, it only shows what it would change.
fleet::change() {
  local script=$1 verb=$2
  shift 2
  case "${DRY_RUN:-false}" in
    true | 1) [[ ${1-} == --help ]] || fleet::has_dry_run "$@" || set -- --dry-run "$@" ;;
    false | 0) ;;
    *)
      printf '%s: DRY_RUN is %q; set it to true or false\n' "$(fleet::name "$script")" "$DRY_RUN" >&2
      return 2
      ;;
  esac
  fleet::run "$script" "$verb" "$@"
}

# Whether the arguments contain the option, which can't be given twice. After --, they contain no options.
fleet::has_dry_run() {
  local argument
  for argument in "$@"; do
    case $argument in
      --) return 1 ;;
      --dry-run) return ;;
    esac
  done
  return 1
}

fleet::name() {
  local name=${1##*/}
  printf '%s' "${name%.sh}"
}
