"""Detection of keys, tokens and passwords by their formats.

The patterns are those of detect-secrets' plugins, and further ones for other formats. The
verification of detect-secrets is not used, since it would send the secret to its issuer.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

LONGEST_PREFIX = 20  # characters; a shorter capture by a plugin's pattern is a prefix
SHORTEST_RANDOM = 32  # characters; shorter values are order and tracking numbers
# Bits per character. The plugin's limit of 4.5 misses every fifth random value of 40 characters.
LEAST_ENTROPY = 4.2

_BLOCK = re.compile(  # PEM (RFC 7468) and OpenPGP; a block without an end ends with its base64
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:[^-]|-(?!----))*+-----END [A-Z0-9 ]{1,40}-----|(?:\s{0,4}[A-Za-z0-9+/=]{16,})*+)"
)
_KEYS = re.compile(
    r"(?<![\w-])(?:sk-|(?:sk|rk|pk)_(?:live|test)_|whsec_|hf_|gsk_|r8_|xai-|pplx-|github_pat_|npm_"
    r"|glpat-|shpat_|dop_v1_|xapp-|AIza|ya29\.)[A-Za-z0-9_-]{20,}+",
)
_IN_URL = re.compile(r"(?<=://)[^\s:/?#\[\]@]{1,64}:[^\s/?#@]{1,128}(?=@)")
_PASSWORD = re.compile(
    r"\b(?:pass(?:word|code|phrase)|pwd|api[ _-]?key)\b(?: is|:| =|=){1,2}\s{0,2}[\"'“\u2018]?"
    r"((?=\S{0,60}\d)(?=\S{0,60}[^\W\d_])[^\s\"'”\u2019<>,;]{5,60}[^\s\"'”\u2019<>,;.!?)])",
    re.IGNORECASE,
)
_JWT = re.compile(  # RFC 7519; the plugin's pattern does not include the signature
    r"(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{2,}+(?:\.[\w-]+)?", re.ASCII
)
# All patterns of the plugins need a long run of characters, or one of these words. This search is
# ten times as fast as the patterns.
_PERHAPS_KNOWN = re.compile(r"\S{20}|xox|PRIVATE KEY", re.IGNORECASE)
_RANDOM = re.compile(rf"(?<![\w+/.:@-])[A-Za-z0-9+/]{{{SHORTEST_RANDOM},}}+={{0,2}}(?![\w@/-])")


def find_keys(text: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each secret; of overlapping spans, the longest comes first."""
    for pattern in (_BLOCK, _IN_URL):
        yield from (match.span() for match in pattern.finditer(text))
    yield from (match.span() for match in _JWT.finditer(text) if _is_jwt(match[0]))
    yield from (match.span() for match in _KEYS.finditer(text) if _has_digit(match[0]))
    if _PERHAPS_KNOWN.search(text):
        yield from _known(text)
    yield from (match.span(1) for match in _PASSWORD.finditer(text))
    yield from (match.span() for match in _RANDOM.finditer(text) if _is_random(match[0]))


def name_key(text: str, start: int, end: int) -> str:
    """Return the kind of a secret at `text[start:end]`, such as "AWS Access Key"."""
    value = text[start:end]
    if _BLOCK.match(value):
        return "private key"
    if text[:start].endswith("://"):
        return "login in a URL"
    if _JWT.fullmatch(value):
        return "JSON Web Token"
    for plugin in _plugins():
        if any(pattern.search(value) for pattern in plugin.denylist):
            return str(plugin.secret_type)
    if _KEYS.match(value):
        return "API key"
    before = text[max(0, start - LONGEST_PREFIX) : end]
    if any(match.end(1) == len(before) for match in _PASSWORD.finditer(before)):
        return "password"
    return "random value"


def _has_digit(value: str) -> bool:
    return any(char.isdigit() for char in value)


def _is_jwt(value: str) -> bool:
    from detect_secrets.plugins.jwt import JwtTokenDetector

    return JwtTokenDetector.is_formally_valid(".".join(value.split(".")[:2]))


def _known(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of the secrets that the plugins' patterns find.

    The secret is the captured group of a match, or the whole match if the group is a prefix.
    """
    for pattern in (pattern for plugin in _plugins() for pattern in plugin.denylist):
        for match in pattern.finditer(text):
            captured = match.lastindex == 1 and len(match[1]) >= LONGEST_PREFIX
            yield match.span(1 if captured else 0)


@cache
def _plugins() -> tuple[Any, ...]:
    """Load the plugins with unambiguous formats and patterns of linear time.

    The formats of Artifactory and of passwords in code are ambiguous. The patterns for JWTs and
    OpenAI take quadratic time, so this module has its own patterns for both.
    """
    from detect_secrets.plugins import (
        aws,
        azure_storage_key,
        discord,
        github_token,
        gitlab_token,
        mailchimp,
        private_key,
        pypi_token,
        sendgrid,
        slack,
        square_oauth,
        stripe,
        telegram_token,
        twilio,
    )

    modules = (
        aws.AWSKeyDetector,
        azure_storage_key.AzureStorageKeyDetector,
        discord.DiscordBotTokenDetector,
        github_token.GitHubTokenDetector,
        gitlab_token.GitLabTokenDetector,
        mailchimp.MailchimpDetector,
        private_key.PrivateKeyDetector,
        pypi_token.PypiTokenDetector,
        sendgrid.SendGridDetector,
        slack.SlackDetector,
        square_oauth.SquareOAuthDetector,
        stripe.StripeDetector,
        telegram_token.TelegramBotTokenDetector,
        twilio.TwilioKeyDetector,
    )
    return tuple(detector() for detector in modules)


@cache
def _entropy() -> Any:
    from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString

    return Base64HighEntropyString()


def _is_random(value: str) -> bool:
    """True for a value of high entropy with small letters, capital letters and digits."""
    if not all(re.search(one, value) for one in ("[a-z]", "[A-Z]", "[0-9]")):
        return False
    return bool(_entropy().calculate_shannon_entropy(value) >= LEAST_ENTROPY)
