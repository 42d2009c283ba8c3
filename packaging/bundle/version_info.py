"""The version resource of the Windows program: what its Properties show."""


def version_resource(version: str) -> object:
    """PyInstaller's version resource for `major.minor.patch`."""
    from PyInstaller.utils.win32 import versioninfo as v  # noqa: PLC0415 - the build environment only

    numbers = (*(int(part) for part in version.split(".")), 0)
    words = {
        "CompanyName": "FlowPilot",
        "FileDescription": "FlowPilot Escalations",
        "FileVersion": version,
        "InternalName": "flowpilot-tray",
        "OriginalFilename": "flowpilot-tray.exe",
        "ProductName": "FlowPilot Escalations",
        "ProductVersion": version,
    }
    strings = v.StringTable("040904B0", [v.StringStruct(name, text) for name, text in words.items()])
    return v.VSVersionInfo(
        ffi=v.FixedFileInfo(filevers=numbers, prodvers=numbers),
        kids=[v.StringFileInfo([strings]), v.VarFileInfo([v.VarStruct("Translation", [0x409, 0x4B0])])],
    )
