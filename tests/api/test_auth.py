"""Who gets in, who does not, and who may do what: rows S1 to S14 of the threat table."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api_support import CLOCK, SECRET, Process, bearer, claims, token
from cotiza_api.app import create_app, open_gate
from cotiza_queue import Settings
from cotiza_queue.errors import ConfigurationError, CotizaError

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
SHORT = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - on purpose
ED = ed25519.Ed25519PrivateKey.generate()
TWICE = b'{"alg": "HS256", "alg": "none"}'


def pem(key: Any) -> str:
    text: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


def part(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(payload: Any = None, algorithm: str = "HS256", key: Any = SECRET, **header: Any) -> str:
    """A token of a payload that may be anything, raw bytes too."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload or claims()).encode()
    return jwt.PyJWS().encode(body, key, algorithm=algorithm, headers=header or None)


def doubled(name: str, value: str) -> bytes:
    return json.dumps(claims())[:-1].encode() + f', "{name}": "{value}"}}'.encode()


def raw(name: str, number: str) -> bytes:
    return json.dumps(claims(**{name: None}))[:-1].encode() + f', "{name}": {number}}}'.encode()


def hour(hours: float) -> int:
    return CLOCK.now_ms() // 1000 + int(hours * 3600)


BAD: dict[str, Callable[[], str]] = {
    "S1 alg none": lambda: f"{part({'alg': 'none'})}.{part(claims())}.",
    "S1 another HMAC": lambda: signed(algorithm="HS384"),
    "S1 another key": lambda: signed(key="another key, as long as it should be, or longer"),
    "S3 no exp": lambda: token(exp=None),
    "S3 no sub": lambda: token(sub=None),
    "S3 no tenant": lambda: token(tenantId=None),
    "S3 two tenants": lambda: token(tenant_id="other"),
    "S3 not a tenant": lambda: token(tenantId="a/b"),
    "S3 a tenant and a line break": lambda: token(tenantId="acme\n"),
    "S4 exp as text": lambda: signed(claims(exp=str(hour(1)))),
    "S4 exp infinite": lambda: signed(raw("exp", "1e999")),
    "S4 nbf infinite": lambda: signed(raw("nbf", "-1e999")),
    "S4 exp NaN": lambda: signed(json.dumps(claims(exp=float("nan"))).encode()),
    "S4 exp true": lambda: signed(claims(exp=True)),
    "S4 ten years": lambda: token(exp=hour(87_600)),
    "S4 ten years, without iat": lambda: token(iat=None, exp=hour(87_600)),
    "S4 over a day left, without iat": lambda: token(iat=None, exp=hour(24) + 60),
    "S4 a day and a second": lambda: token(iat=hour(0), exp=hour(24) + 1),
    "S4 expired": lambda: token(iat=hour(-2), exp=hour(0) - 31),
    "S4 issued tomorrow": lambda: token(iat=hour(1), exp=hour(2)),
    "S4 not before tomorrow": lambda: token(nbf=hour(1)),
    "S7 a path as key id": lambda: signed(kid="../../dev/null"),
    "S7 SQL as key id": lambda: signed(kid="' OR 1=1"),
    "S7 a number as key id": lambda: f"{part({'alg': 'HS256', 'kid': 7})}.{part(claims())}.x",
    "S8 a claim twice": lambda: signed(doubled("tenantId", "other")),
    "S8 a header twice": lambda: f"{part(TWICE)}.{part(claims())}.{part(b'x')}",
    "S9 a megabyte": lambda: token(padding="x" * 1_000_000)[: 30 * 1024],
    "S9 9 KiB": lambda: token(padding="x" * 9 * 1024),
    "S10 a critical extension": lambda: signed(crit=["x"], x=1),
    "an empty part": lambda: "..",
    "two parts": lambda: "a.b",
    "no base64": lambda: "a.b.c",
    "deep": lambda: f"{part(b'[' * 3000)}.{part(claims())}.x",
    "no object": lambda: signed(b"[]"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_token_is_refused(api: Process, name: str) -> None:
    async with api.client({"Authorization": f"Bearer {BAD[name]()}"}) as client:
        answer = await client.get("/api/v1/jobs")
    assert answer.status_code == 401, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "unauthorized"


@pytest.mark.parametrize("scheme", ["", "Basic YTpi", "Bearer", f"Token {token()}"])
async def test_without_a_bearer_token_nobody_gets_in(api: Process, scheme: str) -> None:
    async with api.client({"Authorization": scheme} if scheme else {}) as client:
        assert (await client.get("/api/v1/jobs")).status_code == 401


async def test_two_authorization_headers_are_refused(api: Process) -> None:
    headers = [("Authorization", f"Bearer {token()}")] * 2
    async with api.client() as client:
        assert (await client.get("/api/v1/jobs", headers=headers)).status_code == 401


GOOD: dict[str, Callable[[], str]] = {
    "as the product makes them": token,
    "with the tenant in the other spelling": lambda: token(tenantId=None, tenant_id="acme"),
    "with a whole day": lambda: token(iat=hour(0), exp=hour(24)),
    "just expired, within the leeway": lambda: token(iat=hour(-1), exp=hour(0) - 10),
    "without iat": lambda: token(iat=None),
    "without iat, with a whole day": lambda: token(iat=None, exp=hour(24)),
    "with fractions of seconds": lambda: token(
        iat=hour(0) - 0.25, nbf=hour(0) - 0.5, exp=hour(1) + 0.75
    ),
    "with a list of scopes": lambda: token(scope=["openid", "email"]),
    "with headers that name keys": lambda: signed(
        jku="https://evil.example/keys", x5u="https://evil.example", jwk={"kty": "oct", "k": "AA"}
    ),
    "with an audience, when none is set": lambda: token(aud="somebody"),
    "with a list of roles": lambda: token(role=None, roles=["viewer", "MANAGER"]),
}


@pytest.mark.parametrize("name", GOOD)
async def test_a_good_token_is_let_in(api: Process, name: str) -> None:
    async with api.client({"Authorization": f"Bearer {GOOD[name]()}"}) as client:
        assert (await client.get("/api/v1/jobs")).status_code == 200


# What a role may do: the least role for each route, by the table of http-api.md.
LEAST = {
    "customer": [
        ("GET", "/api/v1/jobs"),
        ("GET", "/api/v1/jobs/nothing"),
        ("GET", "/api/v1/jobs/nothing/events"),
    ],
    "manager": [
        ("POST", "/api/v1/jobs"),
        ("POST", "/api/v1/jobs/bulk"),
        ("POST", "/api/v1/jobs/schedule"),
        ("POST", "/api/v1/jobs/nothing/retry"),
        ("DELETE", "/api/v1/jobs/nothing"),
        ("GET", "/api/v1/jobs/queues/metrics"),
        ("POST", "/api/v1/files"),
        ("GET", "/api/v1/files/nothing"),
        ("GET", "/metrics"),
    ],
    "admin": [
        ("POST", "/api/v1/jobs/recurring"),
        ("GET", "/api/v1/jobs/recurring"),
        ("GET", "/api/v1/jobs/recurring/nothing"),
        ("DELETE", "/api/v1/jobs/recurring/nothing"),
        ("POST", "/api/v1/jobs/recurring/nothing/pause"),
        ("POST", "/api/v1/jobs/queues/nothing/pause"),
        ("POST", "/api/v1/jobs/queues/nothing/resume"),
        ("POST", "/api/v1/jobs/queues/nothing/clean"),
        ("GET", "/api/v1/dead-letters"),
        ("GET", "/api/v1/dead-letters/nothing"),
        ("POST", "/api/v1/dead-letters/nothing/replay"),
        ("DELETE", "/api/v1/dead-letters/nothing"),
    ],
}
ORDER = ["customer", "support", "operator", "manager", "admin"]


@pytest.mark.parametrize("role", [*ORDER, "viewer"])
async def test_a_role_may_do_its_own_and_what_lower_roles_may(api: Process, role: str) -> None:
    rank = ORDER.index(role) if role in ORDER else 0
    async with api.client(bearer(role)) as client:
        for least, calls in LEAST.items():
            for method, path in calls:
                answer = await client.request(method, path)
                refused = answer.status_code == 403
                assert refused == (rank < ORDER.index(least)), (role, method, path, answer.text)


async def test_another_tenants_job_is_as_unknown_as_one_that_never_was(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, analysis: dict[str, Any]
) -> None:
    made = (await admin.post("/api/v1/jobs", json=analysis)).json()
    never = made["jobId"][:-6] + "zz" + made["jobId"][-4:]
    for method, path in (
        ("GET", ""),
        ("POST", "/retry"),
        ("DELETE", ""),
        ("GET", "/events"),
    ):
        answers = []
        for job_id in (made["jobId"], never):
            answer = await stranger.request(method, f"/api/v1/jobs/{job_id}{path}")
            assert answer.status_code == 404
            body = answer.json()
            del body["requestId"]
            answers.append(json.dumps(body).replace(job_id, "ID"))
        assert answers[0] == answers[1]
    assert made["jobId"] not in (await stranger.get("/api/v1/jobs")).text
    letter = await stranger.get(f"/api/v1/dead-letters/{made['jobId']}")
    assert letter.status_code == 404


@pytest.mark.parametrize(
    "job_id", ["x}:j:1", "*", "%2E%2E", "%0d%0aX", "a%0a", "x" * 10_000, "%00", "{t}", "a%2Fb", "é"]
)
async def test_a_strange_job_id_is_just_unknown(admin: httpx2.AsyncClient, job_id: str) -> None:
    answer = await admin.get(f"/api/v1/jobs/{job_id}/events")
    assert answer.status_code == 404
    answer = await admin.get(f"/api/v1/dead-letters/{job_id}")
    assert answer.status_code == 404


async def test_a_tenant_in_the_body_or_a_header_never_overrides_the_token(
    admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient, analysis: dict[str, Any]
) -> None:
    beside = await admin.post("/api/v1/jobs", json=analysis | {"tenantId": "stranger"})
    inside = await admin.post(
        "/api/v1/jobs", json=analysis | {"data": analysis["data"] | {"tenantId": "stranger"}}
    )
    options = await admin.post("/api/v1/jobs", json=analysis | {"options": {"tenantId": "x"}})
    header = await admin.post("/api/v1/jobs", json=analysis, headers={"X-Tenant": "stranger"})
    asked = await admin.get("/api/v1/jobs?tenantId=stranger")
    assert [beside.status_code, inside.status_code, asked.status_code] == [403, 403, 403]
    assert options.status_code == 422
    assert options.json()["errors"][0]["field"] == "options.tenantId"
    assert (await stranger.get(header.headers["location"])).status_code == 404


@pytest.mark.parametrize("scope", ["openid platform", ["openid", "platform"]])
async def test_a_platform_token_acts_for_every_tenant(
    api: Process,
    admin: httpx2.AsyncClient,
    tenant: str,
    analysis: dict[str, Any],
    scope: str | list[str],
) -> None:
    async with api.client(bearer("admin", "platform", scope=scope)) as platform:
        made = await platform.post("/api/v1/jobs", json=analysis | {"tenantId": tenant})
        path = made.headers["location"]
        assert (await admin.get(path)).status_code == 200
        listed = (await platform.get(f"/api/v1/jobs?tenantId={tenant}")).json()["items"]
        assert [job["jobId"] for job in listed] == [made.json()["jobId"]]
        assert (await platform.delete(path)).status_code == 200


def settings(**values: Any) -> Settings:
    return Settings(**values)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"jwt_secret": "short"},
        {"jwt_secret": "x" * 31},
        {"jwt_secret": SECRET, "jwks_url": "https://id.example/keys"},
        {"jwt_public_key": "not a key"},
        {"jwt_public_key": pem(SHORT)},
        {"jwt_public_key": pem(ec.generate_private_key(ec.SECP384R1()))},
        {"jwks_url": "http://id.example/keys"},
        {"jwt_secret": SECRET, "environment": "production"},
        {"jwt_secret": SECRET, "environment": "production", "jwt_audience": "cotiza"},
    ],
)
def test_the_api_refuses_to_start_with_a_missing_or_unsafe_key(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        create_app(settings(**values))


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (EC, "ES256"), (ED, "EdDSA")])
async def test_a_public_key_admits_its_own_algorithm_only(key: Any, algorithm: str) -> None:
    gate = open_gate(settings(jwt_public_key=pem(key).replace("\n", "\\n")), CLOCK)
    caller = await gate.admit([f"Bearer {signed(algorithm=algorithm, key=key)}"])
    assert (caller.user, caller.tenant, caller.role.name) == ("ana", "acme", "ADMIN")
    for other, name in ((RSA, "RS256"), (RSA, "PS256"), (EC, "ES256"), (ED, "EdDSA")):
        if name != algorithm:
            with pytest.raises(CotizaError) as refused:
                await gate.admit([f"Bearer {signed(algorithm=name, key=other)}"])
            assert refused.value.http_status == 401


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
async def test_a_public_key_used_as_an_hmac_secret_forges_nothing(encoding: Encoding) -> None:
    gate = open_gate(settings(jwt_public_key=pem(RSA)), CLOCK)
    known = RSA.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    head, body = part({"alg": "HS256", "typ": "JWT"}), part(claims())
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    forged = f"{head}.{body}.{part(mac.sign(f'{head}.{body}'.encode(), known))}"
    with pytest.raises(CotizaError) as refused:
        await gate.admit([f"Bearer {forged}"])
    assert refused.value.http_status == 401


@pytest.mark.parametrize(
    ("changes", "admitted"),
    [
        ({"aud": "cotiza", "iss": "https://id.example"}, True),
        ({"aud": ["other", "cotiza"], "iss": "https://id.example"}, True),
        ({"iss": "https://id.example"}, False),
        ({"aud": "other", "iss": "https://id.example"}, False),
        ({"aud": "cotiza", "iss": "https://evil.example"}, False),
        ({"aud": "cotiza"}, False),
    ],
)
async def test_audience_and_issuer_count_once_they_are_set(
    changes: dict[str, Any], admitted: bool
) -> None:
    gate = open_gate(
        settings(jwt_secret=SECRET, jwt_audience="cotiza", jwt_issuer="https://id.example"), CLOCK
    )
    if admitted:
        assert (await gate.admit([f"Bearer {token(**changes)}"])).tenant == "acme"
    else:
        with pytest.raises(CotizaError):
            await gate.admit([f"Bearer {token(**changes)}"])
