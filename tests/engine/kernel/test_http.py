"""Connections go to addresses that were checked, by the name that was meant."""

import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from engine.kernel.addresses import parse_origin
from engine.kernel.http import CheckedTransport, Limits
from engine.plugin_api import PluginError
from engine.plugin_host.http import HttpPool
from tests.support.talkers import says, talking

SHORT = Limits(connect_s=0.5, read_s=0.5, call_s=0.8, largest=10_000)
SHOP = "https://api.shop.example"


def outcome(call):
    try:
        call()
    except PluginError as error:
        return error
    return None


def test_a_name_is_asked_for_once_and_the_connection_goes_to_what_was_checked():
    """DNS rebinding: the second answer would lead inside, but nobody asks for it."""
    answers = iter([("192.0.2.7",), ("127.0.0.1",)])
    asked = []
    connected = []

    def resolver(host, port):
        asked.append(host)
        return next(answers)

    transport = CheckedTransport(resolver=resolver, limits=SHORT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport._backend._sockets, "connect_tcp", lambda host, port, **_: connected.append(host))
        patch.setattr("engine.kernel.http.is_public", lambda address: address == "192.0.2.7")
        with suppress(Exception):
            HttpPool(transport=transport).client([SHOP]).request("GET", f"{SHOP}/")
    assert (asked, connected) == (["api.shop.example"], ["192.0.2.7"])


def test_of_several_addresses_the_first_that_answers_is_taken():
    with talking(says()) as talker:
        origin = f"http://shop.lan:{talker.port}"
        closed = "::1"  # nobody listens there
        transport = CheckedTransport(
            private=[parse_origin(origin)], resolver=lambda *_: (closed, "127.0.0.1"), limits=SHORT
        )
        pool = HttpPool([origin], transport=transport)
        assert pool.client([origin]).request("GET", f"{origin}/").status == 200
        assert f"host: shop.lan:{talker.port}".encode() in talker.requests[0].lower()
        pool.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for shop.lan that nobody signed but itself; gives the file with it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.lan")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.lan")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "shop.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + made.public_bytes(Encoding.PEM))
    return file


@pytest.mark.parametrize(
    ("host", "trusted", "comes"),
    [("shop.lan", True, True), ("other.lan", True, False), ("shop.lan", False, False), ("shop.lan", None, False)],
    ids=["its own name", "another name", "a certificate that nobody vouches for", "what is trusted by default"],
)
def test_tls_is_held_to_the_name_though_the_connection_goes_to_an_address(certificate, host, trusted, comes):
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    named = []
    serving.sni_callback = lambda _socket, name, _context: named.append(name)
    trusting = None if trusted is None else ssl.create_default_context(cafile=certificate if trusted else None)
    with talking(says(), serving) as talker:
        origin = f"https://{host}:{talker.port}"
        transport = CheckedTransport(
            private=[parse_origin(origin)], resolver=lambda *_: ("127.0.0.1",), limits=SHORT, ssl_context=trusting
        )
        pool = HttpPool([origin], transport=transport)
        told = outcome(lambda: pool.client([origin]).request("GET", f"{origin}/"))
        pool.close()
    assert named == [host]
    assert (told is None) == comes
    assert comes or "certificate" in str(told)
    assert len(talker.requests) == comes
