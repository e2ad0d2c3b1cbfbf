"""What the customer reads: four mails in two languages, as a mail program would parse them."""

from __future__ import annotations

import re
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from cotiza_queue.errors import ConfigurationError, InvalidData, RetryableError
from cotiza_queue.jobtypes import EmailNotification
from cotiza_queue.processors.email.facts import KINDS

FULL: dict[str, dict[str, Any]] = {
    "quote-ready": {
        "quoteNumber": "Q-123",
        "total": "12345.5",
        "currency": "MXN",
        "validUntil": "2026-12-23",
        "customerName": "Íñigo Ñandú",
        "quoteUrl": "https://cotiza.example/q/123?a=1&b=2",
        "leadTime": 5,
    },
    "quote-accepted": {
        "quoteNumber": "Q-123",
        "orderNumber": "P-77",
        "total": 12345.5,
        "currency": "MXN",
        "leadTime": 1,
        "orderUrl": "https://cotiza.example/p/77",
    },
    "quote-expired": {
        "quoteNumber": "Q-123",
        "total": "12345.50",
        "currency": "MXN",
        "validUntil": "2026-12-24T05:00:00Z",
        "quoteUrl": "https://cotiza.example/q/123",
    },
    "order-shipped": {
        "orderNumber": "P-77",
        "trackingNumber": "1Z 999 AA1",
        "carrier": "Estafeta",
        "quoteNumber": "Q-123",
        "trackingUrl": "http://rastreo.example/1Z999AA1",
        "estimatedDelivery": "2026-12-01",
    },
}

GOLDEN: dict[tuple[str, str], tuple[str, list[str]]] = {
    ("quote-ready", "es"): (
        "Su cotización Q-123 está lista",
        [
            "Q-123",
            "MXN 12,345.50",
            "23 de diciembre de 2026",
            "5 días hábiles",
            "Hola, Íñigo Ñandú:",
        ],
    ),
    ("quote-ready", "en"): (
        "Your quote Q-123 is ready",
        ["Q-123", "MXN 12,345.50", "December 23, 2026", "5 working days", "Hello Íñigo Ñandú,"],
    ),
    ("quote-accepted", "es"): (
        "Recibimos la aceptación de su cotización Q-123",
        ["Q-123", "P-77", "MXN 12,345.50", "1 día hábil", "Hola, Ana Peña:"],
    ),
    ("quote-accepted", "en"): (
        "We received your acceptance of quote Q-123",
        ["Q-123", "P-77", "MXN 12,345.50", "1 working day", "Hello Ana Peña,"],
    ),
    ("quote-expired", "es"): (
        "Su cotización Q-123 venció",
        ["Q-123", "MXN 12,345.50", "23 de diciembre de 2026"],
    ),
    ("quote-expired", "en"): (
        "Your quote Q-123 has expired",
        ["Q-123", "MXN 12,345.50", "December 23, 2026"],
    ),
    ("order-shipped", "es"): (
        "Su pedido P-77 va en camino (cotización Q-123)",
        ["P-77", "Q-123", "1Z 999 AA1", "Estafeta", "1 de diciembre de 2026"],
    ),
    ("order-shipped", "en"): (
        "Your order P-77 is on its way (quote Q-123)",
        ["P-77", "Q-123", "1Z 999 AA1", "Estafeta", "December 1, 2026"],
    ),
}


def mail(kind: str = "quote-expired", **fields: Any) -> EmailNotification:
    data = fields.pop("data", {"quoteNumber": "Q-123"})
    fields.setdefault("recipient_email", "ana@cliente.example")
    return EmailNotification(type=kind, template_data=data, **fields)  # type: ignore[arg-type]


