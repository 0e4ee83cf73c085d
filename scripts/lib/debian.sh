# shellcheck shell=bash
#
# The programs that the scripts and tests use and that a Debian base system does not have. Source it after
# install.sh; it only defines functions and these lists.
#
# .ci/run puts only these programs on the PATH of the tests: a test that uses another program fails there.

# Each entry is a package, then its programs. scripts/test installs a package if one of its programs is missing.
DEBIAN_TEST_PACKAGES=(
  "bats bats"
  "bubblewrap bwrap"
  "curl curl"
  "fish fish"
  "iproute2 ip"
  "mosh mosh mosh-client mosh-server"
  "openssh-client ssh ssh-keygen"
  "openssh-server sshd"
  "procps pkill"
  "tmux tmux"
  "zsh zsh"
)

# A Secret Service, as on a Linux desktop.
DEBIAN_KEYRING_PACKAGES=(
  "dbus-daemon dbus-daemon dbus-run-session"
  "gnome-keyring gnome-keyring-daemon"
  "libsecret-tools secret-tool"
)

# worker-build links against OpenSSL.
DEBIAN_OPENSSL_PACKAGES=(
  "pkg-config pkg-config"
  "libssl-dev"
)

# Prints the programs of all packages above, one per line.
debian::programs() {
  local entry
  for entry in "${DEBIAN_TEST_PACKAGES[@]}" "${DEBIAN_KEYRING_PACKAGES[@]}" "${DEBIAN_OPENSSL_PACKAGES[@]}"; do
    printf '%s\n' "$entry" | tr ' ' '\n' | tail -n +2
  done
}

# Installs each package if one of its programs is missing. $@: entries of a list above.
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
