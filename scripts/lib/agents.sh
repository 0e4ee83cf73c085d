# shellcheck shell=bash
#
# Installs the agent CLIs that the tests drive, in the versions of tests/agents/package.json. Source it after
# tools.sh; it only defines functions.
#
# needs  node, npm

# Installs the CLIs that run on this machine, reports the others, and prints the folder that contains
# node_modules/.bin. Prints nothing if no CLI is installed. $1: root of the checkout.
agents::install() {
  local folder
  folder=$(install::dir)/agents
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    install::say "the tests with real agents will be skipped: Node.js with npm is not installed"
    return
  fi
  install::locked agents agents::install_packages "$1/tests/agents" "$folder" >&2
  [[ -d $folder/node_modules/.bin ]] && printf '%s\n' "$folder"
}

# $1: the folder of package.json and its lock file; $2: the folder to install into.
agents::install_packages() {
  local program missing=no
  mkdir -p "$2"
  cp "$1/package.json" "$1/package-lock.json" "$1/.npmrc" "$2"
  if ! install::npm "$2" || ! agents::unpack_claude "$2"; then missing=yes; fi
  for program in claude codex gemini; do
    agents::runs "$2/node_modules/.bin/$program" && continue
    install::say "the tests with the real $program will be skipped: $program could not be installed"
    rm -f "$2/node_modules/.bin/$program"
    missing=yes
  done
  # Without the stamp, the next run tries again.
  [[ $missing == no ]] || rm -f "$2/node_modules/.installed"
}

# Runs Claude Code's install script, which selects the program for this platform. No other package needs its install
# script. $1: the folder.
agents::unpack_claude() {
  local package=$1/node_modules/@anthropic-ai/claude-code
  [[ ! -d $package ]] || agents::runs "$1/node_modules/.bin/claude" || node "$package/install.cjs"
}

# Whether a program starts. $1: the program.
agents::runs() {
  DISABLE_AUTOUPDATER=1 "$1" --version >/dev/null 2>&1
}
