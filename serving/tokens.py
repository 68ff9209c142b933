"""Bearer tokens: who asks, and what they may do."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

from common.errors import SettingsError

CLASSIFY, FEEDBACK = "classify", "feedback"
ROLES = frozenset({CLASSIFY, FEEDBACK})
# Shorter ones can be guessed.
SHORTEST = 16


@dataclass(frozen=True)
class Caller:
    """Who asks: the name of a token, and its roles."""

    name: str
    roles: frozenset[str]


# Where no tokens are asked for, whoever reaches the server may do all.
ANYBODY = Caller("local", ROLES)


@dataclass(frozen=True)
class _Token:
    digest: bytes
    caller: Caller


class Tokens:
    """The tokens of a file; none: nobody is asked for one."""

    def __init__(self, tokens: tuple[_Token, ...] = ()) -> None:
        self._tokens = tokens

    @property
    def are_needed(self) -> bool:
        return bool(self._tokens)

    def caller(self, header: str) -> Caller | None:
        """Who has sent this Authorization header; None: nobody that is known.

        All tokens are compared, in constant time, so nothing is learnt from how long it takes.
        """
        if not self._tokens:
            return ANYBODY
        scheme, _, given = header.partition(" ")
        digest = hashlib.sha256(given.strip().encode("utf-8", "replace")).digest()
        found = None
        for token in self._tokens:
            if hmac.compare_digest(token.digest, digest):
                found = token.caller
        return found if scheme.lower() == "bearer" else None


def read(path: Path | None) -> Tokens:
    """The tokens of a file: `NAME ROLES TOKEN` a line; # starts a comment.

    Raises:
        SettingsError: it can't be read, or a line is something else. No token is repeated in it.
    """
    if path is None:
        return Tokens()
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"SERVE_TOKENS: cannot read {path}: {error}.") from error
    found = []
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or line.lstrip().startswith("#"):
            continue
        where = f"{path}, line {number}"
        if len(words) != 3:
            raise SettingsError(f"{where}: not NAME ROLES TOKEN (it is not shown: it is a secret).")
        name, roles, token = words
        named = frozenset(roles.split(","))
        if not named <= ROLES:
            raise SettingsError(f"{where}: roles are {', '.join(sorted(ROLES))}, with a comma.")
        if len(token) < SHORTEST:
            raise SettingsError(f"{where}: the token has fewer than {SHORTEST} characters.")
        found.append(_Token(hashlib.sha256(token.encode()).digest(), Caller(name, named)))
    if not found:
        raise SettingsError(f"SERVE_TOKENS: {path} has no token.")
    return Tokens(tuple(found))
