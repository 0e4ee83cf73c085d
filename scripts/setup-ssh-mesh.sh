#!/usr/bin/env bash
#
# Lets every machine of the fleet log in to every other one over SSH, and tries each connection. It runs
# `launcher fleet mesh`; docs/fleet.md describes it.
#
# usage  scripts/setup-ssh-mesh.sh [--dry-run] [--json] [--help]
# env    DRY_RUN  true: shows every change, and makes none
# exit   0 all machines, 30 some, 31 none; 29 no machines are known; 1 the launcher is missing, 2 wrong usage

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# shellcheck source=scripts/lib/fleet.sh
. "$ROOT/scripts/lib/fleet.sh"

fleet::change "${BASH_SOURCE[0]}" mesh "$@"
