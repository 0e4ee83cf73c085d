#!/usr/bin/env bash
#
# Shows the state of every machine of the fleet: disks, memory, load, clock, programs, repositories, updates, and what to
# do about problems. It runs `launcher fleet health`.
#
# usage  scripts/fleet-health.sh [MACHINE...] [--json] [--help]
#          --json  prints all that the machines reported, for programs
# exit   0 no problem or only warnings, 30 some machines failed, 31 all failed, 32 a machine has a bad value

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# shellcheck source=scripts/lib/fleet.sh
. "$ROOT/scripts/lib/fleet.sh"

fleet::run "${BASH_SOURCE[0]}" health "$@"
