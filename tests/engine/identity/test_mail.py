"""Mail leaves by a server or lands in a folder."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesParser
from socketserver import StreamRequestHandler, TCPServer
from threading import Thread

import pytest

from engine.identity.mail import FolderMailer, Mail, SmtpMailer, mailer_of
from engine.kernel.errors import SettingsError
from engine.kernel.settings import load_settings

HELLO = Mail(to="anna@example.com", subject="Your sign-in link: Ünïcode", text="https://x.test/ä", html="<p>ä</p>")


def test_without_a_server_mail_is_a_file(tmp_path, clock):
    mailer_of(load_settings(home=tmp_path, smtp_url=""), clock=clock).send(HELLO)
    (file,) = (tmp_path / "outbox").glob("*.eml")
    message = BytesParser(EmailMessage, policy=policy.default).parsebytes(file.read_bytes())
    assert message["To"] == "anna@example.com"
    assert message["Subject"] == HELLO.subject
    parts = {part.get_content_type(): part.get_content().strip() for part in message.iter_parts()}
    assert parts == {"text/plain": HELLO.text, "text/html": HELLO.html}
    assert file.stat().st_mode & 0o077 == 0, "a sign-in link is for its reader alone"


@pytest.mark.parametrize("field", ["to", "subject"])
def test_a_header_cannot_be_smuggled_in(tmp_path, clock, field):
    values = {"to": "a@b.c", "subject": "x", "text": "", "html": ""} | {field: "a@b.c\r\nBcc: all@example.com"}
    with pytest.raises(ValueError, match="linefeed"):
        FolderMailer(tmp_path, sender="a@b.c", clock=clock).send(Mail(**values))


@pytest.mark.parametrize("url", ["http://mail.example", "smtp://", "mail.example:25"])
def test_a_wrong_address_is_told(clock, url):
    with pytest.raises(SettingsError, match="GOODWORD_SMTP_URL"):
        SmtpMailer(url, sender="a@b.c", clock=clock)


class _Smtp(StreamRequestHandler):
    """Just enough of a mail server: no TLS, takes one message."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline().strip():
            if line.upper() == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                body = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    body += part
                self.server.taken.append(body)  # type: ignore[attr-defined]
            self.wfile.write(b"221 bye\r\n" if line.upper() == b"QUIT" else b"250 fine\r\n")


@pytest.fixture
def smtp_server():
    with TCPServer(("127.0.0.1", 0), _Smtp) as server:
        server.taken = []  # type: ignore[attr-defined]
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_mail_reaches_the_server(smtp_server, clock):
    port = smtp_server.server_address[1]
    SmtpMailer(f"smtp://127.0.0.1:{port}", sender="Goodword <g@b.c>", clock=clock).send(HELLO)
    (body,) = smtp_server.taken
    assert message_from_bytes(body, policy=policy.default)["From"] == "Goodword <g@b.c>"


def test_a_password_never_travels_in_the_clear(smtp_server, clock):
    port = smtp_server.server_address[1]
    with pytest.raises(Exception, match="password stays here"):
        SmtpMailer(f"smtp://user:secret@127.0.0.1:{port}", sender="g@b.c", clock=clock).send(HELLO)
    assert smtp_server.taken == []
