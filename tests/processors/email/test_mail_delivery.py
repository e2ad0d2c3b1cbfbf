"""What a mail server may do to us, and what becomes of the job."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from cotiza_queue.errors import PermanentError, RetryableError
from cotiza_queue.jobtypes import EmailNotification
from cotiza_queue.processors.email import delivery

PAYLOAD = EmailNotification(
    type="quote-expired",
    recipient_email="ana@cliente.example",
    template_data={"quoteNumber": "Q-123"},
)
SECRET = "hunter2-Ωλ"


async def test_a_mail_is_handed_over_and_the_servers_answer_is_the_result(
    serve, sender, inbox, context
):
    result = await sender(await serve())(PAYLOAD, context)
    assert result.accepted == ("ana@cliente.example",)
    assert result.rejected == ()
    assert result.response == "2.0.0 queued as 4F1"
    assert inbox.envelopes[0].mail_from == "cotiza@taller.example"
    assert context.steps == [(30, "written"), (100, "sent")]


async def test_without_a_mail_server_the_job_fails_for_good(sender, context):
    with pytest.raises(PermanentError) as caught:
        await sender(25, smtp_host=None)(PAYLOAD, context)
    assert caught.value.code == "smtp_not_configured"
    assert "SMTP_HOST" in (caught.value.remedy or "")


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        ("450 4.2.1 mailbox busy", RetryableError, "smtp_deferred"),
        ("421 4.3.2 going down", RetryableError, "smtp_deferred"),
        ("550 5.1.1 no such user", PermanentError, "smtp_rejected"),
        ("552 5.2.2 mailbox full", PermanentError, "smtp_rejected"),
    ],
)
async def test_a_refused_recipient_is_retried_or_buried_by_the_first_digit(
    serve, sender, inbox, context, answer, kind, code
):
    inbox.answer_to_recipient = answer
    with pytest.raises(kind) as caught:
        await sender(await serve())(PAYLOAD, context)
    assert caught.value.code == code
    assert answer in caught.value.message
    assert inbox.envelopes == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("451 4.3.0 try later", RetryableError), ("554 5.7.1 spam", PermanentError)],
)
async def test_a_refused_message_is_retried_or_buried_by_the_first_digit(
    serve, sender, inbox, context, answer, kind
):
    inbox.answer_to_data = answer
    with pytest.raises(kind, match=answer):
        await sender(await serve())(PAYLOAD, context)


@pytest.mark.parametrize(
    ("script", "kind", "code"),
    [
        ({"": "421 too many connections"}, RetryableError, "smtp_deferred"),
        ({"": "554 go away"}, PermanentError, "smtp_rejected"),
        ({"": "close"}, RetryableError, "smtp_unreachable"),
        ({"MAIL": "close"}, RetryableError, "smtp_unreachable"),
        ({"DATA": "close"}, RetryableError, "smtp_unreachable"),
        ({".": "close"}, RetryableError, "smtp_unreachable"),
        ({"MAIL": "530 5.7.0 must issue STARTTLS"}, PermanentError, "smtp_rejected"),
        ({"MAIL": "what?"}, RetryableError, "smtp_deferred"),
    ],
)
async def test_whatever_a_server_does_has_a_meaning(
    serve_script, sender, context, script, kind, code
):
    with pytest.raises(kind) as caught:
        await sender(await serve_script(script))(PAYLOAD, context)
    assert caught.value.code == code


async def test_a_silent_server_is_left_and_the_job_retried(
    serve_script, sender, context, monkeypatch
):
    monkeypatch.setattr(delivery, "TIMEOUT_S", 0.2)
    with pytest.raises(RetryableError) as caught:
        await sender(await serve_script({"MAIL": ""}))(PAYLOAD, context)
    assert caught.value.code == "smtp_unreachable"


async def test_a_refused_connection_is_retried(sender, context):
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(RetryableError) as caught:
        await sender(port)(PAYLOAD, context)
    assert caught.value.code == "smtp_unreachable"


async def test_a_name_that_nobody_knows_is_retried(sender, context):
    with pytest.raises(RetryableError):
        await sender(25, smtp_host="no-such-host.invalid")(PAYLOAD, context)


@pytest.mark.parametrize("goodbye", ["close", "", "500 what"])
async def test_once_accepted_no_goodbye_can_fail_the_job(
    serve_script, sender, context, monkeypatch, goodbye
):
    monkeypatch.setattr(delivery, "QUIT_TIMEOUT_S", 0.2)
    result = await sender(await serve_script({"QUIT": goodbye}))(PAYLOAD, context)
    assert result.response == "taken"


async def test_cancelling_the_job_closes_the_connection(sender, context):
    greeted, hung_up = asyncio.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        await reader.readline()
        greeted.set()
        await reader.read()
        hung_up.set()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    send = sender(server.sockets[0].getsockname()[1])
    async with asyncio.timeout(10), server:
        job = asyncio.ensure_future(send(PAYLOAD, context))
        await greeted.wait()
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        await hung_up.wait()


async def test_a_password_travels_over_tls_only(serve, sender, inbox, context, tls, sign_in_as):
    port = await serve(tls_context=tls, authenticator=sign_in_as(b"user", SECRET.encode()))
    send = sender(port, smtp_host="localhost", smtp_user="user", smtp_password=SECRET)
    await send(PAYLOAD, context)
    assert inbox.tls_seen == [True]
    assert len(inbox.sign_ins) == 1


async def test_a_server_without_tls_never_sees_the_password(
    serve, sender, inbox, context, sign_in_as
):
    port = await serve(auth_require_tls=False, authenticator=sign_in_as(b"user", SECRET.encode()))
    with pytest.raises(PermanentError) as caught:
        await sender(port, smtp_user="user", smtp_password=SECRET)(PAYLOAD, context)
    assert caught.value.code == "smtp_unsupported"
    assert inbox.sign_ins == []


async def test_plain_text_sign_in_happens_only_when_asked_for(
    serve, sender, inbox, context, sign_in_as
):
    port = await serve(auth_require_tls=False, authenticator=sign_in_as(b"user", SECRET.encode()))
    send = sender(port, smtp_user="user", smtp_password=SECRET, smtp_tls="none")
    await send(PAYLOAD, context)
    assert inbox.tls_seen == [False]


async def test_a_wrong_password_fails_for_good_and_is_never_told(
    serve, sender, context, tls, sign_in_as
):
    port = await serve(tls_context=tls, authenticator=sign_in_as(b"user", b"other"))
    send = sender(port, smtp_host="localhost", smtp_user="user", smtp_password=SECRET)
    with pytest.raises(PermanentError) as caught:
        await send(PAYLOAD, context)
    assert caught.value.code == "smtp_auth"
    assert "535" in caught.value.message
    told(caught.value)


async def test_a_server_that_repeats_the_password_is_not_quoted(serve_script, sender, context):
    encoded = base64.b64encode(f"\0user\0{SECRET}".encode()).decode()
    script = {"EHLO": "250-hi\r\n250 AUTH PLAIN", "AUTH": f"535 wrong: {SECRET} {encoded}"}
    send = sender(
        await serve_script(script), smtp_user="user", smtp_password=SECRET, smtp_tls="none"
    )
    with pytest.raises(PermanentError) as caught:
        await send(PAYLOAD, context)
    told(caught.value)


async def test_a_sign_in_that_is_put_off_is_retried(serve_script, sender, context):
    script = {"EHLO": "250-hi\r\n250 AUTH PLAIN", "AUTH": "454 4.7.0 later"}
    send = sender(await serve_script(script), smtp_user="user", smtp_tls="none")
    with pytest.raises(RetryableError):
        await send(PAYLOAD, context)


@pytest.mark.parametrize("mode", ["auto", "starttls"])
async def test_starttls_is_used_where_it_is_offered(serve, sender, inbox, context, tls, mode):
    port = await serve(tls_context=tls)
    await sender(port, smtp_host="localhost", smtp_tls=mode)(PAYLOAD, context)
    assert inbox.tls_seen == [True]


async def test_demanded_tls_that_is_not_offered_sends_nothing(serve, sender, inbox, context):
    with pytest.raises(PermanentError) as caught:
        await sender(await serve(), smtp_tls="starttls")(PAYLOAD, context)
    assert caught.value.code == "smtp_unsupported"
    assert inbox.envelopes == []


async def test_implicit_tls_is_spoken_from_the_first_byte(serve, sender, inbox, context, tls):
    port = await serve(tls=tls)
    await sender(port, smtp_host="localhost", smtp_tls="tls")(PAYLOAD, context)
    assert len(inbox.mails()) == 1


def test_port_465_means_implicit_tls(sender) -> None:
    settings: Any = sender(465)._settings
    assert delivery._tls(settings) == (True, False)


async def test_a_certificate_for_another_name_is_not_trusted(serve, sender, inbox, context, tls):
    for options in ({"tls": tls}, {"tls_context": tls}):
        port = await serve(**options)
        mode = "tls" if "tls" in options else "starttls"
        with pytest.raises(RetryableError) as caught:
            await sender(port, smtp_host="127.0.0.1", smtp_tls=mode)(PAYLOAD, context)
        assert caught.value.code == "smtp_tls"
    assert inbox.envelopes == []


async def test_a_server_without_smtputf8_can_not_take_such_an_address(
    serve_script, sender, context
):
    payload = EmailNotification(
        type="quote-expired",
        recipient_email="añá@cliente.example",
        template_data={"quoteNumber": "Q-123"},
    )
    with pytest.raises(PermanentError) as caught:
        await sender(await serve_script({}))(payload, context)
    assert caught.value.code == "smtp_unsupported"


def told(error: PermanentError) -> None:
    """Nothing of the password is in anything that leaves the processor."""
    everything = f"{error.message} {error.remedy} {error.details} {error.__cause__} {error.args}"
    for secret in (SECRET, base64.b64encode(SECRET.encode()).decode(), "hunter2"):
        assert secret not in everything
