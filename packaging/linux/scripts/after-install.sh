#!/bin/sh
# After the first installation: start in every graphical session that is open, as its next login would.
# A program that is running already notices that its files are new and starts itself again; nothing is done for it here.
set -e
case "$1" in
    configure) [ -z "$2" ] || exit 0 ;; # Debian: there was a version before
    1) ;;                               # RPM: the first
    *) exit 0 ;;
esac
command -v loginctl >/dev/null 2>&1 && command -v systemd-run >/dev/null 2>&1 || exit 0
loginctl list-sessions --no-legend 2>/dev/null | while read -r session _; do
    kind=$(loginctl show-session "$session" --property=Type --value 2>/dev/null || true)
    user=$(loginctl show-session "$session" --property=Name --value 2>/dev/null || true)
    class=$(loginctl show-session "$session" --property=Class --value 2>/dev/null || true)
    [ "$class" = user ] && [ -n "$user" ] || continue
    case "$kind" in x11 | wayland) ;; *) continue ;; esac
    timeout 10 systemd-run --quiet --collect --user --machine="$user@.host" /usr/bin/flowpilot-tray --autostart \
        >/dev/null 2>&1 || echo "flowpilot-tray: starts at the next login of $user" >&2
done
exit 0
