"""The kinds of values in settings: how each is written, checked and refused."""

from __future__ import annotations

import importlib.util
import ipaddress
import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, SecretStr

from translink.credentials import base_url, header_key, known_host
from translink.settings.secrets import fetched, masked_options
from translink.text.keyterms import clean_terms
from translink.text.tags import TWO_LETTERS

LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
"""BCP 47, written with a hyphen: `en`, `pt-BR`."""
TOKEN_LENGTH = 32
"""Characters, as `rust/engine` has it."""
AUTO = "auto"
"""The language of a leg whose candidates are tried."""


class Address(NamedTuple):
    """A UDP or TCP address. Written `host:port`; a port alone means loopback."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def reached(self) -> Address:
        """Where this machine reaches what listens here: that of every interface on loopback."""
        return self._replace(host={"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host))


def reached_at(host: str, otherwise: str) -> str:
    """The host to give to others; `otherwise`: where it stands for every address of this machine."""
    return otherwise if host in ("0.0.0.0", "::") else host


def is_loopback(host: str) -> bool:
    """Is it an address or name of this very machine?"""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_installed(module: str) -> bool:
    """Whether a module of an extra is there."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def has_port(source: str) -> bool:
    """Is it `ip:port`, and not an `ip` with all its ports?"""
    try:
        ipaddress.ip_address(source)
    except ValueError:
        return True
    return False


def refuse_doubles(where: str, field: str, values: list[str]) -> None:
    """Raise `ValueError` if two legs have the same value."""
    for value, times in Counter(values).items():
        if times > 1:
            raise ValueError(
                f"{where}: {field} should differ from leg to leg, {value} is there {times} times"
            )


def _address(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(?:\[([^\]]+)\]:|([^:\s]*):)?(\d{1,5})", value.strip())
    if match is None or int(match[3]) > 65_535:
        raise ValueError("should be host:port, as in 127.0.0.1:6120, with a port from 0 to 65535")
    if match[1] is not None and ":" not in match[1]:
        raise ValueError(f"{match[1]} is no IPv6 address; should be as in [::1]:6120")
    host = known_host(match[1] or match[2] or "127.0.0.1")
    return Address(host, int(match[3]))


def _openai_url(value: str) -> str:
    """Without the `/v1` that other programs want at its end."""
    return base_url(value.strip().rstrip("/").removesuffix("/v1"))


def _key(value: SecretStr) -> SecretStr:
    return SecretStr(header_key(fetched(value.get_secret_value().strip())))


