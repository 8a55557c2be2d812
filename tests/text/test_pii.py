"""Personal data: what is found, what only looks like it, and that a masked text is clean.

The keys here are made up, in two parts, so that no scanner of the repository takes them for real.
"""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.text.pii.detect import KINDS, PersonalData, find_personal, mask_personal, name_kinds
from distill.text.pii.replacements import CARDS, IBANS
from distill.text.pii.secrets import name_key

JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NSJ9" + ".c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
PEM = (
    "-----BEGIN RSA "
    + "PRIVATE KEY-----\nMIIEow/+A1b2C3d4E5f6\nZZ==\n-----END RSA PRIVATE KEY-----"
)
PLANTED = [
    ("email", "maria.k@gmail.com", "Mail me at {}."),
    ("email", "J.O'Brien+shop@mail.co.uk", "({})"),
    ("email", "jürgen@müller-söhne.de", "meine Adresse:{}, danke"),
    ("email", "li.wei@qq.com", "我的邮箱是{}谢谢"),
    ("email", "tom (at) web.de", "it is {} if you need it"),
    ("email", "tom[at]web[dot]de", "{}"),
    ("email", "tom {at} web {dot} de", "{}"),
    ("email", "tom[@]web[.]de", "({})"),
    ("email", "tom (at) web (punkt) de", "an {}"),
    ("email", "tom at web dot de", "it is: {}."),
    ("email", "tom @ web.de", "an {}, bitte"),
    ("email", "почта@пример.рф", "адрес {}!"),
    ("phone", "(212) 736-5000", "call {} after 6"),
    ("phone", "212-736-5000", "{}"),
    ("phone", "212.736.5000", "It's ({})."),
    ("phone", "2127365000", "text me on {}"),
    ("phone", "1-212-736-5000", "or {}?"),
    ("phone", "+44 20 7123 4567", "in London {}"),
    ("phone", "0044 20 7123 4567", "in London {}"),
    ("phone", "+4930901820", "order from {}"),
    ("phone", "+33 1 42 68 53 00", "Tel. {},"),
    ("card", "4539 1488 0343 6467", "card {} 12/27 cvv 123"),
    ("card", "4539148803436467", "({})"),
    ("card", "4539-1488-0343-6467", "{}, charged twice"),
    ("card", "4539  1488  0343  6467", "card {}"),
    ("card", "4539_1488_0343_6467", "card {}"),
    ("card", "4539/1488/0343/6467", "card {}"),
    ("card", "4539\t1488\t0343\t6467", "card {}"),
    ("card", "3716 820198 71009", "my Amex {} is"),
    ("iban", "GB33BUKB20201555555555", "to {} and"),
    ("iban", "DE44 5001 0517 5407 3249 31", "IBAN {} please"),
    ("iban", "de44500105175407324931", "{}"),
    ("iban", "NL39 RABO 0300 0652 64", "iban:{}."),
    ("iban", "DE44/5001/0517/5407/3249/31", "IBAN {}"),
    ("iban", "DE44  5001  0517  5407  3249  31", "IBAN {}"),
    ("ip", "81.2.69.142", "from {}, says the mail"),
    ("ip", "2a02:8109:9a40:1c8::1", "IP {}."),
    ("ip", "8.8.8.8", "({}:443)"),
    ("secret", "sk-" + "abcdefghijklmnop1234567890ABCDEF", "key {}"),
    ("secret", "sk-proj-" + "a1B2-c3D4_e5F6g7H8i9J0k1L2", "my key is {}."),
    ("secret", "sk-ant-" + "api03-a1B2c3D4e5F6g7H8i9J0-AA", "ANTHROPIC_API_KEY={}"),
    ("secret", "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ012345", "'{}'"),
    ("secret", "ghp_" + "a1B2" * 9, "token {} leaked"),
    ("secret", "github_pat_" + "11ABCDEFG0a1b2c3d4e5f6_" + "a1B2" * 12, "{}"),
    ("secret", "AKIA" + "IOSFODNN7EXAMPLE", "id {},"),
    ("secret", "wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYEXAMPLEKEY", "and {} too"),
    ("secret", "xoxb-" + "123456789012-123456789012-" + "a1B2c3D4e5F6g7H8i9J0k1L2", "{}"),
    ("secret", "sk_live_" + "a1B2c3D4e5F6g7H8i9J0k1L2", "stripe {}"),
    ("secret", JWT, "Bearer {}"),
    ("secret", PEM, "here:\n{}\nthanks"),
    ("secret", "bob:hunter2", "postgres://{}@db.shop.com/x"),
    ("secret", "Tiger2024!x", "my password is {}."),
]
# Hidden by a sign that looks like another one, or that cannot be seen.
HIDDEN = [
    ("card", "4539\u00a01488\u00a00343\u00a06467"),
    ("card", "4539\u20091488\u20090343\u20096467"),
    ("card", "4539\u20131488\u20130343\u20136467"),
    ("card", "4539\u20111488\u20110343\u20116467"),
    ("card", "\uff14\uff15\uff13\uff19 1488 0343 6467"),
    ("card", "٤٥٣٩١٤٨٨٠٣٤٣٦٤٦٧"),
    ("card", "4539\u200b1488\u200b0343\u200b6467"),
    ("iban", "DE12\u00a05001\u00a00517\u00a00648\u00a04898\u00a090"),
    ("iban", "\uff24\uff2512 5001 0517 0648 4898 90"),
    ("iban", "DE12\u20135001\u20130517\u20130648\u20134898\u201390"),
    ("email", "tanaka.jiro\uff20corp-mail.jp"),
    ("email", "jane\u200b@corp-mail.com"),
    ("email", "jane@corp\u00admail.com"),
    ("email", "jane&#64;corp-mail.com"),
    ("email", "jane&#x40;corp-mail&period;com"),
    ("email", "jane&commat;corp-mail.com"),
    ("email", "jane@corp-mail\uff0ecom"),
    ("ip", "\uff19\uff13.184.216.34"),
    ("phone", "\uff12\uff11\uff12-736-5000"),
    ("phone", "212\u2060-736-5000"),
    ("card", "4539\u202f1488\u202f0343\u202f6467"),
    ("card", "4539 \u2013 1488 \u2013 0343 \u2013 6467"),
    ("card", "4539\u00b71488\u00b70343\u00b76467"),
    ("card", "4539%201488%200343%206467"),
    ("card", "\U0001d7d2\U0001d7d3\U0001d7d1\U0001d7d7148803436467"),
    ("iban", "DE12\u202f5001\u202f0517\u202f0648\u202f4898\u202f90"),
    ("email", "jane@corp-mail\u3002com"),
    ("email", "jane@corp-mail\u2024com"),
    ("email", "jane%40corp-mail.com"),
    ("email", "jane\\u0040corp-mail.com"),
    ("phone", "212\u00b7736\u00b75000"),
    ("ip", "93\u3002184\u3002216\u300234"),
]
LOOK_ALIKES = """\
order 2127365000 is late
Order number: 4821930571
order #2127365000
invoice INV-3694-455314
tracking 1Z999AA10123456784
tracking number 9400 1000 0000 0000 0000 00
parcel RR473124829GB
it cost $1,299.00 or 2499 EUR
on 2026-11-23 14:30:59 and 23/11/2026
between 8:00 and 17:30
version 10.2.30.41, v2.14.3, firmware 54.160.196.50, Chrome 120.0.0.0
99.5% of 1000000
barcode 4006381333931
card 1234 5678 9012 3456 and 4539 1488 0343 6468
IBAN DE44 5001 0517 5407 3249 32
my router 192.168.0.1, 127.0.0.1, 999.1.1.1
at 12:30:45, MAC aa:bb:cc:dd:ee:ff, std::vector
commit 3f786850e387550fdab836ed7e6dc881de23001b
id 123e4567-e89b-42d3-a456-426614174000
@maria on gmail.com, look at web.de
https://shop.com/p/red-sofa-two-seats-12345678?ref=abc
2023/2024/2025/2026, 1234 4567 7890 1234
meet at noon, then look at the dot on it
100%40 of it, C:\\u0040x
my password is not working, sk-8 skates, the sk-learn package
PASSWORD: please reset
person@example.com, 202-555-0147, +44 20 7946 0958, 192.0.2.7, 2001:db8::1
4242 4242 4242 4242 and GB82 WEST 1234 5698 7654 32
[SECRET]""".splitlines()
BAD = [
    "",
    " ",
    "\x00",
    json.loads('"\\ud800"'),
    "שלום, איפה החבילה?",
    "\u200f",
    "😀" * 9,
    "a@",
    "@",
    "+",
]


