#!/bin/sh
# Installs Deckwatch for your user, without root: the newest release, or the one in DECKWATCH_VERSION, such as 1.2.3.
# usage  curl -fsSL https://github.com/deckwatch/deckwatch/releases/latest/download/install.sh | sh
# env    DECKWATCH_BIN  the folder for the programs (default: ~/.local/bin)
set -eu

say() { printf 'install: %s\n' "$*" >&2; }
fail() { say "$*" && exit 1; }
download() { # $1: the file; $2: where to put it
  curl --fail --silent --show-error --location --proto "$protocols" --tlsv1.2 --retry 2 \
    --connect-timeout 20 --speed-limit 1000 --speed-time 30 --output "$2" "$address/$1" ||
    fail "$address/$1 could not be downloaded. Nothing was installed. Check the network and the version, then try again."
}

main() {
  [ -n "${HOME-}" ] || [ -n "${DECKWATCH_BIN-}" ] || fail "HOME is not set. Set it, or DECKWATCH_BIN."
  bin=${DECKWATCH_BIN:-$HOME/.local/bin} address=${DECKWATCH_DOWNLOADS:-https://github.com/deckwatch/deckwatch/releases}
  case $address in # Only a test on this machine may do without TLS.
    https://*) protocols="=https" ;;
    http://127.0.0.1:*@*) fail "DECKWATCH_DOWNLOADS has a user name, which is not supported." ;;
    http://127.0.0.1:*) protocols="=http,https" ;;
    *) fail "DECKWATCH_DOWNLOADS is $address, which does not begin with https://." ;;
  esac
  if [ -n "${DECKWATCH_VERSION-}" ]; then address=$address/download/v${DECKWATCH_VERSION#v}; else address=$address/latest/download; fi
  case $(uname -s)-$(uname -m) in
    Linux-x86_64 | Linux-amd64) platform=x86_64-unknown-linux-musl ;;
    Linux-aarch64 | Linux-arm64) platform=aarch64-unknown-linux-musl ;;
    Darwin-x86_64) platform=x86_64-apple-darwin ;;
    Darwin-arm64) platform=aarch64-apple-darwin ;;
    *) fail "there are no programs for $(uname -sm). With Rust, ./scripts/start in a checkout builds them." ;;
  esac
  command -v curl >/dev/null || fail "curl is missing. Install it and try again."
  if command -v sha256sum >/dev/null; then sum=sha256sum; else sum="shasum -a 256"; fi
  archive=deckwatch-$platform.tar.gz
  { mkdir -p "$bin" && bin=$(cd "$bin" && pwd) && work=$(mktemp -d "$bin/.deckwatch.XXXXXX"); } ||
    fail "$bin can't be written. Name another folder with DECKWATCH_BIN."
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM
  say "downloading $address/$archive"
  download SHA256SUMS "$work/SHA256SUMS"
  expected=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$archive\$/\1/p" "$work/SHA256SUMS")
  [ -n "$expected" ] || fail "SHA256SUMS has no checksum of $archive. Nothing was installed. Report this."
  download "$archive" "$work/$archive"
  actual=$($sum <"$work/$archive") && [ "${actual%% *}" = "$expected" ] ||
    fail "the checksum of $archive is not the one in SHA256SUMS. Nothing was installed. Try again; if it happens again, report it."
  (cd "$work" && tar -xzf "$archive" deckwatch-mcp deckwatch-server dev-session launcher) ||
    fail "the archive can't be unpacked, or the disk is full. Nothing was installed."
  version=$("$work/launcher" --version) || fail "the launcher of this archive does not run here. Nothing was installed."
  # Each is replaced by a rename, so that a program that runs stays whole. The launcher, which updates all, comes last.
  for program in deckwatch-mcp deckwatch-server dev-session launcher; do mv -f "$work/$program" "$bin/$program"; done
  record=${XDG_STATE_HOME:-${HOME-}/.local/state}/deckwatch/install # Names the checkout that scripts/start installed from.
  if grep -qxF "programs=$bin" "$record" 2>/dev/null; then rm -f "$record"; fi
  say "installed $version with deckwatch-mcp, deckwatch-server and dev-session in $bin; the checksum is right"
  case :$PATH: in *:"$bin":*) ;; *) say "$bin is not on your PATH. Add it: export PATH=\"$bin:\$PATH\"" ;; esac
  say "to begin, run: launcher .    to update, run: launcher self update"
}

main "$@" # The last line, so that a part of this script does nothing.
