#!/bin/sh
# When it is removed for good: end what runs of it, so that nobody is left with a tray icon without its files.
set -e
case "$1" in
    remove | 0) ;;
    *) exit 0 ;; # an upgrade
esac
for exe in /proc/[0-9]*/exe; do
    [ "$(readlink "$exe" 2>/dev/null)" = /usr/lib/flowpilot-tray/flowpilot-tray ] || continue
    process=${exe#/proc/}
    kill -TERM "${process%/exe}" 2>/dev/null || true
done
exit 0
