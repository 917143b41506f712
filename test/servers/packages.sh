#!/usr/bin/env bash
# usage: packages.sh SERVER...     SERVER = dovecot | courier | cyrus
# Unpacks each server's Debian packages below the cache, and prints one folder per server. Nothing is installed: the
# three conflict with one another, and unpacking needs neither root nor dpkg's lock.
set -euo pipefail

cache=/var/tmp/imap-to-m365-servers-$(id -u)

packages_of() {
  case $1 in
    dovecot) echo dovecot-core dovecot-imapd ;;
    courier) echo courier-imap courier-base courier-authdaemon courier-authlib courier-authlib-userdb gamin ;;
    cyrus) echo cyrus-imapd cyrus-common sasl2-bin libsasl2-2 libsasl2-modules libsasl2-modules-db ;;
    *) echo "no such server: $1" >&2; return 2 ;;
  esac
}

update_lists() {
  if [ "$(id -u)" = 0 ]; then apt-get -qq update >&2; fi
}

# download PACKAGE...: these and what they depend on that this machine lacks. Mail transport agents and headers are
# dependencies too, but no IMAP server needs them to run.
download() {
  local missing
  missing=$(apt-get -s --no-install-recommends install "$@" | awk '$1 == "Inst" { print $2 }' |
    grep -vE '^(exim4|msmtp|bsd-mailx)|-dev$' || true)
  # shellcheck disable=SC2086 # one word per package
  apt-get -qq download $(printf '%s\n' "$@" $missing | sort -u)
}

unpack() { # SERVER
  local folder=$cache/$1 packages work deb
  packages=$(packages_of "$1")
  [ -d "$folder" ] && return
  work=$(mktemp -d "$cache/.unpack.XXXXXX")
  chmod 755 "$work" # the servers run as nobody; apt downloads as _apt
  # shellcheck disable=SC2064 # this folder, not a later one
  trap "rm -rf '$work'" EXIT
  cd "$work"
  # shellcheck disable=SC2086
  apt-cache show $packages >/dev/null 2>&1 || update_lists
  # shellcheck disable=SC2086
  download $packages 2>errors || { update_lists && download $packages 2>errors; } || {
    cat errors >&2
    echo "cannot download $packages: is the package list old? (apt-get update)" >&2
    return 1
  }
  mkdir root
  for deb in ./*.deb; do dpkg -x "$deb" root; done
  # /lib is a link to /usr/lib, so that one overlay over /usr holds everything
  if [ -d root/lib ]; then cp -a root/lib/. root/usr/lib/; fi
  chmod -R a+rX root
  mv root "$folder"
}

mkdir -p "$cache"
[ -O "$cache" ] || { echo "$cache belongs to somebody else" >&2; exit 1; }
exec 9>"$cache/.lock"
flock 9 # several test files may start at once
for server in "$@"; do
  (unpack "$server")
  echo "$cache/$server"
done
