# shellcheck shell=bash
#
# Prints a script's header as its help. Source it; it only defines a function.

# Prints the header of a script without the comment signs. $1: the script.
help::print() {
  sed -n -e '1,2d' -e '/^#/!q' -e 's/^# \{0,1\}//p' "$1"
}
