"""What Redis answers when it can't do what we ask, and what that means to us.

Only the first word of an error reply is reliable; redis-py has a class for some of these words and
takes the word out of the text, and leaves the others as they came.
"""

from __future__ import annotations

from redis.exceptions import AuthenticationError, ConnectionError, DataError, ResponseError

from ..errors import AccessRefused, ConfigurationError, CotizaError, QueueDamaged, QueueUnavailable

ELSEWHERE = frozenset({"READONLY", "NOREPLICAS", "UNBLOCKED", "MASTERDOWN"})
"""This server is not, or no longer, the one to ask: connect anew, the name may lead to another."""
FOR_NOW = ELSEWHERE | {"LOADING", "MISCONF", "BUSY", "OOM", "CLUSTERDOWN", "TRYAGAIN", "ASK"}
"""Refused before anything was done, and worth another try in a moment."""
ANEW = ELSEWHERE | {"LOADING", "NOAUTH", "WRONGPASS"}
"""After such an answer the next call connects anew: it may find another server, or be let in."""
_IF_IT_LASTS = {
    "MISCONF": "free the disk of the Redis server and read its log",
    "OOM": "give Redis more memory, or shorten retention",
    "READONLY": "let REDIS_URL lead to the primary, by a name that follows it",
    "MASTERDOWN": "let REDIS_URL lead to the primary, by a name that follows it",
    "NOREPLICAS": "bring the replicas of the Redis server back",
    "LOADING": "look in the log of the Redis server how far it has read its data",
    "BUSY": "find out whose script keeps Redis busy, and end it with SCRIPT KILL or FUNCTION KILL",
    "CLUSTERDOWN": "see in CLUSTER INFO which slots nobody serves",
}
DAMAGED = frozenset({"WRONGTYPE", "NOGROUP"})
_REFUSED = frozenset({"NOPERM", "NOAUTH", "WRONGPASS"})
_SCRIPT_REFUSED = (
    "user executing the script can't",
    "ACL failure in script",
    "without authentication",
    "user is disabled",
)
_CROWDED = "max number of clients reached"


class FunctionMissing(Exception):
    """The server does not know our library (yet, or since a FUNCTION FLUSH)."""


def word_of(error: BaseException) -> str:
    """The first word of an error reply; "" for what is no reply."""
    if not isinstance(error, ResponseError | ConnectionError):
        return ""
    word = error.status_code or str(error).partition(" ")[0]
    return word if word.isupper() and word.isalpha() else ""


def ours(error: Exception, *, sent: bool) -> Exception:
    """A failed call as an error of ours. ``sent``: the server may have got it."""
    text, word = str(error) or type(error).__name__, word_of(error)
    if isinstance(error, DataError) or (isinstance(error, TypeError) and "NoneType" not in text):
        return CotizaError(f"not sent to Redis: {text}", code="redis")
    if "Function not found" in text:
        return FunctionMissing()
    if _CROWDED in text or word in FOR_NOW:
        remedy = _IF_IT_LASTS.get(word, "raise maxclients" if _CROWDED in text else "")
        message = f"Redis can't serve us now: {_said(word, text)}"
        return QueueUnavailable(message, said=word, remedy=remedy)
    if fault := _refusal(error, word, text):
        return fault
    if word in DAMAGED:
        return QueueDamaged(f"Redis answered: {_said(word, text)}")
    if isinstance(error, ResponseError):
        return CotizaError(f"Redis answered: {_said(word, text)}", code="redis")
    return QueueUnavailable(f"Redis can't be reached: {text}", indeterminate=sent)


def _refusal(error: Exception, word: str, text: str) -> ConfigurationError | None:
    if word == "MOVED":
        return ConfigurationError(
            "this Redis is one node of a cluster, and the queue belongs to another node",
            remedy="Use a Redis without cluster mode, or a cluster of one primary.",
        )
    denied = isinstance(error, AuthenticationError) or word in _REFUSED
    if denied or any(phrase in text for phrase in _SCRIPT_REFUSED):
        return AccessRefused(
            f"Redis refuses us: {_said(word, text)}",
            remedy="Check user and password in REDIS_URL, and what that user may do "
            "(docs/operating.md, Redis account).",
        )
    return None


def _said(word: str, text: str) -> str:
    return text if text.startswith(word) else f"{word} {text}"