def values(text: str, found: list[PersonalData]) -> list[tuple[str, str]]:
    return [(one.kind, text[one.start : one.end]) for one in found]


@pytest.mark.parametrize(("kind", "value", "around"), PLANTED)
def test_a_value_is_found_and_masked(kind: str, value: str, around: str) -> None:
    text = around.format(value)
    found = find_personal(text)
    assert values(text, found) == [(kind, value)]
    masked = mask_personal(text, found)
    assert value not in masked
    assert masked.startswith(around.split("{}")[0]) and masked.endswith(around.split("{}")[1])
    assert find_personal(masked) == []


@pytest.mark.parametrize(("kind", "value"), HIDDEN)
def test_a_value_in_unusual_signs_is_found_where_it_stands(kind: str, value: str) -> None:
    text = f"\u2009\uff2f\uff4b, …: {value} ½ &amp; danke"
    found = find_personal(text)
    assert values(text, found) == [(kind, value)]
    masked = mask_personal(text, found)
    assert masked.startswith("\u2009\uff2f\uff4b, …: ") and masked.endswith(" ½ &amp; danke")
    assert find_personal(masked) == []


def test_two_spellings_of_a_value_get_one_reserved_value() -> None:
    text = "jane@corp-mail.com, jane\uff20corp-mail.com; 4242\u00a04242\u00a04242\u00a04242"
    masked = mask_personal(text, find_personal(text))
    assert masked == "person@example.com, person@example.com; 4242\u00a04242\u00a04242\u00a04242"


