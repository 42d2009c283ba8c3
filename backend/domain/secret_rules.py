"""The rules by which secrets are found. Each names its kind; group `v` (or `q`, in quotes) is what is taken out.

Sources: the published formats of the providers, and the command lines by which service desks set passwords.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from backend.domain.secret_words import mixed, no_secret, opaque, plausible, strong

Kind = Literal[
    "password", "private key", "access token", "recovery key", "MFA seed", "PIN", "one-time code", "pre-shared key"
]
Check = Callable[[str, bool], bool]
"""Value, and whether nothing follows it on its line."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern and what its value must look like."""

    kind: Kind
    pattern: "re.Pattern[str]"
    check: Check
    needs: tuple[str, ...] = ()
    """In small letters: a text with none of these holds nothing for this rule, and is not read by it."""

    def may_match(self, folded: str) -> bool:
        """Whether a text, case-folded, is worth the rule's time."""
        return not self.needs or any(word in folded for word in self.needs)

    def span(self, match: "re.Match[str]") -> tuple[int, int]:
        """Where the secret stands; an empty span when the value is none."""
        name = "q" if "q" in match.re.groupindex and match["q"] is not None else "v"
        start, end = match.span(name)
        value = match[name]
        if name == "v":
            value = value.rstrip(".,;:)")
            end = start + len(value)
        line = match.string[end : end + 200].partition("\n")[0].strip(" \t\r.,;\"'`")
        return (start, end) if value and self.check(value, not line) else (start, start)


def _rule(
    kind: Kind, pattern: str, check: Check | None = None, flags: int = re.IGNORECASE, needs: tuple[str, ...] = ()
) -> Rule:
    return Rule(kind, re.compile(pattern, re.VERBOSE | flags), check or _any, needs)


def _any(value: str, last: bool) -> bool:  # noqa: ARG001, FBT001 - one of the checks
    return not value.startswith("[redacted")


def _set(value: str, last: bool) -> bool:  # noqa: ARG001, FBT001
    """An argument that sets a password: any but a place holder or another option."""
    return len(value) > 2 and value[0] not in "/-*$<%[{" and not value.startswith("\\\\")


def _argument(value: str, last: bool) -> bool:  # noqa: ARG001, FBT001
    return value[0] not in "/-*$<%[{" and value.lower() not in {"command", "to", "and", "is", "from"}


def _plausible(value: str, last: bool) -> bool:  # noqa: FBT001
    return plausible(value, last=last)


def _mixed(value: str, last: bool) -> bool:  # noqa: ARG001, FBT001
    return mixed(value)


def _strong(value: str, last: bool) -> bool:  # noqa: ARG001, FBT001
    return strong(value)


def _opaque(value: str, last: bool) -> bool:  # noqa: ARG001, FBT001
    return opaque(value)


def _key(value: str, last: bool) -> bool:  # noqa: ARG001, FBT001
    return len(value) >= 6 and not no_secret(value)


_VALUE: Final = r"""(?: "(?P<q>[^"\n]{3,200})" | [`'“‘]?(?P<v>[^\s"'`<>“”‘’|]{3,200}) )"""
_PASSWORD: Final = r"""(?<![A-Za-z])(?:(?:password|passwd|passwort|kennwort|passphrase|passcode|pwd|pass|pw)
    |mot\ de\ passe|contraseña|wachtwoord|senha|laps)"""
_BETWEEN: Final = r"(?:[ \t]*\([^)\n]{1,40}\))?[ \t]*"
_SECRET: Final = r"""(?<![A-Za-z])(?:client[ _-]?secret|secret[ _-]?(?:access[ _-]?)?key|api[ _-]?(?:key|token|secret)|
    access[ _-]?token|refresh[ _-]?token|auth[ _-]?token|bearer[ _-]?token|secret|token|registration[ _-]?key|account[ _-]?key|
    shared[ _-]?access[ _-]?key)"""
