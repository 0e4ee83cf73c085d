#!/usr/bin/env bash
#
# Sets up tmux in the same way on every machine of the fleet, or on those that are named.
#
# usage  scripts/setup-tmux.sh [MACHINE...] [--json] [--help]
# env    DRY_RUN  true: show the changes, and make none
# exit   0 every machine is set up, 30 some are not, 31 none is; `launcher fleet tmux --help` has more

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# shellcheck source=scripts/lib/fleet.sh
. "$ROOT/scripts/lib/fleet.sh"

fleet::change "${BASH_SOURCE[0]}" tmux "$@"