def _token(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if len(text.encode()) != TOKEN_LENGTH:
        raise ValueError(
            f"should be {TOKEN_LENGTH} characters, as `openssl rand -hex 16` makes them"
        )
    return value


def _endpointing(value: object) -> object:
    if value is False or (isinstance(value, str) and value.lower() in ("false", "off")):
        return False
    if (
        value is not True
        and re.fullmatch(r"\d{1,5}", str(value))
        and 10 <= int(str(value)) <= 10_000
    ):
        return int(str(value))
    raise ValueError("should be ms of silence from 10 to 10000, as in 300, or false")


def known_language(value: str) -> str:
    """The same. Raises `ValueError`."""
    if value == "multi":
        raise ValueError(
            "multi has no language to translate from or to; for a party whose language is not known "
            'write language = "auto" and candidates = ["en", "fr"]'
        )
    if not LANGUAGE_TAG.fullmatch(value):
        raise ValueError("should be a language tag with a hyphen, as in en, fr or pt-BR")
    code = value.partition("-")[0]
    if len(code) == 2 and code not in TWO_LETTERS:
        raise ValueError(f"{code} is no language; should be a tag as in en, fr or pt-BR")
    return value


def _leg_language(value: str) -> str:
    return value if value == AUTO else known_language(value)


def comma_separated(value: object) -> object:
    """`a, b` as two; anything else as it is."""
    if isinstance(value, str):
        return tuple(term for part in value.split(",") if (term := part.strip()))
    return value


def once_each(value: tuple[str, ...]) -> tuple[str, ...]:
    """The same. Raises `ValueError` for none, and for one that comes twice."""
    if not value or len(set(value)) < len(value):
        raise ValueError("should name at least one, and each once, in the order they are asked in")
    return value


def port_range(value: str) -> range:
    """`24000-24999` as a range. Raises `ValueError`."""
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", value.strip())
    ports = range(int(match[1]), int(match[2]) + 1) if match else range(0)
    if len(ports) < 2 or ports[0] < 1 or ports[-1] > 65_535:
        raise ValueError("should be two ports or more, first to last, as in 24000-24999")
    return ports


def _port_range(value: str) -> str:
    port_range(value)
    return value.strip()


def _host(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("should be an IP address, as in 127.0.0.1 or 0.0.0.0") from None


def _host_port(value: str) -> str:
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+)(?::(\d{1,5}))?", value)
    if match is None or int(match[2] or 1) not in range(1, 65_536):
        raise ValueError("should be a host, with or without a port, as in calls.example.com:8443")
    known_host(match[1].strip("[]"))
    return value


def _source(value: str) -> str:
    """Checked here, so that the error names the setting; the engine reads it."""
    match = re.fullmatch(r"\[([^\]]+)\]:(\d{1,5})|([^:]+):(\d{1,5})|(.+)", value)
    try:
        if match is None or "%" in value:
            raise ValueError
        ipaddress.ip_address(match[1] or match[3] or match[5])
    except ValueError:
        raise ValueError(
            "should be an IP address, with or without a port, as in 192.0.2.7 or 192.0.2.7:4000"
        ) from None
    if not 0 < int(match[2] or match[4] or 1) <= 65_535:
        raise ValueError("should have a port from 1 to 65535")
    return value


def _sources(value: object) -> object:
    if value in ("first", "any"):
        return value
    terms = comma_separated(value)
    if not isinstance(terms, list | tuple) or not all(isinstance(term, str) for term in terms):
        raise ValueError("should be first, any, or IP addresses with or without a port")
    if not 1 <= len(terms) <= 8:
        raise ValueError("should name 1 to 8 addresses")
    return tuple(_source(term) for term in terms)


def _pair(value: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}-[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", value):
        raise ValueError("should be two languages, from and to, as in en-fr or en-pt-BR")
    return value


AddressSetting = Annotated[
    Address, BeforeValidator(_address), PlainSerializer(str, return_type=str)
]
Key = Annotated[SecretStr, AfterValidator(_key)]
Token = Annotated[SecretStr, AfterValidator(_key), AfterValidator(_token)]
"""What a sender of the shared port says first."""
FreeOptions = Annotated[
    dict[str, Annotated[str | SecretStr, Field(union_mode="left_to_right")]],
    BeforeValidator(masked_options),
]
"""Names that are somebody else's, to texts; those that sound like a secret's are secrets, in all their forms."""
BaseUrl = Annotated[str, AfterValidator(base_url)]
OpenAiUrl = Annotated[str, AfterValidator(_openai_url)]
"""With or without `/v1` at its end."""
Endpointing = Annotated[int | Literal[False], BeforeValidator(_endpointing)]
Terms = Annotated[tuple[str, ...], BeforeValidator(comma_separated)]
Pair = Annotated[str, AfterValidator(_pair)]
"""From and to: `en-fr`, `en-pt-BR`; the language that is translated from has no region."""
Keyterms = Annotated[tuple[str, ...], BeforeValidator(comma_separated), AfterValidator(clean_terms)]
"""What a talker is likely to say: names, terms."""
VENDORS_OF: Mapping[str, tuple[str, ...]] = {
    "listen": ("deepgram", "openai", "offline"),
    "translate": ("deepl", "openai", "offline"),
    "speak": ("deepgram", "elevenlabs", "openai", "offline"),
}
"""Stage to those that have settings of their own, or need none. Others are in `vendors`."""
VendorName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,31}$")]
"""Of a provider."""
Recognisers = Annotated[
    tuple[VendorName, ...],
    BeforeValidator(comma_separated),
    AfterValidator(once_each),
]
Translators = Annotated[
    tuple[VendorName, ...],
    BeforeValidator(comma_separated),
    AfterValidator(once_each),
]
Speakers = Annotated[
    tuple[VendorName, ...],
    BeforeValidator(comma_separated),
    AfterValidator(once_each),
]
"""Vendors of a stage, in the order in which they are asked."""
PortRange = Annotated[str, AfterValidator(_port_range)]
"""`first-last`; `port_range` makes a range of it."""
Source = Annotated[str, AfterValidator(_source)]
"""Where datagrams come from: `ip` or `ip:port`."""
Sources = Annotated[Literal["first", "any"] | tuple[str, ...], BeforeValidator(_sources)]
"""Where datagrams may come from: `first`, `any`, or up to 8 of `Source`."""
HostPort = Annotated[str, AfterValidator(_host_port)]
"""A name or an IP address, with or without a port, as `Host` headers have it."""
HostName = Annotated[str, AfterValidator(known_host)]
"""A name or an IP address."""
Host = Annotated[str, AfterValidator(_host)]
"""An IP address."""
Language = Annotated[str, AfterValidator(known_language)]
"""BCP 47 with a hyphen: `en`, `fr`, `pt-BR`."""
LegLanguage = Annotated[str, AfterValidator(_leg_language)]
"""Or `auto`."""
