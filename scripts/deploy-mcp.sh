#!/usr/bin/env bash
#
# Pulls, builds and installs Deckwatch on every machine of the fleet at once. A checkout in which something would be lost
# is skipped, with the reason. It runs `launcher fleet deploy`.
#
# usage  scripts/deploy-mcp.sh [MACHINE...] [--dry-run] [--json] [--help]
#          --dry-run  shows what would be done, and changes nothing
#          --json     prints the results for programs
# env    DRY_RUN  true is the same as --dry-run
# exit   0 every machine is up to date, 30 some were skipped or failed, 31 all were

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# shellcheck source=scripts/lib/fleet.sh
. "$ROOT/scripts/lib/fleet.sh"

fleet::change "${BASH_SOURCE[0]}" deploy "$@"
