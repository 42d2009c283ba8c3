"""The set-up program: written as an NSIS script from the same tables as the package for Windows Installer."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import product
from product import PROPERTIES, Property

FAILED: Final = 1603
REBOOT: Final = 3010
_VIEW: Final = "  SetRegView 64\n  SetShellVarContext all\n"
_HEAD: Final = """\
Unicode true
Target amd64-unicode
ManifestDPIAware true
RequestExecutionLevel admin
!include "LogicLib.nsh"
!include "FileFunc.nsh"
!include "StrFunc.nsh"
!include "Win\\COM.nsh"
!include "Win\\Propkey.nsh"
${Using:StrFunc} StrLoc
"""
_OPTION: Final = """\
; The value of /NAME=… (the name in $R1) in the command line ($R0) into $R5. GetOptions would cut it at its first "/".
Function Option
  StrCpy $R5 ""
  ${StrLoc} $R2 $R0 " /$R1=" ">"
  StrLen $R3 " /$R1="
  ${If} $R2 == "" ; the quotes may also be around the whole word
    ${StrLoc} $R2 $R0 ' "/$R1=' ">"
    ${If} $R2 == ""
      Return
    ${EndIf}
    IntOp $R2 $R2 + $R3
    IntOp $R2 $R2 + 1
    StrCpy $R5 $R0 "" $R2
    StrCpy $R5 '"$R5'
  ${Else}
    IntOp $R2 $R2 + $R3
    StrCpy $R5 $R0 "" $R2
  ${EndIf}
  StrCpy $R4 $R5 1
  ${If} $R4 == '"'
    StrCpy $R5 $R5 "" 1
    ${StrLoc} $R2 $R5 '"' ">"
  ${Else}
    ${StrLoc} $R2 $R5 " " ">"
  ${EndIf}
  ${If} $R2 != ""
    StrCpy $R5 $R5 $R2
  ${EndIf}
FunctionEnd
"""
# What could not be removed before is held open by somebody: the new file waits beside it for the next start of Windows.
_PUT: Final = """\
!macro Put source target
  ${If} ${FileExists} "${target}"
    File "/oname=${target}.new" "${source}"
    Rename /REBOOTOK "${target}.new" "${target}"
  ${Else}
    File "/oname=${target}" "${source}"
  ${EndIf}
!macroend
"""
# As the header's own example does it: the shortcut is made by the shell itself, so that it can carry the identity.
_SHORTCUT: Final = """\
  CreateShortcut "$SMPROGRAMS\\{name}.lnk" "$INSTDIR\\{program}"
  !insertmacro ComHlpr_CreateInProcInstance ${{CLSID_ShellLink}} ${{IID_IShellLink}} r0 ""
  ${{If}} $0 P<> 0
    ${{IShellLink::SetPath}} $0 '("$INSTDIR\\{program}").r1'
    ${{IShellLink::SetWorkingDirectory}} $0 '("$INSTDIR").r1'
    ${{IUnknown::QueryInterface}} $0 '("${{IID_IPropertyStore}}",.r1)'
    ${{If}} $1 P<> 0
      System::Call '*${{SYSSTRUCT_PROPERTYKEY}}(${{PKEY_AppUserModel_ID}})p.r2'
      System::Call '*(&w64 "{app_id}")p.r4'
      System::Call '*${{SYSSTRUCT_PROPVARIANT}}(${{VT_LPWSTR}},,p r4)p.r3'
      ${{IPropertyStore::SetValue}} $1 '($2,$3)'
      ${{IPropertyStore::Commit}} $1 ""
      System::Free $2
      System::Free $3
      System::Free $4
      ${{IUnknown::Release}} $1 ""
      ${{IUnknown::QueryInterface}} $0 '("${{IID_IPersistFile}}",.r1)'
      ${{If}} $1 P<> 0
        ${{IPersistFile::Save}} $1 '("$SMPROGRAMS\\{name}.lnk",1)'
        ${{IUnknown::Release}} $1 ""
      ${{EndIf}}
    ${{EndIf}}
    ${{IUnknown::Release}} $0 ""
  ${{EndIf}}