_PASSWORD_NEEDS: Final = ("pass", "pw", "kennwort", "contraseña", "wachtwoord", "senha", "laps")
_SECRET_NEEDS: Final = ("secret", "token", "key")
_WIFI_NEEDS: Final = ("shared", "psk", "wi-fi", "wifi", "wlan", "wpa", "ssid", "wireless", "guest")
_RUN_NEEDS: Final = ("sshpass", "psexec", "plink", "pscp", "rdesktop", "paexec", "mysqldump", "ldapsearch", "winexe")
_WIFI: Final = r"(?:wi-?fi|wlan|wpa[23]?(?:-psk)?|ssid|wireless|guest)"

RULES: Final[tuple[Rule, ...]] = (
    # Formats that speak for themselves.
    _rule("access token", r"(?<![\w.])(?P<v>eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,})", None, 0),
    _rule(
        "access token",
        r"\b(?P<v>(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{40,}|glpat-[\w-]{20,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[\w-]{20,}|npm_[A-Za-z0-9]{36}|pypi-[\w-]{40,}|AIza[\w-]{35}|ya29\.[\w-]{20,}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{20,}|sk-(?:proj-|ant-)?[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}|dop_v1_[0-9a-f]{40,}|hf_[A-Za-z0-9]{30,}|AGE-SECRET-KEY-1[A-Z0-9]{50,}|shp(?:at|ss|ca)_[0-9a-fA-F]{32}|tskey-[\w-]{20,}|ATATT3[\w=-]{30,}))",
        None,
        0,
    ),
    _rule("access token", r"(?<![A-Z0-9])(?P<v>(?:AKIA|ASIA)[A-Z0-9]{16})(?![A-Z0-9])", None, 0),
    _rule(
        "access token",
        r"(?P<v>https://hooks\.slack\.com/(?:services|workflows)/[\w/]{20,}|https://[\w.-]+\.webhook\.office\.com/webhookb2/\S{20,}|https://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/\d+/[\w-]{20,})",
    ),
    _rule("access token", r"\bBearer[ ]+(?P<v>[\w.~+/-]{16,}=*)", _opaque),
    _rule("access token", r"\bAuthorization:[ ]*Basic[ ]+(?P<v>[A-Za-z0-9+/]{8,}={0,2})"),
    _rule(
        "access token",
        r"[?&;](?:access_token|auth_token|api_?key|apikey|token|sig|signature|client_secret|subscription-key|x-amz-signature|code)=(?P<v>[^\s&\"'<>;]{16,})",
        _opaque,
    ),
    _rule("recovery key", r"(?<![\d-])(?P<v>(?:\d{6}[ -]){7}\d{6})(?![\d-])"),
    _rule(
        "recovery key",
        r"(?:recovery|filevault|firmware|rescue|backup)[ ](?:key|code|phrase)s?[^\n]{0,24}?[:= ][ ]*(?P<v>(?:[A-Z0-9]{4}-){3,7}[A-Z0-9]{4})(?![A-Za-z0-9-])",
        needs=("recovery", "filevault", "firmware", "rescue", "backup", "emergency", "scratch"),
    ),
    _rule(
        "recovery key",
        r"(?:recovery|backup|emergency|scratch)[ ]codes?[^\n:=]{0,20}[:=]\s*(?P<v>[a-z0-9]{4,5}-[a-z0-9]{4,5}(?:[ ,\n]+[a-z0-9]{4,5}-[a-z0-9]{4,5})*)",
        needs=("recovery", "filevault", "firmware", "rescue", "backup", "emergency", "scratch"),
    ),
    _rule("MFA seed", r"otpauth://[^\s]{0,200}?[?&]secret=(?P<v>[A-Z2-7]{10,}=*)"),
    _rule(
        "MFA seed",
        r"\b(?:totp|mfa|2fa|authenticator|otp)[ _-]?(?:seed|secret|key|setup[ ]key|secret[ ]key)[ ]*(?:[:=]|is)?[ ]*(?P<v>(?:[A-Z2-7]{4}[ ]?){4,16})(?![A-Za-z0-9])",
    ),
    # Addresses and connection strings.
    _rule("password", r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"']{0,80}:(?P<v>[^\s/@\"'<>]{2,120})@", _set),
    _rule("password", r"(?<![A-Za-z])(?:password|pwd)[ ]*=[ ]*(?P<v>[^\s;\"'&,]{3,120})[ ]*(?=;)", _set),
    _rule("access token", r"\b(?:AccountKey|SharedAccessKey|SharedSecret)[ ]*=[ ]*(?P<v>[A-Za-z0-9+/]{20,}={0,2})"),
    _rule("access token", r"\baws_?secret_?access_?key[\"']?[ ]*[:=][ ]*[\"']?(?P<v>[A-Za-z0-9/+]{40})"),
    # Command lines.
    _rule(
        "password",
        r"\bnet(?:\.exe|1)?[ ]+user[ ]+(?:\"[^\"\n]+\"|[^\s/\"]+)[ ]+(?:\"(?P<q>[^\"\n]{2,128})\"|(?P<v>[^\s\"]{2,128}))",
        _argument,
    ),
    _rule("password", rf"\bnet(?:\.exe)?[ ]+use[ ]+(?:[a-z]:|\*)?[ ]*\\\\\S+[ ]+(?:/user:\S+[ ]+)?{_VALUE}", _set),
    _rule(
        "password",
        r"\bConvertTo-SecureString[ ]+(?:-(?:AsPlainText|String|Force)[ ]+)*[\"'](?P<v>[^\"'\n]{3,200})[\"']",
        _set,
    ),
    _rule(
        "password",
        rf"(?<![\w-])(?:--?|/)(?:password|passwd|pwd|pass|adminpassword|newpassword|accountpassword|rp|pw|sapwd|rootpw)(?:[ ]+|=|:)[ ]*{_VALUE}",
        _set,
    ),
    _rule(
        "password",
        rf"\b(?:sshpass|psexec(?:64)?|plink|pscp|rdesktop|paexec|mysqldump|ldapsearch|winexe)\b[^\n]{{0,120}}?[ ](?:-p|-pw|-w)[ ]+{_VALUE}",
        _set,
        needs=_RUN_NEEDS,
    ),
    _rule(
        "password",
        r"\b(?:mysql|mysqldump|mysqladmin|7z|7za|rar|unrar)(?:\.exe)?\b[^\n]{0,120}?[ ]-p(?P<v>[^\s\"'-]\S{3,100})",
        _set,
    ),
    _rule("password", r"\b(?:xfreerdp|wfreerdp|mstsc)\b[^\n]{0,160}?[ ]/p:(?P<v>\S{3,100})", _set),
    _rule("password", r"\bcurl\b[^\n]{0,200}?[ ](?:-u|--user)[ ]+[\"']?[^\s:\"']{1,80}:(?P<v>[^\s\"']{3,100})", _set),
    _rule(
        "password",
        r"\b(?:smbclient|rpcclient|net[ ]rpc)\b[^\n]{0,160}?-U[ ]+[\"']?[^\s%\"']{1,80}%(?P<v>[^\s\"']{3,100})",
        _set,
    ),
    _rule("password", r"\b(?:chpasswd|htpasswd)\b[^\n]{0,100}?[\"']?[\w.-]{1,60}:(?P<v>[^\s\"']{3,100})", _set),
    _rule(
        "password", r"\becho[ ]+[\"']?[\w.-]{1,60}:(?P<v>[^\s\"'|]{3,100})[\"']?[ ]*\|[ ]*(?:sudo[ ]+)?chpasswd", _set
    ),
    _rule("password", r"\bidentified[ ]by[ ]+[\"'](?P<v>[^\"'\n]{3,100})[\"']", _set),
    _rule("password", r"\b(?:with|set)[ ]password[ ]*=?[ ]*[\"'](?P<v>[^\"'\n]{3,100})[\"']", _set),
    _rule("password", r"\b(?:enable[ ]secret|secret|password)[ ](?:[05789][ ])(?P<v>\S{4,120})", _set),
    _rule("password", r"\benable[ ](?:secret|password)[ ](?P<v>(?![05789][ ])\S{4,120})", _mixed),
    _rule("password", r"\bset[ ](?:password|passwd|psksecret|passphrase)[ ](?:ENC[ ])?(?P<v>\S{4,200})", _mixed),
    _rule("pre-shared key", r"\bset[ ]psksecret[ ](?:ENC[ ])?(?P<v>\S{4,200})", _set),
    _rule("pre-shared key", r"\bsnmp-server[ ]community[ ](?P<v>(?!(?:public|private)\b)\S{4,60})"),
    # Said in words.
    _rule(
        "pre-shared key",
        rf"(?:pre-?shared[ -]key|\bpsk\b|{_WIFI}[ ](?:key|passphrase|password|pass|pw|psk))[ ]*(?:\([^)\n]{{1,30}}\)[ ]*)?(?:[:=]|is|->|→)[ ]*{_VALUE}",
        _key,
        needs=_WIFI_NEEDS,
    ),
    _rule(
        "pre-shared key",
        rf"(?:\bpre-?shared-key|\bpsk|{_WIFI}[ ](?:key|password|pass|pw))[ ]+{_VALUE}",
        _mixed,
        needs=_WIFI_NEEDS,
    ),
    _rule(
        "password", rf"{_PASSWORD}[\"']?{_BETWEEN}(?:[:=]+>?|->|→|=>)[ \t]*{_VALUE}", _plausible, needs=_PASSWORD_NEEDS
    ),
    _rule(
        "password",
        rf"{_PASSWORD}(?:[ ]for[ ]\S+(?:[ ]\S+)?|[ ]\(\S+\))?[ ](?:is|was|now[ ]is|is[ ]now|will[ ]be|to|set[ ]to|reset[ ]to|changed[ ]to|ist|lautet|est|es)[ ]+(?:now[ ]|still[ ]|just[ ])?{_VALUE}",
        _mixed,
        needs=_PASSWORD_NEEDS,
    ),
    _rule("password", rf"{_PASSWORD}[ ]+{_VALUE}", _strong, needs=_PASSWORD_NEEDS),
    _rule(
        "password",
        rf"(?<![\w@.\\+-])(?:administrator|admin|root|sa|user|username|login|service|svc[\w.-]{{0,40}}|[\w.-]{{1,40}}\\[\w.$-]{{1,40}}|[\w.+-]{{1,60}}@[\w-]{{1,40}}\.[\w.-]{{1,40}}|\.\\\w{{1,40}})[ ]*(?:[/|:,]|[ ]and)[ ]*{_VALUE}",
        _strong,
    ),
    _rule(
        "password",
        rf"\b(?:credentials?|creds|logins?|log[ ]?in|sign[ ]?in)[ ]*(?:are|is|:|with|as|=)[ ]*[\w.@\\-]{{2,60}}[ ]*(?:[/|:,]|[ ]and|[ ])[ ]*{_VALUE}",
        _mixed,
    ),
    _rule(
        "access token", rf"{_SECRET}[\"']?{_BETWEEN}(?:[:=]+>?|is|->|→|=>)[ \t]*{_VALUE}", _opaque, needs=_SECRET_NEEDS
    ),
    _rule(
        "access token",
        rf"{_SECRET}[ ]+{_VALUE}",
        lambda value, _: opaque(value) and len(value) >= 20,
        needs=_SECRET_NEEDS,
    ),
    _rule(
        "PIN",
        r"\b(?:PIN|pin[ ]?code|voicemail[ ]pin|alarm[ ]code|door[ ]code|gate[ ]code|unlock[ ]code)(?:[ ]for[ ]\S+(?:[ ]\S+)?)?[ ]*(?:[:=]|is|was|set[ ]to|->)[ ]*(?P<v>\d{4,8})(?![\d.:/-])",
        needs=("pin", "code"),
    ),
    _rule(
        "one-time code",
        r"\b(?:mfa|2fa|otp|sms|verification|one-?time|login|security|authenticator|passcode|confirmation)[ ](?:code|pin|passcode)[ ]*(?:[:=]|is|was|->)?[ ]*(?P<v>\d{3}[ -]?\d{3}|\d{7,8})(?![\d.:/-])",
        _any,
        needs=("pin", "code"),
    ),
)
