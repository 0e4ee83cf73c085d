# shellcheck shell=bash disable=SC2016,SC2034  # stubs and texts are not expanded here; the tests use the variables
#
# A home folder, stubs of programs and hostile texts for the tests of the scripts. Load it in `setup`; each test calls
# `world`.

# The checkout.
CHECKOUT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)

# Texts that must reach a program unchanged, and must never be run.
HOSTILE=(
  $'two\nlines' $'quote\'s and "both"' '$(touch "$HOME/ran")' '`touch "$HOME/ran"`' '; touch "$HOME/ran";' '\;'
  '-x' '--' ' --dry-run ' '*' '' "$(printf 'x%.0s' {1..300})"
)

# Gives the test a home folder and a folder of stubs, which is first on PATH.
world() {
  export HOME=$BATS_TEST_TMPDIR/home STUBS=$BATS_TEST_TMPDIR/stubs RECORD=$BATS_TEST_TMPDIR/record
  mkdir -p "$HOME" "$STUBS"
  PATH=$STUBS:$PATH
  unset DRY_RUN DECKWATCH_BIN TMUX
}

# Makes a program whose script is standard input. $1: its name, or its path.
stub() {
  local file=$STUBS/$1
  [[ $1 != /* ]] || file=$1
  mkdir -p "$(dirname "$file")"
  {
    printf '#!/usr/bin/env bash\n'
    cat
  } >"$file"
  chmod +x "$file"
}

# Makes a launcher that records its arguments, each with a NUL after it, and ends with LAUNCHER_CODE. $1: its path, if it
# is not a stub on PATH.
stub_launcher() {
  stub "${1:-launcher}" <<<'printf "%s\0" "$@" >"$RECORD"; exit "${LAUNCHER_CODE:-0}"'
}

# Fails unless the launcher was started with exactly these arguments.
launched() {
  local -a arguments=()
  local argument
  while IFS= read -r -d '' argument; do arguments+=("$argument"); done <"$RECORD"
  if [[ "$(printf '<%q>' "${arguments[@]}")" != "$(printf '<%q>' "$@")" ]]; then
    printf 'arguments: %s\nexpected:  %s\n' "$(printf '<%q>' "${arguments[@]}")" "$(printf '<%q>' "$@")" >&2
    return 1
  fi
  rm "$RECORD"
}

# Fails unless the output of the last `run` contains each of these texts.
says() {
  local text
  # shellcheck disable=SC2154  # bats sets output
  for text in "$@"; do
    [[ $output == *"$text"* ]] || { printf 'no %q in: %s\n' "$text" "$output" >&2 && return 1; }
  done
}

# Fails if a hostile text was run, or if the launcher was started.
nothing_ran() {
  [[ ! -e $HOME/ran && ! -e $RECORD ]]
}