"""


def script(bundle: Path, icon: Path, target: Path, *, version: str, name: str, finish: str = "") -> str:
    """The whole script; `finish` is a command that signs the file named at its end, for the uninstaller."""
    return "".join(
        (
            _HEAD,
            f'Name "{name}"\nOutFile "{target}"\nIcon "{icon}"\nUninstallIcon "{icon}"\nSetCompressor /SOLID lzma\n',
            f'InstallDir "$PROGRAMFILES64\\{product.FOLDER}"\n',
            f"!uninstfinalize '{finish} \"%1\"'\n" if finish else "",
            _version(version, name),
            "Page instfiles\nUninstPage uninstConfirm\nUninstPage instfiles\n",
            *(f"Var {one.name}\n" for one in PROPERTIES),
            _OPTION,
            _PUT,
            *_begin(),
            *_install(bundle, version, name),
            *_remove(),
        )
    )


def _version(version: str, name: str) -> str:
    words = {
        "ProductName": name,
        "CompanyName": product.MAKER,
        "FileVersion": version,
        "ProductVersion": version,
        "FileDescription": f"{name} set-up",
        "LegalCopyright": f"Copyright 2026 {product.MAKER}",
    }
    return f'VIProductVersion "{version}.0"\n' + "".join(
        f'VIAddVersionKey "{key}" "{value}"\n' for key, value in words.items()
    )


def _begin() -> Iterator[str]:
    yield f"Function .onInit\n{_VIEW}"
    yield f'  ReadRegStr $R6 HKLM "{product.PROGRAM_KEY}" "{product.INSTALLER}"\n'
    yield '  ${If} $R6 == "msi"\n' + _refuse("It was installed by the MSI package: remove that first.") + "  ${EndIf}\n"
    yield '  ${GetParameters} $R0\n  StrCpy $R0 " $R0"\n'
    for one in PROPERTIES:
        yield f'  StrCpy $R1 "{one.name}"\n  Call Option\n  StrCpy ${one.name} $R5\n'
        yield from _checked(one)
    yield "FunctionEnd\n"
    yield f"Function un.onInit\n{_VIEW}FunctionEnd\n"


def _checked(one: Property) -> Iterator[str]:
    """Nothing is installed with a value that the program could not use. `$R7` is 1 while it is good."""
    yield f'  ${{If}} ${one.name} != ""\n    StrCpy $R7 0\n'
    for start in one.begins:
        yield f"    StrCpy $R8 ${one.name} {len(start)}\n"
        yield f'    ${{If}} $R8 == "{start}"\n      StrCpy $R7 1\n    ${{EndIf}}\n'
    for choice in one.choices:
        yield f'    ${{If}} ${one.name} == "{choice}"\n      StrCpy $R7 1\n    ${{EndIf}}\n'
    if one.without:
        yield (
            f'    ${{StrLoc}} $R8 ${one.name} "{one.without}" ">"\n'
            '    ${If} $R8 == ""\n      StrCpy $R7 1\n    ${EndIf}\n'
        )
    yield f"    ${{If}} $R7 == 0\n{_refuse(one.fault)}    ${{EndIf}}\n  ${{EndIf}}\n"


def _refuse(words: str) -> str:
    return f'      MessageBox MB_OK|MB_ICONSTOP "{words}" /SD IDOK\n      SetErrorLevel {FAILED}\n      Quit\n'


def _install(bundle: Path, version: str, name: str) -> Iterator[str]:
    program = f"$INSTDIR\\{product.PROGRAM}"
    yield 'Section "main"\n'
    # What was installed elsewhere before stays where it is.
    yield f'  ReadRegStr $R6 HKLM "{product.PROGRAM_KEY}" "InstallDir"\n'
    yield '  ${If} $R6 != ""\n    StrCpy $INSTDIR $R6\n  ${EndIf}\n'
    yield f'  ${{If}} ${{FileExists}} "{program}"\n    ExecWait \'"{program}" {product.MAKE_WAY}\'\n  ${{EndIf}}\n'
    yield f'  ClearErrors\n  Delete "{program}"\n'
    yield "  ${If} ${Errors}\n" + _refuse("The program still runs and cannot be replaced.") + "  ${EndIf}\n"
    yield '  RMDir /r "$INSTDIR\\_internal"\n  RMDir /r "$INSTDIR\\licences"\n  ClearErrors\n  SetOverwrite try\n'
    yield from _files(bundle)
    yield "  ${If} ${Errors}\n" + _refuse("A file could not be written.") + "  ${EndIf}\n"
    for key, value_name, value in (
        (product.PROGRAM_KEY, "InstallDir", "$INSTDIR"),
        (product.PROGRAM_KEY, "Version", version),
        (product.PROGRAM_KEY, product.INSTALLER, "setup"),
        (product.CLASS_KEY, "", f"URL:{product.NAME}"),
        (product.CLASS_KEY, "URL Protocol", ""),
        (rf"{product.CLASS_KEY}\DefaultIcon", "", f'"{program}",0'),
        (rf"{product.CLASS_KEY}\shell\open\command", "", f'"{program}" "%1"'),
        (product.APP_ID_KEY, "DisplayName", product.NAME),
        (product.UNINSTALL_KEY, "DisplayName", name),
        (product.UNINSTALL_KEY, "DisplayVersion", version),
        (product.UNINSTALL_KEY, "DisplayIcon", f'"{program}",0'),
        (product.UNINSTALL_KEY, "Publisher", product.MAKER),
        (product.UNINSTALL_KEY, "InstallLocation", "$INSTDIR"),
        (product.UNINSTALL_KEY, "UninstallString", '"$INSTDIR\\uninstall.exe"'),
        (product.UNINSTALL_KEY, "QuietUninstallString", '"$INSTDIR\\uninstall.exe" /S'),
    ):
        yield f'  WriteRegStr HKLM "{key}" "{value_name}" \'{value}\'\n'
    for flag in ("NoModify", "NoRepair"):
        yield f'  WriteRegDWORD HKLM "{product.UNINSTALL_KEY}" "{flag}" 1\n'
    yield '  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2\n'
    yield f'  WriteRegDWORD HKLM "{product.UNINSTALL_KEY}" "EstimatedSize" $0\n'
    yield from _defaults()
    yield f'  ReadRegStr $R6 HKLM "{product.MACHINE_KEY}" "start_at_login"\n  ${{If}} $R6 == "0"\n'
    yield f'    DeleteRegValue HKLM "{product.RUN_KEY}" "{product.RUN_NAME}"\n  ${{Else}}\n'
    yield f'    WriteRegStr HKLM "{product.RUN_KEY}" "{product.RUN_NAME}" \'"{program}" --autostart\'\n  ${{EndIf}}\n'
    yield _SHORTCUT.format(name=product.NAME, program=product.PROGRAM, app_id=product.APP_ID)
    yield '  WriteUninstaller "$INSTDIR\\uninstall.exe"\n'
    # With files of two versions it is not started: the next login does that. It may not even come up, so nobody waits.
    yield f"  ${{If}} ${{RebootFlag}}\n    SetErrorLevel {REBOOT}\n"
    yield f"    Exec '\"{program}\" {product.KEEP}'\n  ${{Else}}\n"
    yield f"    ExecWait '\"{program}\" {product.START}'\n  ${{EndIf}}\nSectionEnd\n"


def _files(bundle: Path) -> Iterator[str]:
    """Each file by its own words, so that one that is held open keeps none of the others back."""
    for folder in (bundle, *sorted(path for path in bundle.rglob("*") if path.is_dir())):
        within = "\\".join(("$INSTDIR", *(_plain(part) for part in folder.relative_to(bundle).parts)))
        yield f'  SetOutPath "{within}"\n'
        for path in sorted(path for path in folder.iterdir() if path.is_file()):
            yield f'  !insertmacro Put "{_plain(str(path))}" "{within}\\{_plain(path.name)}"\n'
    yield '  SetOutPath "$INSTDIR"\n'


def _plain(text: str) -> str:
    """A dollar is a dollar."""
    return text.replace("$", "$$")


def _defaults() -> Iterator[str]:
    """What was given; what was set before and not given again stays."""
    for one in PROPERTIES:
        yield f'  ${{If}} ${one.name} != ""\n'
        for value_name, value in ((one.value_name, f"${one.name}"), *((one.also,) if one.also else ())):
            yield f'    WriteRegStr HKLM "{product.MACHINE_KEY}" "{value_name}" \'{value}\'\n'
        yield "  ${EndIf}\n"


def _remove() -> Iterator[str]:
    program = f"$INSTDIR\\{product.PROGRAM}"
    yield f'Section "Uninstall"\n  ExecWait \'"{program}" {product.MAKE_WAY}\'\n  ClearErrors\n  Delete "{program}"\n'
    yield "  ${If} ${Errors}\n" + _refuse("The program still runs and cannot be removed.") + "  ${EndIf}\n"
    yield '  RMDir /r /REBOOTOK "$INSTDIR\\_internal"\n  RMDir /r "$INSTDIR\\licences"\n'
    yield '  Delete "$INSTDIR\\uninstall.exe"\n'
    yield '  ${If} ${RebootFlag}\n    RMDir /REBOOTOK "$INSTDIR"\n  ${Else}\n    RMDir "$INSTDIR"\n  ${EndIf}\n'
    yield f'  Delete "$SMPROGRAMS\\{product.NAME}.lnk"\n'
    yield f'  DeleteRegValue HKLM "{product.RUN_KEY}" "{product.RUN_NAME}"\n'
    for one in PROPERTIES:
        for value_name in (one.value_name, *((one.also[0],) if one.also else ())):
            yield f'  DeleteRegValue HKLM "{product.MACHINE_KEY}" "{value_name}"\n'
    for key in (product.CLASS_KEY, product.APP_ID_KEY, product.PROGRAM_KEY):
        yield f'  DeleteRegKey HKLM "{key}"\n'
    yield f'  DeleteRegKey /ifempty HKLM "{product.MACHINE_KEY}"\n'
    yield f'  DeleteRegKey HKLM "{product.UNINSTALL_KEY}"\n'  # last: who started it waits for this one to go
    yield f"  ${{If}} ${{RebootFlag}}\n    SetErrorLevel {REBOOT}\n  ${{EndIf}}\nSectionEnd\n"


def build(bundle: Path, icon: Path, target: Path, work: Path, *, version: str, name: str, finish: str = "") -> None:
    """Make `target`. Raises CalledProcessError, the compiler having said why, and ValueError for a version."""
    product.checked_version(version)
    work.mkdir(parents=True, exist_ok=True)
    source = work / "setup.nsi"
    source.write_text(script(bundle, icon, target, version=version, name=name, finish=finish), encoding="utf-8")
    subprocess.run(["makensis", "-V2", "-WX", "-INPUTCHARSET", "UTF8", str(source)], check=True)