REFERENCES = [
    ("DE", "Meine Bestellnummer lautet 030 12345678"),
    ("DE", "Rechnung Nr. 030 12345678"),
    ("DE", "die Sendungsnummer: 030 12345678"),
    ("FR", "ma commande numéro 06 12 34 56 78"),
    ("FR", "commande n° 06 12 34 56 78"),
    ("ES", "mi pedido 912345678"),
    ("IT", "il mio ordine n. 06 1234 5678"),
    ("BR", "o número do pedido é 21 2345 6789"),
    ("NL", "mijn bestelnummer is 020 1234567"),
    ("PL", "zamówienie nr 22 123 45 67"),
    ("SE", "ordernummer 08 123 456 78"),
    ("TR", "sipariş numaras\u0131 0212 345 67 89"),
    ("RU", "заказ № 8 495 123 45 67"),
    ("JP", "注文番号 03-1234-5678"),
    ("JP", "追跡番号は03-1234-5678です"),
    ("CN", "订单号\uff1a13812345678"),
    ("KR", "주문번호: 02-123-4567"),
    ("DE", "Bestell-Nr. 030 12345678"),
    ("DE", "Auftragsnummer: 030 12345678"),
    ("FR", "référence client 0612345678"),
    ("FR", "réf. 06 12 34 56 78"),
    ("MX", "mi orden 55 1234 5678"),
    ("PT", "a minha encomenda n.º 212345678"),
    ("CZ", "objednávka č. 212 345 678"),
    ("TR", "sipariş numaram 0212 345 67 89"),
    ("HR", "narudžba broj 01 2345 678"),
    ("RS", "porudžbina broj 011 123 4567"),
    ("SI", "naročilo št. 01 234 56 78"),
    ("EE", "tellimus nr 612 3456"),
    ("LV", "pasūtījums 67 123 456"),
    ("JP", "オーダー番号 03-1234-5678"),
    ("JP", "受注番号 03-1234-5678"),
    ("TH", "เลขที่ใบสั่งซื้อ 02 123 4567"),
    ("IR", "شماره سفارش 021 1234 5678"),
    ("US", "PO 2127365000"),
    ("US", "12345678901 divided by 7"),
    ("US", "what is sqrt(2127365000)"),
    ("US", "2127365000+1"),
    ("US", "is 2127365001 prime?"),
    ("DE", "Was ist 03012345678 mal 3"),
    ("US", "compute 12345678901 * 3"),
    ("US", "What is 4155552671 + 5?"),
    ("US", "3 * 4155552671"),
]
TELEPHONES = [
    ("DE", "Rufen Sie mich an: 030 12345678"),
    ("DE", "meine Nummer ist 030 12345678"),
    ("DE", "Bestellung: bitte Rückruf an 030 12345678"),
    ("FR", "appelez le 06 12 34 56 78"),
    ("ES", "mi teléfono es 912345678"),
    ("JP", "電話番号は 03-1234-5678"),
    ("CN", "我的电话 13812345678"),
    ("CN", "联系客户 13812345678"),
    ("US", "**415-736-5000** 3 times"),
    ("US", "415-736-5000 times 2"),
    ("HR", "moj broj je 01 2345 678"),
    ("CZ", "volejte na č. 212 345 678"),
    ("IR", "شماره من 021 1234 5678"),
    ("US", "4157365000 / 4157365001"),
]


