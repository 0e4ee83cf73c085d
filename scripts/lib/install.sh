# shellcheck shell=bash
#
# Functions that install a tool once, under a lock, and print progress on standard error. Source it; it only defines
# functions. tools.sh lists the tools.
#
# env  XDG_CACHE_HOME  the tools are in its subfolder deckwatch/tools (default: ~/.cache)

# Prints the folder for the tools.
install::dir() {
  printf '%s\n' "${XDG_CACHE_HOME:-$HOME/.cache}/deckwatch/tools"
}

# Installs a crate's binary. $1: the binary; $2: its version; $3: its crate; then options for cargo install.
install::cargo() {
  local binary=$1 version=$2 crate=$3 found
  shift 3
  found=$("$(install::dir)/bin/$binary" --version 2>/dev/null | head -n 1 || true)
  # Some programs print their name before the version, some a commit after it.
  case "$found" in "$version" | "$binary $version" | "$binary $version "*) return ;; esac
  install::say "building $crate $version; this takes some minutes, only once"
  # These tools run only for seconds, so the build optimises little. It does not use the project's target folder,
  # because it would lock that folder until it ends.
  env -u CARGO_TARGET_DIR CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    cargo install "$crate" --version "=$version" --root "$(install::dir)" --force --quiet "$@" >&2
}

# Installs Debian packages, with sudo where needed. $@: their names.
install::debian() {
  local -a as_root=()
  command -v apt-get >/dev/null ||
    install::fail "programs are missing and this system has no apt-get; install these packages with your package manager: $*"
  if ((EUID != 0)); then
    as_root=(sudo)
    [[ -t 0 ]] || as_root=(sudo -n)
    "${as_root[@]}" true 2>/dev/null ||
      install::fail "can't install packages without root; run this once: sudo apt-get install $*"
  fi
  install::say "installing $*"
  "${as_root[@]}" apt-get update -qq >&2 || install::say "apt-get update failed; continuing with the old package lists"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

# Installs the npm packages of a lock file, if they are not installed. $1: a folder with package.json and
# package-lock.json.
install::npm() {
  local folder=$1 wanted
  local stamp=$folder/node_modules/.installed
  wanted="$(cat "$folder/package.json" "$folder/package-lock.json" | git hash-object --stdin) $(uname -sm)"
  [[ -f $stamp && "$(cat "$stamp")" == "$wanted" ]] && return
  command -v npm >/dev/null || install::fail "npm is missing; install Node.js with npm from https://nodejs.org"
  install::say "installing the npm packages of ${folder##*/}"
  (cd "$folder" && npm ci --loglevel=error --prefer-offline) >&2
  printf '%s\n' "$wanted" >"$stamp"
}

# Runs a function under a lock that other processes respect. $1: the lock's name; then the function.
install::locked() {
  local name=$1 lock
  shift
  lock="$(install::dir)/$name.lock"
  mkdir -p "$(install::dir)"
  (
    # macOS has no flock. There, don't run two first installations at the same time.
    if command -v flock >/dev/null && ! flock -n 9; then
      install::say "waiting: another process installs $name"
      flock 9
    fi
    "$@"
  ) 9>"$lock"
}

install::say() {
  printf 'tools: %s\n' "$*" >&2
}

install::fail() {
  install::say "$*"
  exit 1
}
