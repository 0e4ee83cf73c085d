# shellcheck shell=bash
#
# Installs the tools that build the Worker and run it on this machine, in the versions below. Source it; it only
# defines functions. Each function installs what is missing and otherwise does nothing.
#
# needs  bash, git, cargo with rustup, npm

# shellcheck source=scripts/lib/install.sh
. "$(dirname "${BASH_SOURCE[0]}")/install.sh"
# shellcheck source=scripts/lib/debian.sh
. "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

TOOLS_WASM_TARGET=wasm32-unknown-unknown
# worker/Cargo.toml pins the crate wasm-bindgen to the same version.
TOOLS_WASM_BINDGEN=0.2.130
TOOLS_WORKER_BUILD=0.8.7
TOOLS_OLDEST_NODE=22.12.0

# Installs everything that scripts/build-worker and worker/local/serve.mjs need. $1: root of the checkout.
tools::install_worker_tools() {
  tools::install_wasm_target
  tools::install_node_packages "$1/worker/local"
  tools::install_wasm_bindgen
  tools::install_worker_build
}

tools::install_wasm_target() {
  [[ -d "$(rustc --target "$TOOLS_WASM_TARGET" --print target-libdir)" ]] && return
  install::say "adding the Rust target $TOOLS_WASM_TARGET"
  rustup target add "$TOOLS_WASM_TARGET" >&2
}

tools::install_wasm_bindgen() {
  # Without --locked, because its lock file names a crate version that is no longer available. Without features, because
  # only its test runner needs them, and the test runner is not installed.
  install::locked wasm-bindgen install::cargo wasm-bindgen "$TOOLS_WASM_BINDGEN" wasm-bindgen-cli \
    --no-default-features --bin wasm-bindgen
}

tools::install_worker_build() {
  tools::install_openssl_headers
  install::locked worker-build install::cargo worker-build "$TOOLS_WORKER_BUILD" worker-build --locked
}

# worker-build links against OpenSSL. On macOS, its own error says what to install.
tools::install_openssl_headers() {
  [[ -x "$(install::dir)/bin/worker-build" || "$(uname -s)" != Linux ]] && return
  pkg-config --exists openssl 2>/dev/null || install::debian "${DEBIAN_OPENSSL_PACKAGES[@]%% *}"
}

# $1: a folder with package.json and its lock file.
tools::install_node_packages() {
  install::locked npm install::npm "$1"
}

# Prints the path of a Node that can run Miniflare: the one from worker/local's npm packages, or else the machine's.
# $1: root of the checkout.
tools::node() {
  local node
  for node in "$1"/worker/local/node_modules/node-*/bin/node "$(command -v node || true)"; do
    tools::is_new_enough "$node" && printf '%s\n' "$node" && return
  done
  install::fail "no Node.js $TOOLS_OLDEST_NODE or newer was found; install it from https://nodejs.org"
}

tools::is_new_enough() {
  local version
  version=$("$1" --version 2>/dev/null) || return
  [[ "$(printf '%s\n' "$TOOLS_OLDEST_NODE" "${version#v}" | sort -V | head -n 1)" == "$TOOLS_OLDEST_NODE" ]]
}