@pytest.mark.parametrize(("region", "text"), REFERENCES)
def test_an_order_number_or_a_sum_in_any_language_is_no_telephone(region: str, text: str) -> None:
    assert find_personal(text, region=region) == []


@pytest.mark.parametrize(("region", "text"), TELEPHONES)
def test_a_telephone_in_any_language_is_one(region: str, text: str) -> None:
    assert {one.kind for one in find_personal(text, region=region)} == {"phone"}


@pytest.mark.parametrize("text", [*LOOK_ALIKES, *BAD])
def test_what_is_none(text: str) -> None:
    assert find_personal(text) == []
    assert mask_personal(text, []) == text


def test_all_in_one_text_in_order() -> None:
    text = "\ud800\x00 ".join(around.format(value) for _, value, around in PLANTED)
    found = find_personal(text)
    assert values(text, found) == [(kind, value) for kind, value, _ in PLANTED]
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert find_personal(mask_personal(text, found)) == []


def test_only_the_kinds_that_are_asked_for() -> None:
    text = "maria.k@gmail.com or 212-736-5000"
    assert values(text, find_personal(text, ["phone"])) == [("phone", "212-736-5000")]
    assert find_personal(text, []) == []
    assert {kind for kind, _, _ in PLANTED} == set(KINDS)


def test_the_region_says_whose_numbers_need_no_country_code() -> None:
    text = "ring 020 7123 4567"
    assert find_personal(text) == []
    assert values(text, find_personal(text, region="GB")) == [("phone", "020 7123 4567")]


def test_equal_values_get_equal_reserved_ones() -> None:
    text = "A@web.de, b@web.de, a@WEB.de; 212-736-5000, (212) 736 5000, +1 212 736 5001"
    assert mask_personal(text, find_personal(text)) == (
        "person@example.com, person2@example.com, person@example.com; "
        "202-555-0100, 202-555-0100, +1 202-555-0101"
    )


RESERVED = (
    "person@example.com, 202-555-0147, +44 20 7946 0958, 192.0.2.7, 2001:db8::1",
    "4242 4242 4242 4242 and GB82 WEST 1234 5698 7654 32",
    "[SECRET]",
)


@pytest.mark.parametrize(("kind", "value", "around"), PLANTED)
@pytest.mark.parametrize("region", ["US", "DE"])
def test_a_text_and_its_masked_copy_have_one_form(
    kind: str, value: str, around: str, region: str
) -> None:
    text = f"{around.format(value)} or perhaps {around.format(value)}"
    masked = mask_personal(text, find_personal(text, region=region))
    assert name_kinds(masked, region=region) == name_kinds(text, region=region)


def test_texts_that_differ_in_values_alone_have_one_form() -> None:
    first = "from a@web.de, 212-736-5000 and 81.2.69.142: my key is " + "hf_" + "aB1c" * 8
    other = "from b@gmx.de, 202-555-0199 and 192.0.2.7: my key is [SECRET]"
    form = "from [email], [phone] and [ip]: my key is [secret]"
    assert name_kinds(first) == name_kinds(other) == form
    assert name_kinds("I'm Maria", names=["Maria"]) == name_kinds("I'm Robin", names=["Maria"])
    assert name_kinds("I'm Robin") == "I'm Robin", "nobody asked for names"


@pytest.mark.parametrize("text", [text for text in LOOK_ALIKES if text not in RESERVED])
def test_a_text_without_values_is_its_own_form(text: str) -> None:
    assert name_kinds(text) == text


