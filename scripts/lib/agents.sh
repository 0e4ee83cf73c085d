# shellcheck shell=bash
#
# The agents' command line tools that the tests drive, at the versions of tests/agents/package.json. To be
# sourced after tools.sh: it only defines functions.
#
# needs  node, npm

# Installs the tools that this machine can have, says which it can't, and prints their folder, which holds
# node_modules/.bin. Prints nothing when there are none. $1: root of the checkout.
agents::install() {
  local folder
  folder=$(install::dir)/agents
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    install::say "the tests with real agents are skipped: Node.js with npm is not installed"
    return
  fi
  install::locked agents agents::install_packages "$1/tests/agents" "$folder" >&2
  [[ -d $folder/node_modules/.bin ]] && printf '%s\n' "$folder"
}

# $1: the folder of package.json and its lock file; $2: where they are installed.
agents::install_packages() {
  local program missing=no
  mkdir -p "$2"
  cp "$1/package.json" "$1/package-lock.json" "$1/.npmrc" "$2"
  if ! install::npm "$2" || ! agents::unpack_claude "$2"; then missing=yes; fi
  for program in claude codex gemini; do
    agents::runs "$2/node_modules/.bin/$program" && continue
    install::say "the tests with the real $program are skipped: it could not be installed"
    rm -f "$2/node_modules/.bin/$program"
    missing=yes
  done
  # The next run tries again.
  [[ $missing == no ]] || rm -f "$2/node_modules/.installed"
}

# The one install script that is needed: it puts the program of this platform into its place. $1: the folder.
agents::unpack_claude() {
  local package=$1/node_modules/@anthropic-ai/claude-code
  [[ ! -d $package ]] || agents::runs "$1/node_modules/.bin/claude" || node "$package/install.cjs"
}

# $1: a program.
agents::runs() {
  DISABLE_AUTOUPDATER=1 "$1" --version >/dev/null 2>&1
}
