#!/usr/bin/env bash
# Builds, signs, notarises and staples the macOS package. Not run here: for the builder of .github/workflows/macos.yml.
#
#     MACOS_APP_IDENTITY        "Developer ID Application: …", in the keychain
#     MACOS_PKG_IDENTITY        "Developer ID Installer: …", in the keychain
#     MACOS_NOTARY_PROFILE      a profile that `xcrun notarytool store-credentials` has kept
#
# Without the identities an unsigned package is made, named so, for trying it on one's own machine.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=${PYTHON:-.venv/bin/python}
version=$("$python" -c 'from desktop.version import VERSION; print(VERSION)')
out=dist
work=build/macos
app="$work/FlowPilot Escalations.app"
identity=${MACOS_APP_IDENTITY:-}
installer=${MACOS_PKG_IDENTITY:-}
suffix=
[ -n "$identity" ] || suffix=-unsigned
pkg="$out/flowpilot-tray-$version-macos$suffix.pkg"

[ "$(uname -s)" = Darwin ] || { echo "this script needs macOS" >&2; exit 2; }
rm -rf "$work" && mkdir -p "$work" "$out"

"$python" packaging/bundle/freeze.py --out "$work"

# Everything is in its place now. Nothing is copied into the app after it is signed: a file that comes late breaks the
# signature, and notifications are then refused in silence.
# Libraries are known by what they are: those of frameworks, Qt's and Python's, have no ending.
program="$app/Contents/MacOS/flowpilot-tray"
if [ -n "$identity" ]; then
    while IFS= read -r -d '' file; do
        case $(file -b "$file") in
            Mach-O*) codesign --force --timestamp --options runtime --sign "$identity" "$file" ;;
        esac
    done < <(find "$app/Contents" -type f ! -path "$program" -print0)
    codesign --force --timestamp --options runtime --entitlements packaging/macos/entitlements.plist \
        --sign "$identity" "$app"
    codesign --verify --deep --strict --verbose=2 "$app"
fi

root="$work/root"
mkdir -p "$root/Applications" "$root/Library/LaunchAgents"
ditto "$app" "$root/Applications/FlowPilot Escalations.app"
install -m 644 packaging/macos/login-item.plist "$root/Library/LaunchAgents/com.flowpilot.escalations.login.plist"
# Else an upgrade would go to wherever this computer has another copy of the app, and the login item would start nothing.
pkgbuild --analyze --root "$root" "$work/components.plist"
plutil -replace 0.BundleIsRelocatable -bool NO "$work/components.plist"
pkgbuild --root "$root" --component-plist "$work/components.plist" --scripts packaging/macos/scripts \
    --identifier com.flowpilot.escalations --version "$version" --install-location / "$work/component.pkg"
if [ -n "$installer" ]; then
    productbuild --package "$work/component.pkg" --sign "$installer" --timestamp "$pkg"
    xcrun notarytool submit "$pkg" --keychain-profile "${MACOS_NOTARY_PROFILE:?}" --wait
    xcrun stapler staple "$pkg"
    xcrun stapler validate "$pkg"
    spctl --assess --type install --verbose "$pkg"
else
    productbuild --package "$work/component.pkg" "$pkg"
fi
shasum -a 256 "$pkg"
