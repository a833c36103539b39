#!/bin/sh
# Stands in for dora in tests: notes what it is asked in the folder it runs in, and is up between `up` and `down`.
case "$1" in list|node) ;; *) echo "$1 $2" >> asked ;; esac
case "$1" in
  up) touch is_up ;;
  down) rm is_up ;;
  list) test -e is_up || exit 1 ;;
  start) test ! -e broken || exit 1; echo "dataflow start triggered: u-1" ;;
esac
