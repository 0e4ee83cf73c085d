#!/usr/bin/env bats
#
# scripts/dev-session, with the real tmux on a socket of its own and an agent that records how it was started.

# shellcheck disable=SC2016,SC2030,SC2031  # stubs and hostile texts are not expanded here; each test is a subshell

bats_require_minimum_version 1.5.0

setup() {
  load world
  world
  SCRIPT=$CHECKOUT/scripts/dev-session
  # The path of a socket must be short.
  TMUX_TMPDIR=$(mktemp -d /tmp/dwXXXXXX)
  export TMUX_TMPDIR TERM=xterm
  stub launcher <<<'printf "%s\0" "$@" >"$RECORD.new"; printf "%s" "$PATH" >"$RECORD.path"; mv "$RECORD.new" "$RECORD"; sleep 60'
}

teardown() {
  tmux kill-server 2>/dev/null || true
  rm -rf "$TMUX_TMPDIR"
}

sessions() {
  tmux list-sessions -F '#{session_name}' 2>/dev/null | tr '\n' ' '
}

# Waits until the agent has started.
agent() {
  local try
  for ((try = 0; try < 500; try++)); do
    [[ ! -e $RECORD ]] || return 0
    sleep 0.02
  done
  printf 'the agent did not start\n' >&2
  return 1
}

@test "--help prints the header and needs no tmux" {
  stub tmux <<<'exit 1'
  run -0 --separate-stderr "$SCRIPT" --help
  says "usage  dev-session VENTURE [SLOT]" "--list"
  [[ -z $stderr ]]
}

@test "wrong arguments are refused and create no session" {
  local bad
  for bad in '' Alpha 'a;b' _x .. a.b -x --codex --no-such-option 'ä' "${HOSTILE[@]}"; do
    LC_ALL=C.UTF-8 run -2 "$SCRIPT" "$bad"
    says "usage: dev-session VENTURE [SLOT]"
  done
  run -2 "$SCRIPT"
  run -2 "$SCRIPT" --list more
  # A code has at most 32 characters.
  run -2 "$SCRIPT" "$(printf 'x%.0s' {1..33})"
  [[ -z $(sessions) ]]
  nothing_ran
}

@test "the arguments of the launcher reach it unchanged and none is run" {
  run -0 "$SCRIPT" alpha "${HOSTILE[@]}"
  says "created the session deckwatch-alpha" "tmux attach -t deckwatch-alpha"
  agent
  launched alpha "${HOSTILE[@]}"
  nothing_ran
}

@test "a slot is a session of its own and no argument of the launcher" {
  local -A session=([0]=deckwatch-alpha [1]=deckwatch-alpha [2]=deckwatch-alpha+2 [08]=deckwatch-alpha+8)
  local slot
  for slot in 2 08 1; do
    run -0 "$SCRIPT" alpha "$slot" --track 7
    says "created the session ${session[$slot]}"
    agent
    launched alpha --track 7
  done
  run -0 "$SCRIPT" alpha 0
  says "the session deckwatch-alpha exists"
  run -0 "$SCRIPT" alpha 2
  says "the session deckwatch-alpha+2 exists"
  run -0 "$SCRIPT" --list
  says "deckwatch-alpha detached" "deckwatch-alpha+2 detached" "deckwatch-alpha+8 detached"
  nothing_ran
  # A larger number is an argument of the launcher.
  run -0 "$SCRIPT" beta 1000
  agent
  launched beta 1000
}

@test "without sessions, the list is empty" {
  run -0 "$SCRIPT" --list
  says "there are no sessions"
  tmux -f /dev/null new-session -d -s mine sleep 60
  run -0 "$SCRIPT" --list
  says "there are no sessions"
  [[ $output != *mine* ]]
}

@test "a folder or a socket of tmux that can't be used is not reported as an empty list" {
  local folder
  folder=$TMUX_TMPDIR/tmux-$(id -u)
  mkdir "$folder"
  chmod 777 "$folder"
  for arguments in alpha --list; do
    run -1 "$SCRIPT" "$arguments"
    says "tmux can't be used" "unsafe permissions" "TMUX_TMPDIR"
  done
  ((EUID == 0)) || skip "only root can make files of another user"
  chmod 700 "$folder"
  chown 12345 "$folder"
  for arguments in alpha --list; do
    run -1 "$SCRIPT" "$arguments"
    says "tmux can't be used" "unsafe permissions" "remove it as root"
  done
  [[ ! -e $RECORD ]]
}

@test "without tmux or the launcher, the error says what to do" {
  mkdir "$BATS_TEST_TMPDIR/few"
  local program
  for program in bash env; do ln -s "$(command -v "$program")" "$BATS_TEST_TMPDIR/few/$program"; done
  # The further folders of the script are those of the machine: they must not have these programs.
  if [[ ! -x /usr/local/bin/tmux && ! -x /opt/homebrew/bin/tmux ]]; then
    PATH=$BATS_TEST_TMPDIR/few run -1 "$SCRIPT" alpha
    says "tmux is missing" "apt install tmux" "brew install tmux"
  fi
  rm "$STUBS/launcher"
  if [[ ! -x /usr/local/bin/launcher && ! -x /opt/homebrew/bin/launcher ]]; then
    PATH=$STUBS:/usr/bin:/bin run -1 "$SCRIPT" alpha
    says "launcher is not installed" "./scripts/start --install-only"
  fi
  [[ -z $(sessions) ]]
}

@test "with the short PATH of SSH, the launcher and the agent CLIs of ~/.local/bin are found" {
  mkdir -p "$HOME/.local/bin"
  mv "$STUBS/launcher" "$HOME/.local/bin/launcher"
  # A server that was started with another PATH.
  tmux -f /dev/null new-session -d -s mine sleep 60
  PATH=/usr/bin:/bin run -0 "$SCRIPT" alpha
  agent
  [[ $(<"$RECORD.path") == "/usr/bin:/bin:$HOME/.local/bin:"* ]]
  launched alpha
}

@test "a terminal that the machine does not know is replaced" {
  TERM=xterm-of-tomorrow run -0 "$SCRIPT" alpha
  says "does not know the terminal xterm-of-tomorrow" "created the session deckwatch-alpha"
  TERM='$(touch "$HOME/ran")' run -0 "$SCRIPT" beta
  [[ ! -e $HOME/ran ]]
}