class _Visible(HTMLParser):
    """The text and the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.links: list[str] = []
        self.resources: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._hidden += tag in ("style", "title")
        if tag == "a":
            self.links.append(given["href"] or "")
        self.resources += [value or "" for name, value in attrs if name in ("src", "background")]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "title")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text.append(data)


def page(message: EmailMessage) -> _Visible:
    part = message.get_body(("html",))
    assert part is not None
    parser = _Visible()
    parser.feed(part.get_content())
    return parser


def plain(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\u00a0", " ")


def words(parts: list[str]) -> str:
    return re.sub(r"\s+", " ", " ".join(parts))


def no_defects(message: EmailMessage) -> None:
    for part in message.walk():
        assert part.defects == []
        for name, value in part.items():
            assert value.defects == (), name


@pytest.mark.parametrize(("kind", "language"), GOLDEN)
async def test_each_mail_says_the_same_facts_in_its_text_and_in_its_page(
    serve, sender, inbox, context, kind, language
):
    payload = mail(kind, data=FULL[kind], language=language, recipient_name="Ana Peña")
    await sender(await serve())(payload, context)
    (message,) = inbox.mails()
    no_defects(message)
    subject, facts = GOLDEN[kind, language]
    assert message["Subject"] == subject
    assert message["Content-Language"] == language
    seen = page(message)
    for fact in facts:
        assert fact in plain(message)
        assert fact in words(seen.text)
    for link in (value for name, value in FULL[kind].items() if name.endswith("Url")):
        assert link in plain(message)
        assert seen.links == [link]
    assert seen.resources == [], "a mail fetches nothing"


async def test_the_seeds_own_example_is_a_whole_mail(serve, sender, inbox, context):
    await sender(await serve())(mail(data={"quoteNumber": "Q-123"}), context)
    (message,) = inbox.mails()
    assert message["Subject"] == "Su cotización Q-123 venció"
    assert "Q-123" in plain(message)
    assert "None" not in plain(message) + words(page(message).text)


async def test_the_headers_are_those_of_an_automatic_mail_and_stable_over_attempts(
    serve, sender, inbox, new_context
):
    send = sender(await serve())
    payload = mail(recipient_name="Ana Peña 🛠", attachments=())
    first = await send(payload, new_context())
    second = await send(payload, new_context())
    other = await send(payload, new_context("another-job"))
    one, two, three = inbox.mails()
    assert first.message_id == second.message_id == one["Message-ID"] == two["Message-ID"]
    assert msgspec.json.decode(msgspec.json.encode(first))["messageId"] == first.message_id
    assert other.message_id == three["Message-ID"] != first.message_id
    assert re.fullmatch(r"<[0-9a-f]{32}@taller\.example>", first.message_id)
    assert bytes(one) == bytes(two)
    assert one["Date"] == "Mon, 23 Nov 2026 14:25:06 +0000"
    assert one["Auto-Submitted"] == "auto-generated"
    assert one["From"] == "Cotiza Studio <cotiza@taller.example>"
    assert one["To"].addresses[0].display_name == "Ana Peña 🛠"
    assert one["To"].addresses[0].addr_spec == "ana@cliente.example"


async def test_people_s_text_is_shown_and_never_run(serve, sender, inbox, context):
    hostile = "{{7*7}} <img src=x onerror=alert(1)> {0.__class__} %s"
    payload = mail(data={"quoteNumber": "Q-1", "customerName": hostile})
    await sender(await serve())(payload, context)
    (message,) = inbox.mails()
    assert f"Hola, {hostile}:" in plain(message)
    assert hostile in words(page(message).text)
    assert page(message).resources == []


@pytest.mark.parametrize(
    "text",
    [
        "Q-1\r\nBcc: e@x.example",
        "Q-1\nBcc: e@x.example",
        "Q-1\u2028Bcc: e@x.example",
        "Q-1\x00Bcc: e@x.example",
    ],
)
async def test_no_text_becomes_a_header_of_its_own(serve, sender, inbox, context, text):
    payload = mail(data={"quoteNumber": text}, recipient_name=f"Ana {text}")
    await sender(await serve())(payload, context)
    (message,) = inbox.mails()
    no_defects(message)
    assert message["Bcc"] is None
    assert inbox.envelopes[0].rcpt_tos == ["ana@cliente.example"]
    assert "Bcc: e@x.example" in message["Subject"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_missing_field_is_named_by_its_path(sender, context, kind):
    with pytest.raises(InvalidData) as caught:
        await sender(1)(mail(kind, data={}), context)
    needed = [name for name in FULL[kind] if f"data.templateData.{name}" in caught.value.message]
    assert needed
    assert caught.value.code == "template_field_missing"
    for name in needed:
        without = {key: value for key, value in FULL[kind].items() if key != name}
        with pytest.raises(InvalidData, match=f"data.templateData.{name}"):
            await sender(1)(mail(kind, data=without), context)
    only_needed = {name: FULL[kind][name] for name in needed}
    with pytest.raises(RetryableError, match="reached"):  # nobody listens at port 1: all was there
        await sender(1)(mail(kind, data=only_needed), context)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("total", "NaN"),
        ("total", "-0.01"),
        ("total", "1000000000000000"),
        ("total", "1.0000001"),
        ("total", "1e-400"),
        ("total", True),
        ("total", "mucho"),
        ("currency", "pesos"),
        ("currency", "MXN\n"),
        ("validUntil", "mañana, sí"),
        ("validUntil", "2026-12-31T10:00:00"),
        ("quoteNumber", 5),
        ("quoteNumber", "x" * 201),
        ("quoteNumber", "\u202e\u200e"),
        ("leadTime", -1),
        ("quoteUrl", "javascript:alert(1)"),
        ("quoteUrl", "data:text/html,x"),
        ("quoteUrl", "//evil.example"),
        ("quoteUrl", "https://bank.example@evil.example/"),
        ("quoteUrl", "https://evil.example\\@bank.example"),
        ("quoteUrl", "https://a.example/ b"),
        ("quoteUrl", "https://a.example/\nonclick=x"),
        ("quoteUrl", "https://[::1"),
        ("quoteUrl", "https://a.example/" + "x" * 2048),
    ],
)
async def test_a_wrong_field_is_named_by_its_path(sender, context, field, value):
    payload = mail("quote-ready", data=FULL["quote-ready"] | {field: value})
    with pytest.raises(InvalidData) as caught:
        await sender(1)(payload, context)
    assert f"data.templateData.{field}" in caught.value.message
    assert caught.value.details["fields"] == [f"data.templateData.{field}"]


async def test_limits_hold_at_their_edge(serve, sender, inbox, context):
    data = FULL["quote-ready"] | {"quoteNumber": "x" * 200, "total": "999999999999999.999999"}
    await sender(await serve())(mail("quote-ready", data=data), context)
    (message,) = inbox.mails()
    no_defects(message)
    assert message["Subject"] == f"Su cotización {'x' * 200} está lista"
    assert "MXN 999,999,999,999,999.999999" in plain(message)


async def test_a_total_needs_its_currency(sender, context):
    with pytest.raises(InvalidData, match=r"data\.templateData\.currency"):
        await sender(1)(mail(data={"quoteNumber": "Q-1", "total": "5"}), context)


async def test_optional_fields_may_be_null_or_empty_and_others_are_ignored(
    serve, sender, inbox, context
):
    data = {"quoteNumber": "Q-1", "customerName": "", "quoteUrl": None, "theirOwn": {"a": [1]}}
    await sender(await serve())(mail(data=data), context)
    assert "Hola:" in plain(inbox.mails()[0])


@pytest.mark.parametrize(
    "address",
    [
        "a@x, b@y",
        "a@x\r\nBcc: e@x",
        "a b@x",
        "@x",
        "a@",
        "a",
        "a@b@c",
        "<a@x>",
        "a@x\n",
        "ñ" * 40 + "@x",
        "a..b@x",
        "a@x\x00",
        "a\u2028b@x.example",
        "a@-x.example",
    ],
)
async def test_a_bad_address_is_refused_before_connecting(sender, context, address):
    with pytest.raises(InvalidData, match=r"data\.recipientEmail") as caught:
        await sender(1)(mail(recipient_email=address), context)
    assert caught.value.code == "bad_address"


async def test_addresses_beyond_ascii_arrive(serve, sender, inbox, context):
    send = sender(await serve())
    domain = await send(mail(recipient_email="ana@peña.example"), context)
    local = await send(mail(recipient_email="añá@cliente.example"), context)
    assert domain.accepted == ("ana@xn--pea-8ma.example",)
    assert local.accepted == ("añá@cliente.example",)
    assert inbox.envelopes[1].rcpt_tos == ["añá@cliente.example"]


@pytest.mark.parametrize(
    "configured", ["", "nobody", "a@x, b@y", "A <a@x>, B <b@y>", "a@x\r\nBcc: b@y"]
)
def test_a_sender_that_is_not_one_address_stops_the_worker_at_its_start(sender, configured):
    with pytest.raises(ConfigurationError, match="SMTP_FROM"):
        sender(25, smtp_from=configured)