def test_different_values_get_different_reserved_ones() -> None:
    text = "; ".join(f"m{n}@web.de 212-736-{5000 + n} 81.2.69.{n + 1}" for n in range(200))
    masked = mask_personal(text, find_personal(text))
    assert len(set(masked.replace(";", "").split())) == 600
    assert find_personal(masked) == []


def test_reserved_values_are_valid_where_there_is_a_check() -> None:
    from stdnum import iban, luhn

    assert all(luhn.is_valid(card.replace(" ", "")) for card in CARDS)
    assert all(iban.is_valid(one, check_country=False) for one in IBANS)


def test_names_are_whole_words_of_any_case() -> None:
    text = "I'm MARIA, Maria Novák's sister; Mariana and maria@web.de"
    found = find_personal(text, names=["Maria", "Novák"])
    assert values(text, found) == [
        ("name", "MARIA"),
        ("name", "Maria Novák"),
        ("email", "maria@web.de"),
    ]
    assert mask_personal(text, found) == (
        "I'm Alex, Robin's sister; Mariana and person@example.com"
    )
    assert find_personal("C++ (x", names=["(x", "C++"])[0].kind == "name"
    assert find_personal("nobody", names=[]) == []


@pytest.mark.parametrize(
    ("text", "names", "found"),
    [
        ("我叫王小明。请问Jane的包裹", ["王小明", "Jane"], ["王小明", "Jane"]),
        ("田中さんの荷物", ["田中"], ["田中"]),
        ("김민수는 아직입니다", ["김민수"], ["김민수"]),
        ("ฉันชื่อสมชายค่ะ", ["สมชาย"], ["สมชาย"]),
        ("मैं राम हूँ, रामा नहीं", ["राम"], ["राम"]),
        ("Ayşe geldi, Ayşegül gelmedi", ["Ayşe"], ["Ayşe"]),
    ],
    ids=["zh", "ja", "ko", "th", "hi", "tr"],
)
def test_names_within_a_run_of_letters(text: str, names: list[str], found: list[str]) -> None:
    assert [value for _, value in values(text, find_personal(text, names=names))] == found


@pytest.mark.parametrize(
    "unit", ["sk-", "a.", "eyJ", "-----BEGIN PRIVATE KEY-----", "1.2.3.", "GB82 "]
)
def test_a_text_of_a_megabyte(unit: str) -> None:
    """Each pattern takes linear time: a quadratic one would not come to an end."""
    text = unit * (1_000_000 // len(unit)) + "\n maria.k@gmail.com"
    assert ("email", "maria.k@gmail.com") in values(text, find_personal(text))


PIECES = st.sampled_from(
    [*[value for _, value, _ in PLANTED], *LOOK_ALIKES, *BAD, "12 ", "-", "\n"]
)


@settings(deadline=None, max_examples=100)
@given(st.lists(PIECES, max_size=6), st.sampled_from(["", " ", ", ", "\n"]))
def test_spans_are_in_order_and_inside(pieces: list[str], between: str) -> None:
    text = between.join(pieces)
    found = find_personal(text)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    kept = mask_personal(text, found)
    assert not found or kept != text


@pytest.mark.parametrize(
    ("kind", "value", "around"),
    [
        ("AWS Access Key", "AKIA" + "IOSFODNN7EXAMPLE", "id {},"),
        ("Stripe Access Key", "sk_live_" + "a1B2c3D4e5F6g7H8i9J0k1L2", "stripe {}"),
        ("GitHub Token", "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", "{}"),
        ("API key", "sk-" + "a1B2c3D4e5F6g7H8i9J0k1L2", "openai {}"),
        ("JSON Web Token", JWT, "Bearer {}"),
        ("private key", PEM, "here:\n{}\nthanks"),
        ("login in a URL", "root:" + "hunter22", "postgres://{}@db.example.org/x"),
        ("password", "Tr0ub4dor" + "&3x", "my password is {}"),
    ],
)
def test_a_secret_is_named_by_its_kind(kind: str, value: str, around: str) -> None:
    text = around.format(value)
    (found,) = find_personal(text, ["secret"])
    assert name_key(text, found.start, found.end) == kind
