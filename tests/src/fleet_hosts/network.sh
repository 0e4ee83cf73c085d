# The first process of the network that connects the hosts of a fleet: a bridge, and the API on the address of the
# bridge. It ends when its standard input is closed, and everything in its namespaces ends with it.
#
# $1  the address of the bridge, with the length of its prefix
# $2  the program deckwatch-server
# $3  the folder of the server
# env CONTEXT_API_KEY, ADMIN_API_KEY

set -euo pipefail

# The file system of processes is still the one outside, so this is the process id outside.
read -r pid _ </proc/self/stat
mount -t proc proc /proc
ip -batch - <<COMMANDS
link set lo up
link add bridge0 type bridge
address add $1 dev bridge0
link set bridge0 up
COMMANDS
"$2" --ip "${1%/*}" --port 8787 --data "$3" >"$3/ready" 2>"$3/log" </dev/null &
until [[ -s $3/ready ]]; do
  kill -0 $! 2>/dev/null || { cat "$3/log" >&2 && exit 1; }
  sleep 0.01
done
printf 'ready %s\n' "$pid"
read -r _ || true
