"""The macOS program's Info.plist: what the system knows of it before it runs.

Not run here: there is no macOS to build on. `tests/packaging/test_macos_files.py` reads what comes of it.
"""

from typing import Final

BUNDLE_ID: Final = "com.flowpilot.escalations"
OLDEST: Final = "12.0"
"""Qt 6.11 and the Python of the release builder run from macOS 12 on."""


def info_plist(version: str) -> dict[str, object]:
    """The entries beside those that PyInstaller writes itself."""
    return {
        "CFBundleIdentifier": BUNDLE_ID,
        "CFBundleName": "FlowPilot Escalations",
        "CFBundleDisplayName": "FlowPilot Escalations",
        "CFBundleShortVersionString": version,
        "CFBundleVersion": version,
        "CFBundlePackageType": "APPL",
        "LSMinimumSystemVersion": OLDEST,
        "LSApplicationCategoryType": "public.app-category.productivity",
        # An icon in the menu bar and none in the Dock; never put to sleep while it waits for an escalation.
        "LSUIElement": True,
        "LSAppNapIsDisabled": True,
        "LSMultipleInstancesProhibited": False,
        "NSHighResolutionCapable": True,
        "NSSupportsAutomaticGraphicsSwitching": True,
        "NSHumanReadableCopyright": "Copyright 2026 FlowPilot",
        "CFBundleURLTypes": [
            {"CFBundleURLName": f"{BUNDLE_ID}.link", "CFBundleURLSchemes": ["flowpilot"], "CFBundleTypeRole": "Viewer"}
        ],
    }
