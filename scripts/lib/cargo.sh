# shellcheck shell=bash
#
# The optimised programs, built by cargo. To be sourced: it only defines functions.
#
# needs  ROOT, the checkout
# env    CARGO_TARGET_DIR  where cargo builds (target in the checkout)

# Prints the folder in which cargo builds, also where cargo's own configuration names another one.
cargo::target_dir() {
  local folder=${CARGO_TARGET_DIR:-$ROOT/target}
  [[ $folder == /* ]] || folder=$PWD/$folder
  printf '%s\n' "$folder"
}

# Builds the programs of these packages in the checkout, whose toolchain is used wherever one stands. $@: the packages.
cargo::build_programs() {
  local target
  target=$(cargo::target_dir)
  (cd "$ROOT" && cargo build --release --bins --target-dir "$target" "${@/#/--package=}")
}
