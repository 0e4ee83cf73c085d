# shellcheck shell=bash
#
# The help of a script is its header. To be sourced: it only defines a function.

# Prints the header of a script without its comment signs. $1: the script.
help::print() {
  sed -n -e '1,2d' -e '/^#/!q' -e 's/^# \{0,1\}//p' "$1"
}
