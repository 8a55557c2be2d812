"""Sentences for benchmarks.personal: with planted personal data, and with what only looks like it.

The formats are those that people write; the values are drawn, with right check digits.
"""

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

ROWS = 1_000
WORDS = string.ascii_letters + string.digits
GIVEN = ("maria", "tom", "li.wei", "o'brien", "josé", "anna_k", "j.r.smith", "zoe99", "kowalski")
HOSTS = ("gmail.com", "web.de", "mail.yahoo.co.uk", "firma-nord.de", "orange.fr", "uni.edu.au")
AROUND = (
    "{}",
    "Hi, {} - please help.",
    "My details: {}.",
    "You can reach me: {}, any time",
    "why was ({}) not accepted?",
    "I entered {} twice and nothing happened!",
    "{} is what I gave your colleague on Monday",
    "See below\n{}\nthanks",
)

Draw = random.Random


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text and what is planted in it: (kind, value)s, none in a look-alike."""

    text: str
    planted: tuple[tuple[str, str], ...]


def plant(draw: Draw) -> Iterator[Sentence]:
    """Every kind equally often; every fourth sentence has a second value."""
    kinds = list(MAKERS)
    for n in range(ROWS):
        wanted = [kinds[n % len(kinds)], *([draw.choice(kinds)] if n % 4 == 0 else [])]
        values = [(kind, MAKERS[kind](draw)) for kind in wanted]
        filled = " and ".join(value for _, value in values)
        yield Sentence(draw.choice(AROUND).format(filled), tuple(values))


def digits(draw: Draw, count: int) -> str:
    """Random digits, the first of them not 0."""
    return str(draw.randint(1, 9)) + "".join(draw.choices(string.digits, k=count - 1))


def chars(draw: Draw, count: int, of: str = WORDS) -> str:
    """Random characters."""
    return "".join(draw.choices(of, k=count))


def email(draw: Draw) -> str:
    """An address, in one of ten written with brackets."""
    name, host = draw.choice(GIVEN), draw.choice(HOSTS)
    tag = draw.choice(("", "", f"+{chars(draw, 4)}", str(draw.randint(1, 99))))
    if draw.random() < 0.1:
        return f"{name}{tag} (at) {host}"
    address = f"{name}{tag}@{host}"
    return address.upper() if draw.random() < 0.1 else address


def phone(draw: Draw) -> str:
    """A number that its plan has: of the United States in six formats, or with its country."""
    import phonenumbers
    from phonenumbers import PhoneNumberFormat as Format

    region = draw.choice(("US", "US", "US", "GB", "DE", "FR", "IN", "BR", "JP", "AU"))
    while True:
        number = phonenumbers.parse(digits(draw, draw.choice((9, 10, 11))), region)
        area = str(number.national_number)
        if (
            phonenumbers.is_valid_number(number)
            and phonenumbers.region_code_for_number(number) == region
        ):
            break
    if region != "US":
        form = draw.choice((Format.INTERNATIONAL, Format.E164))
        return phonenumbers.format_number(number, form)
    a, b, c = area[:3], area[3:6], area[6:]
    return draw.choice(
        (
            f"({a}) {b}-{c}",
            f"{a}-{b}-{c}",
            f"{a}.{b}.{c}",
            f"{a} {b} {c}",
            f"{a}{b}{c}",
            f"+1 {a} {b} {c}",
            f"1-{a}-{b}-{c}",
        )
    )


def card(draw: Draw) -> str:
    """A number with its check digit, in groups or in one."""
    from stdnum import luhn

    prefix, length = draw.choice(
        (
            ("4", 16),
            ("51", 16),
            ("55", 16),
            ("2231", 16),
            ("34", 15),
            ("37", 15),
            ("6011", 16),
            ("3530", 16),
            ("6212", 16),
        )
    )
    body = prefix + chars(draw, length - len(prefix) - 1, string.digits)
    number = body + luhn.calc_check_digit(body)
    space = draw.choice(("", " ", " ", "-"))
    if length == 15:
        return space.join((number[:4], number[4:10], number[10:]))
    return space.join(number[n : n + 4] for n in range(0, 16, 4))


def account(draw: Draw) -> str:
    """An IBAN of a country with a simple structure, in groups or in one, in either case."""
    from stdnum import iban

    country, bank, length = draw.choice(
        (
            ("DE", "", 18),
            ("GB", "BARC", 14),
            ("NL", "RABO", 10),
            ("AT", "", 16),
            ("ES", "", 20),
            ("PL", "", 24),
            ("CH", "", 17),
            ("IE", "AIBK", 14),
            ("DK", "", 14),
        )
    )
    rest = bank + chars(draw, length, string.digits)
    value = country + iban.calc_check_digits(f"{country}00{rest}") + rest
    form = draw.choice((str, str.lower, iban.format, iban.format))
    return form(value)


def address(draw: Draw) -> str:
    """A global IP address of either version."""
    import ipaddress

    while True:
        four = ipaddress.IPv4Address(draw.getrandbits(32))
        six = ipaddress.IPv6Address(
            (0x2A02 << 112) | draw.getrandbits(112 if draw.random() < 0.5 else 32)
        )
        value = draw.choice((four, six))
        if value.is_global and not value.is_multicast:
            return str(value)


def secret(draw: Draw) -> str:
    """A key in a known format."""

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    upper = string.ascii_uppercase + string.digits
    makers: tuple[Callable[[], str], ...] = (
        lambda: f"sk-{chars(draw, 20)}T3BlbkFJ{chars(draw, 20)}",
        lambda: f"sk-proj-{chars(draw, 120, WORDS + '-_')}x1",
        lambda: f"sk-ant-api03-{chars(draw, 90, WORDS + '-_')}x1",
        lambda: f"hf_{chars(draw, 34)}",
        lambda: f"AKIA{chars(draw, 16, upper)}",
        lambda: chars(draw, 40),
        lambda: f"ghp_{chars(draw, 36)}",
        lambda: f"github_pat_{chars(draw, 22)}_{chars(draw, 59)}",
        lambda: f"xoxb-{digits(draw, 11)}-{digits(draw, 12)}-{chars(draw, 24)}",
        lambda: f"sk_live_{chars(draw, 24)}",
        lambda: f"AIza{chars(draw, 35)}",
        lambda: ".".join(
            (part({"alg": "HS256", "typ": "JWT"}), part({"sub": digits(draw, 9)}), chars(draw, 43))
        ),
        lambda: (
            "-----BEGIN RSA PRIVATE KEY-----\n"
            + "\n".join(chars(draw, 64, WORDS + "+/") for _ in range(12))
            + "\n-----END RSA PRIVATE KEY-----"
        ),
    )
    return draw.choice(makers)()


MAKERS: dict[str, Callable[[Draw], str]] = {
    "email": email,
    "phone": phone,
    "card": card,
    "iban": account,
    "ip": address,
    "secret": secret,
}


def look_alikes(draw: Draw) -> Iterator[str]:
    """Sentences with what looks like one of the kinds and is none."""
    small = string.ascii_lowercase + string.digits
    makers: tuple[Callable[[], str], ...] = (
        lambda: f"order {digits(draw, 10)}",
        lambda: f"order number {digits(draw, draw.choice((6, 8, 9, 11, 12, 14, 16)))}",
        lambda: f"#{digits(draw, 10)}",
        lambda: f"order {digits(draw, 3)}-{digits(draw, 7)}-{digits(draw, 7)}",
        lambda: f"invoice INV-{digits(draw, 4)}-{digits(draw, 6)}",
        lambda: f"tracking 1Z{chars(draw, 6, string.ascii_uppercase)}{digits(draw, 10)}",
        lambda: f"tracking {digits(draw, draw.choice((12, 14, 16, 20, 22)))}",
        lambda: f"tracking number {digits(draw, 4)} {digits(draw, 4)} {digits(draw, 4)}",
        lambda: f"parcel RR{digits(draw, 9)}GB",
        lambda: f"${draw.randint(1, 9999):,}.{draw.randint(0, 99):02} or {digits(draw, 7)} EUR",
        lambda: f"{draw.randint(1, 28):02}/{draw.randint(1, 12):02}/{draw.randint(1990, 2030)}",
        lambda: (
            f"{draw.randint(2000, 2030)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02} "
            f"{draw.randint(0, 23):02}:{draw.randint(0, 59):02}:{draw.randint(0, 59):02}"
        ),
        lambda: (
            f"between {draw.randint(1, 12)}:{draw.randint(10, 59)} and {draw.randint(1, 12)}:30pm"
        ),
        lambda: f"version {'.'.join(str(draw.randint(0, 30)) for _ in range(4))}",
        lambda: f"v{'.'.join(str(draw.randint(0, 30)) for _ in range(3))}",
        lambda: f"firmware {'.'.join(str(draw.randint(0, 200)) for _ in range(4))}",
        lambda: f"{draw.randint(0, 99)}.{draw.randint(0, 9)}% of {draw.randint(100, 99999)}",
        lambda: f"barcode {digits(draw, 13)}",
        lambda: f"commit {chars(draw, 40, '0123456789abcdef')}",
        lambda: f"id {chars(draw, 8, small)}-{chars(draw, 4, small)}-{chars(draw, 12, small)}",
        lambda: f"model {chars(draw, 2, string.ascii_uppercase)}-{digits(draw, 4)}",
        lambda: f"@{draw.choice(GIVEN)} on {draw.choice(HOSTS)}",
        lambda: f"https://shop.com/p/red-sofa-two-{digits(draw, 8)}?ref={chars(draw, 12)}",
        lambda: "my router at 192.168.0.1 and person@example.com",
        lambda: f"{draw.randint(1, 300)} x {draw.randint(1, 300)} x {draw.randint(1, 300)} mm",
        lambda: f"my password is not working for {draw.randint(2, 9)} days",
    )
    for n in range(ROWS):
        yield draw.choice(AROUND).format(makers[n % len(makers)]())
