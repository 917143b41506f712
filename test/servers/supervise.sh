#!/usr/bin/env bash
# usage: supervise.sh DIR PREFIX keep|remove UNPRIVILEGED...     as the first process of new mount and pid namespaces
# Lays PREFIX/usr over /usr and DIR/etc over /etc, and runs DIR/run.sh behind the command UNPRIVILEGED, which gives root
# up. The server ends when a line comes in (the folder stays) or standard input ends (the folder goes
# too unless it is to be kept, for whoever started it is gone). When this process ends, the kernel ends every other one in its namespace.
set -euo pipefail
dir=$1 prefix=$2 afterwards=$3
shift 3

mount -t proc proc /proc || true # refused in some containers, and only ps would miss it
if [ -d "$dir/etc" ]; then mount -t overlay overlay -o "lowerdir=$dir/etc:/etc" /etc; fi
mount -t overlay overlay -o "lowerdir=$prefix/usr:/usr" /usr
mount -t tmpfs -o mode=1777 tmpfs /run
cd /

exec 3<&0
"$@" bash "$dir/run.sh" </dev/null &
server=$!
(read -r _ <&3 && exit 10 || exit 11) &

ended=0
wait -n || ended=$?
if [ $ended = 11 ]; then
  kill -KILL -1 2>/dev/null || true
  [ "$afterwards" = keep ] || rm -rf "$dir"
  exit
fi
kill -TERM -1 2>/dev/null || true
for _ in {1..20}; do # Cyrus's master may spin instead of ending
  kill -0 "$server" 2>/dev/null || break
  sleep 0.05
done
