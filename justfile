# The development commands. Each recipe is one command; the logic is in scripts/ and in the tests.

# Lists the recipes
default:
    @just --list

# Runs every test on both engines
test:
    ./scripts/test

# Runs what the hook pre-push runs, in less than 2 minutes
quick:
    ./scripts/test --quick

# Installs the git hooks pre-commit and pre-push
hooks:
    ./scripts/install-hooks

# Writes every generated file: the OpenAPI document, the tables in docs, the schema, the snapshots
gen:
    UPDATE_GENERATED=1 cargo nextest run --all-features -E 'test(in_step)'

# Formats Rust code and shell scripts
fmt:
    cargo fmt --all
    ./scripts/lint --write

# Builds the Worker and prints its size
worker:
    ./scripts/build-worker

# Runs the API on this machine
api *ARGS:
    ./scripts/api {{ARGS}}
