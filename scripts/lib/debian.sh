# shellcheck shell=bash
#
# The programs that the scripts and tests use and that a Debian base system lacks. To be sourced after
# install.sh: it only defines functions and these lists.
#
# .ci/run gives the tests these programs and no others, so a program that is missing here fails there.

# What scripts/test installs when a program is missing: the package, then its programs.
DEBIAN_TEST_PACKAGES=(
  "curl curl"
  "fish fish"
  "openssh-client ssh ssh-keygen"
  "tmux tmux"
  "zsh zsh"
)

# A keyring, as a Linux desktop has one.
DEBIAN_KEYRING_PACKAGES=(
  "dbus-daemon dbus-daemon dbus-run-session"
  "gnome-keyring gnome-keyring-daemon"
  "libsecret-tools secret-tool"
)

# What worker-build is compiled with: it links against OpenSSL.
DEBIAN_OPENSSL_PACKAGES=(
  "pkg-config pkg-config"
  "libssl-dev"
)

# Prints the programs of all packages that the scripts install, a line each.
debian::programs() {
  local entry
  for entry in "${DEBIAN_TEST_PACKAGES[@]}" "${DEBIAN_KEYRING_PACKAGES[@]}" "${DEBIAN_OPENSSL_PACKAGES[@]}"; do
    printf '%s\n' "$entry" | tr ' ' '\n' | tail -n +2
  done
}

# Installs the packages of which a program is missing. $@: entries of a list above.
debian::install_missing() {
  local entry program
  local -a missing=()
  for entry in "$@"; do
    for program in $(printf '%s\n' "$entry" | cut -s -d ' ' -f 2-); do
      command -v "$program" >/dev/null || { missing+=("${entry%% *}") && break; }
    done
  done
  ((${#missing[@]} == 0)) || install::debian "${missing[@]}"
}
