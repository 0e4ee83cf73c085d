# shellcheck shell=bash
#
# Builds the optimised programs with cargo. Source it; it only defines functions.
#
# needs  ROOT, the root of the checkout
# env    CARGO_TARGET_DIR  cargo's target folder (default: target in the checkout)

# Prints cargo's target folder as an absolute path. It takes precedence over a folder in cargo's configuration.
cargo::target_dir() {
  local folder=${CARGO_TARGET_DIR:-$ROOT/target}
  [[ $folder == /* ]] || folder=$PWD/$folder
  printf '%s\n' "$folder"
}

# Builds the programs of packages. Runs in the checkout, so that cargo uses the checkout's toolchain and not the one of
# the current folder. $@: the packages.
cargo::build_programs() {
  local target
  target=$(cargo::target_dir)
  (cd "$ROOT" && cargo build --release --bins --target-dir "$target" "${@/#/--package=}")
}
