#!/usr/bin/env bats
#
# scripts/bootstrap-machine.sh with stubs of the system's programs: what it installs on macOS and on Debian, and how it
# goes on after a failure.

# shellcheck disable=SC2016  # stubs are not expanded here

bats_require_minimum_version 1.5.0

setup() {
  load world
  world
  SCRIPT=$CHECKOUT/scripts/bootstrap-machine.sh
  export LOG=$BATS_TEST_TMPDIR/log CARGO_TARGET_DIR=$BATS_TEST_TMPDIR/target
  touch "$LOG"
  # A system with nothing but its base. The programs of Deckwatch are built already.
  local tool program
  for tool in bash env sed dirname mkdir install mv rm mktemp cat grep head tr touch ln; do
    ln -s "$(command -v "$tool")" "$STUBS/$tool"
  done
  for program in launcher deckwatch-mcp deckwatch-server; do
    stub_launcher "$CARGO_TARGET_DIR/release/$program"
  done
}

# Makes programs that do nothing. $@: their names.
empty_stubs() {
  local program
  for program in "$@"; do stub "$program" <<<'exit 0'; done
}

# Makes a package manager that logs its arguments and installs programs that do nothing. $1: its name; then
# PACKAGE=PROGRAM.
stub_manager() {
  local manager=$1
  shift
  stub "$manager" <<SCRIPT
printf '%s\n' "$manager \$*" >>"\$LOG"
for word in "\$@"; do
  for entry in $*; do
    if [[ \$word == "\${entry%%=*}" ]]; then ln -sf "\$STUBS/nothing" "\$STUBS/\${entry#*=}"; fi
  done
done
SCRIPT
  empty_stubs nothing
}

macos() {
  stub uname <<<'echo Darwin'
}

# Runs the script on a system that has only the stubs. $1: the expected exit code; then its arguments.
bootstrap() {
  local code=$1
  shift
  PATH=$STUBS run "-$code" "$SCRIPT" "$@"
}

@test "on macOS, Homebrew installs what is missing, once" {
  macos
  stub_manager brew git=git tmux=tmux
  empty_stubs cc cargo
  bootstrap 0 --address 100.64.0.7 --role build
  says '=== Bootstrap ===' '✓ git, tmux, a C compiler and OpenSSH installed' '✓ Rust installed' '✓ launcher and MCP server'
  launched fleet bootstrap --address 100.64.0.7 --role build
  [[ $(<"$LOG") == 'brew install git tmux' ]]
  bootstrap 0 --address 100.64.0.7
  launched fleet bootstrap --address 100.64.0.7
  [[ $(<"$LOG") == 'brew install git tmux' ]]
}

@test "on macOS, what is missing or fails is named, and the next run goes on there" {
  macos
  local again='do what the lines above say, then run scripts/bootstrap-machine.sh again'
  bootstrap 1
  says 'Homebrew is missing' 'https://brew.sh' '✗ git, tmux' "$again"
  stub brew <<<'echo "no network" >&2; exit 1'
  bootstrap 1
  says 'no network' '✗ git, tmux' "$again"
  stub_manager brew git=git tmux=tmux
  bootstrap 1
  says 'xcode-select --install' '✗ git, tmux' "$again"
  empty_stubs cc
  bootstrap 1
  says '✓ git, tmux' 'curl is missing' '✗ Rust installed' "$again"
  stub curl <<<'echo "no network" >&2; exit 6'
  bootstrap 1
  says '✓ git, tmux' 'no network' 'https://rustup.rs' '✗ Rust installed' "$again"
  stub cargo <<<'echo "does not compile" >&2; exit 101'
  bootstrap 1
  says '✓ Rust' 'does not compile' '✗ launcher and MCP server built' "$again"
  nothing_ran
  empty_stubs cargo
  bootstrap 0
  launched fleet bootstrap
}

# The test runs as root or has a sudo that asks for no password, so that apt-get is started either way.
@test "on Debian, apt-get installs only what is missing" {
  stub uname <<<'echo Linux'
  stub_manager apt-get git=git build-essential=cc curl=curl openssh-client=ssh-keygen
  stub sudo <<<'[[ $1 != -n ]] || shift; exec "$@"'
  empty_stubs tmux sshd cargo true
  bootstrap 0
  grep -qxF 'apt-get install -y -qq --no-install-recommends git build-essential curl openssh-client' "$LOG"
  : >"$LOG"
  bootstrap 0
  [[ ! -s $LOG ]]
}

@test "the options and the exit code are the launcher's, and no option is run" {
  macos
  empty_stubs git tmux cc cargo
  bootstrap 0 "${HOSTILE[@]}"
  launched fleet bootstrap "${HOSTILE[@]}"
  local code
  for code in 2 29; do LAUNCHER_CODE=$code bootstrap "$code" --no-such-option; done
  rm "$RECORD"
  nothing_ran
}

@test "--help prints the header and installs nothing" {
  stub_manager brew
  bootstrap 0 --help
  says 'usage  scripts/bootstrap-machine.sh' '--address ADDRESS' 'CONTEXT_API_URL' 'DECKWATCH_BIN'
  [[ ! -s $LOG ]]
  nothing_ran
}

@test "DECKWATCH_BIN is where the programs are installed and started" {
  macos
  empty_stubs git tmux cc cargo
  local folder="$BATS_TEST_TMPDIR/a folder's \$(touch ran)"
  DECKWATCH_BIN=$folder bootstrap 0
  [[ -x $folder/launcher && ! -e $HOME/.local/bin/launcher ]]
  launched fleet bootstrap
}
