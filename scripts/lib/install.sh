# shellcheck shell=bash
#
# How something is installed: once, with two at once waiting for each other, and with progress on standard
# error. To be sourced: it only defines functions. What is installed is said in tools.sh.
#
# env  XDG_CACHE_HOME  where the tools are kept, under deckwatch/tools (~/.cache)

# Prints the folder of the installed tools.
install::dir() {
  printf '%s\n' "${XDG_CACHE_HOME:-$HOME/.cache}/deckwatch/tools"
}

# Installs a crate's binary. $1: the binary; $2: its version; $3: its crate; then options of cargo.
install::cargo() {
  local binary=$1 version=$2 crate=$3 found
  shift 3
  found=$("$(install::dir)/bin/$binary" --version 2>/dev/null | head -n 1 || true)
  # Some say their name first, some a commit after it.
  case "$found" in "$version" | "$binary $version" | "$binary $version "*) return ;; esac
  install::say "building $crate $version (some minutes, once)"
  # The tools run for seconds: a fast build is worth more than a fast binary. Away from the project's
  # target folder, which it would lock all the while.
  env -u CARGO_TARGET_DIR CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    cargo install "$crate" --version "=$version" --root "$(install::dir)" --force --quiet "$@" >&2
}

# Installs Debian packages, with sudo where needed. $@: their names.
install::debian() {
  local -a as_root=()
  command -v apt-get >/dev/null || install::fail "install these packages with your system's tool: $*"
  if ((EUID != 0)); then
    as_root=(sudo)
    [[ -t 0 ]] || as_root=(sudo -n)
    "${as_root[@]}" true 2>/dev/null || install::fail "root is needed once: sudo apt-get install $*"
  fi
  install::say "installing $*"
  "${as_root[@]}" apt-get update -qq >&2 || install::say "the package lists are old: apt-get update failed"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

# Installs what a lock file says, once. $1: a folder with package.json and package-lock.json.
install::npm() {
  local folder=$1 wanted
  local stamp=$folder/node_modules/.installed
  wanted="$(cat "$folder/package.json" "$folder/package-lock.json" | git hash-object --stdin) $(uname -sm)"
  [[ -f $stamp && "$(cat "$stamp")" == "$wanted" ]] && return
  command -v npm >/dev/null || install::fail "npm is missing: install Node.js"
  install::say "installing the node packages of ${folder##*/}"
  (cd "$folder" && npm ci --loglevel=error --prefer-offline) >&2
  printf '%s\n' "$wanted" >"$stamp"
}

# Runs a function while no other process runs one under the same name. $1: the name; then the function.
install::locked() {
  local name=$1 lock
  shift
  lock="$(install::dir)/$name.lock"
  mkdir -p "$(install::dir)"
  (
    # macOS has no flock: two first installs at once are then the user's to avoid.
    if command -v flock >/dev/null && ! flock -n 9; then
      install::say "waiting for another install of $name"
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
