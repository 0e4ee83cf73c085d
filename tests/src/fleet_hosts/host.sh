# The first process of a host: it makes the host's network and file system, and runs sshd. It ends when its standard
# input is closed, and everything in its namespaces ends with it.
#
# $1  the folder of the host: etc/ with what the host has of its own, home/
# $2  the hostname
# $3  the address, with the length of its prefix
# $4  the MAC address
# $5  the network namespace of the bridge
# $6  the name of this host's port on the bridge
# $7  the folder of Deckwatch's programs
# $8  the program sshd

set -euo pipefail

# The file system of processes is still the one outside, so this is the process id outside.
read -r pid _ </proc/self/stat

network() {
  # A host that was stopped a moment ago may still have its port.
  nsenter --net="$5" ip link delete "$6" 2>/dev/null || true
  ip -batch - <<COMMANDS
link set lo up
link add eth0 address $4 type veth peer name $6 netns $5
address add $3 dev eth0
link set eth0 up
COMMANDS
  nsenter --net="$5" ip link set "$6" up master bridge0
  # The addresses of the other hosts are known, as on a tailnet: a host that is down does not answer, instead of being
  # reported as missing by the network.
  ip -batch "$1/neighbours"
}

# A host has its own /etc, /home, /tmp and /run. In its /etc, files that it does not have of its own are links to those of
# the machine that runs the test.
files() {
  local file
  mount -t tmpfs -o mode=755 run /run
  mkdir -p /run/sshd /run/deckwatch/bin /run/test-machine
  chmod 700 /run/test-machine
  mount --rbind / /run/test-machine
  mkdir /run/etc
  mount --rbind /etc /run/etc
  for file in launcher deckwatch-mcp deckwatch-server; do
    : >"/run/deckwatch/bin/$file"
    mount --bind "$7/$file" "/run/deckwatch/bin/$file"
  done
  mount --bind "$1/home" /home
  mount --bind "$1/etc" /etc
  mount -t tmpfs -o mode=1777 tmp /tmp
  mount -t proc proc /proc
}

printf '%s\n' "$2" >/proc/sys/kernel/hostname
network "$@"
files "$@"
"$8" -E /etc/ssh/log
# sshd writes this file when it listens.
for ((tries = 0; tries < 1000; tries++)); do
  [[ ! -s /run/sshd.pid ]] || break
  sleep 0.01
done
[[ -s /run/sshd.pid ]] || { cat /etc/ssh/log >&2 && exit 1; }
printf 'ready %s\n' "$pid"
read -r _ || true
