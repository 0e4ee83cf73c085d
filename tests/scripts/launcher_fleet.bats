#!/usr/bin/env bats
#
# The scripts that become `launcher fleet`: setup-ssh-mesh.sh, fleet-health.sh, setup-tmux.sh and deploy-mcp.sh.

# shellcheck disable=SC2030,SC2031,SC2329  # each test is a subshell, and `each` runs the functions

bats_require_minimum_version 1.5.0

# Each script with its verb. The first three change something.
SCRIPTS=("setup-ssh-mesh.sh mesh" "setup-tmux.sh tmux" "deploy-mcp.sh deploy" "fleet-health.sh health")

setup() {
  load world
  world
}

# Runs a command for each script, with SCRIPT and VERB set. $1: how many scripts; then the command. The command is not in
# a condition: `set -e` would have no effect in it.
each() {
  local entry count=$1
  shift
  for entry in "${SCRIPTS[@]:0:count}"; do
    SCRIPT=$CHECKOUT/scripts/${entry% *} VERB=${entry#* }
    printf 'with %s:\n' "$entry"
    "$@"
  done
}

@test "the arguments reach the launcher unchanged and none is run" {
  stub_launcher
  passes() {
    run -0 "$SCRIPT" "$@"
    launched fleet "$VERB" "$@"
  }
  each 4 passes
  each 4 passes server1 server2 --json
  each 4 passes "${HOSTILE[@]}"
  nothing_ran
}

@test "--help prints the header and starts nothing" {
  stub_launcher
  helps() {
    run -0 "$SCRIPT" --help
    says "usage  scripts/${SCRIPT##*/}" "exit   0"
    [[ $output != *'set -euo'* && $output != '#'* ]]
  }
  each 4 helps
  DRY_RUN=true each 4 helps
  nothing_ran
}

@test "DRY_RUN adds --dry-run once" {
  stub_launcher
  dry() {
    DRY_RUN=$1 run -0 "$SCRIPT" server1
    launched fleet "$VERB" --dry-run server1
    DRY_RUN=$1 run -0 "$SCRIPT" server1 --dry-run
    launched fleet "$VERB" server1 --dry-run
  }
  each 3 dry true
  each 3 dry 1
}

@test "an argument that contains --dry-run does not stand in for it" {
  stub_launcher
  dry() {
    DRY_RUN=true run -0 "$SCRIPT" 'a --dry-run b'
    launched fleet "$VERB" --dry-run 'a --dry-run b'
    DRY_RUN=true run -0 "$SCRIPT" -- --dry-run
    launched fleet "$VERB" --dry-run -- --dry-run
  }
  each 3 dry
}

@test "without DRY_RUN, and for a script that changes nothing, --dry-run is not added" {
  stub_launcher
  wet() {
    DRY_RUN=$1 run -0 "$SCRIPT" server1
    launched fleet "$VERB" server1
  }
  each 3 wet false
  each 3 wet 0
  each 3 wet ''
  SCRIPT=$CHECKOUT/scripts/fleet-health.sh VERB=health
  wet true
}

@test "another value of DRY_RUN is refused before anything is changed" {
  stub_launcher
  refuses() {
    local value
    for value in yes TRUE "${HOSTILE[@]:0:6}"; do
      DRY_RUN=$value run -2 "$SCRIPT"
      says "DRY_RUN is $(printf '%q' "$value"); set it to true or false"
    done
  }
  each 3 refuses
  nothing_ran
}

@test "the exit code is the launcher's" {
  stub_launcher
  ends() {
    local code
    for code in 1 2 29 30 31 32; do
      LAUNCHER_CODE=$code run -"$code" "$SCRIPT"
    done
  }
  each 4 ends
}

@test "the launcher in ~/.local/bin is used if PATH has none, and without one the error says what to do" {
  PATH=/usr/bin:/bin
  missing() {
    run -1 "$SCRIPT" --json
    says "launcher is not installed; run $CHECKOUT/scripts/start --install-only"
    [[ $output != *.sh:* ]]
  }
  each 4 missing
  mkdir -p "$HOME/.local/bin/launcher"
  each 4 missing
  rmdir "$HOME/.local/bin/launcher"
  stub_launcher "$HOME/.local/bin/launcher"
  found() {
    run -0 "$SCRIPT" --json
    launched fleet "$VERB" --json
  }
  each 4 found
}

@test "a script works from another folder and through a link" {
  stub_launcher
  linked() {
    (cd / && run -0 "$SCRIPT" server1 && launched fleet "$VERB" server1)
  }
  each 4 linked
}

@test "the launcher itself refuses unknown options and hostile names" {
  local programs=${DECKWATCH_TEST_PROGRAMS:-${CARGO_TARGET_DIR:-$CHECKOUT/target}/debug}
  [[ -x $programs/launcher ]] || skip "the launcher is not built; scripts/test builds it before it runs these tests"
  ln -s "$programs/launcher" "$STUBS/launcher"
  refuses() {
    run -2 "$SCRIPT" --no-such-option
    says "--no-such-option"
    # The mesh takes no names of machines.
    [[ $VERB != mesh ]] || return 0
    local name
    for name in "${HOSTILE[@]:0:6}" "${HOSTILE[@]: -1}"; do
      run -2 "$SCRIPT" -- "$name"
      [[ $output != *$'\e'* ]]
    done
  }
  each 4 refuses
  nothing_ran
}
