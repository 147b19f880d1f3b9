"""An alarm reaches by mail those who can see to it, once, and says nothing of any person."""

from datetime import timedelta
from email.message import EmailMessage

import pytest

from engine.connections.mails import MAIL_ALARM, AlarmMails, alarm_mail
from engine.connections.rules import FOR_STAFF, SILENT, said_of
from engine.connections.service import alarm_key, end_alarm, raise_alarm
from engine.identity.mail import Mail, written
from engine.identity.queries import BrandView, StaffAccess, staff_with
from engine.identity.service import add_staff
from engine.identity.tables import Role
from engine.jobs.queries import job_counts
from engine.jobs.tables import JobState
from engine.jobs.worker import Worker
from engine.kernel.ids import new_id
from tests.support.shop import open_shop
from tests.support.wired import Wired

SECRETIVE = "Ms Customer <ms.customer@example.org> asks to be forgotten."


class Post:
    """Takes mail, or has a bad day."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.down = 0

    def send(self, mail: Mail) -> None:
        if self.down:
            self.down -= 1
            raise ConnectionRefusedError("the mail server is down")
        self.sent.append(mail)

    def to(self) -> list[str]:
        return sorted(mail.to for mail in self.sent)


@pytest.fixture
def wired(db, tmp_path, clock):
    wired = Wired.on(db, tmp_path, clock)

    def hire(unit):
        for role in Role:
            name = f"{role.value.title()} Two"
            add_staff(unit, wired.shop.brand_id, email=f"{role.value}2@bean.example", name=name, role=role)

    wired.database.run(hire)
    return wired


@pytest.fixture
def post():
    return Post()


@pytest.fixture
def work(wired, post):
    """Tell what happened, and run the mails that are due."""
    mails = AlarmMails(lambda: post, "https://goodword.example")
    worker = Worker(wired.database, {MAIL_ALARM: mails.send})

    def run():
        wired.goodword.tell_events()
        worker.run_once()

    return run


def alarm(wired, kind=SILENT, *, about="", text=SECRETIVE):
    key = alarm_key(kind, wired.connection.id) + about
    details = {"key": key, "kind": kind, "text": text, "connection_id": wired.connection.id}
    return wired.database.run(lambda unit: raise_alarm(unit, wired.shop.brand_id, **details))


def over(wired, kind=SILENT):
    key = alarm_key(kind, wired.connection.id)
    assert wired.database.run(lambda unit: end_alarm(unit, wired.shop.brand_id, key=key))


def looked_after_by(wired):
    with wired.database.reading() as unit:
        return sorted(one.email for one in staff_with(unit, wired.shop.brand_id, roles=(Role.OWNER, Role.MANAGER)))


def test_owners_and_managers_are_told_once_and_nobody_else(wired, post, work, clock):
    open_shop(wired.goodword, clock, slug="other", name="Other")
    assert (alarm(wired), alarm(wired)) == (True, False)
    for _ in range(3):
        work()
        clock.advance(timedelta(hours=1))
    assert {"owner2@bean.example", "manager2@bean.example"} <= set(post.to())
    assert post.to() == looked_after_by(wired)


def test_the_mail_names_the_shop_and_leads_to_it_and_no_person_is_in_it(wired, post, work):
    alarm(wired)
    work()
    for mail in post.sent:
        assert "Main shop has sent no webhook" in mail.subject
        assert f"/admin/bean/shops/{wired.connection.id}" in mail.text
        assert f"/admin/bean/shops/{wired.connection.id}" in mail.html
        assert "ustomer" not in mail.text + mail.html + mail.subject


def test_what_comes_by_the_hundred_is_two_mails_an_hour_apart(wired, post, work, clock):
    told = looked_after_by(wired)
    for number in range(100):
        alarm(wired, FOR_STAFF, about=f":{number}")
    work()
    assert post.to() == told
    clock.advance(timedelta(hours=2))
    work()
    assert post.to() == sorted(told * 2)
    clock.advance(timedelta(hours=2))
    work()
    assert post.to() == sorted(told * 2)


def test_one_that_came_back_within_the_hour_is_told_in_the_next(wired, post, work, clock):
    alarm(wired)
    work()
    over(wired)
    alarm(wired)
    work()
    told = looked_after_by(wired)
    assert post.to() == told
    clock.advance(timedelta(hours=1))
    work()
    assert post.to() == sorted(told * 2)


def test_what_was_over_before_its_mail_is_not_told(wired, post, work):
    alarm(wired)
    over(wired)
    work()
    assert post.sent == []


def test_who_is_no_longer_concerned_gets_nothing(wired, post, work):
    alarm(wired)
    wired.goodword.tell_events()
    for email in looked_after_by(wired):
        add = {"email": email, "name": "Somebody", "role": Role.VIEWER}
        wired.database.run(lambda unit, add=add: add_staff(unit, wired.shop.brand_id, **add))
    work()
    assert post.sent == []


def test_a_mail_server_that_is_down_is_tried_again(wired, post, work, clock):
    post.down = len(looked_after_by(wired)) + 1
    alarm(wired)
    for _ in range(4):
        work()
        clock.advance(timedelta(minutes=5))
    assert post.to() == looked_after_by(wired)
    with wired.database.reading() as unit:
        assert job_counts(unit)[JobState.DEAD] == 0


def test_the_worker_mails_by_itself(wired, tmp_path):
    alarm(wired)
    wired.goodword.tell_events()
    wired.goodword.worker().run_once()
    folder = wired.goodword.settings.home / "outbox"
    assert len(list(folder.glob("*.eml"))) == len(looked_after_by(wired))


@pytest.mark.parametrize("name", ["<b>Bean</b> & Co", "Be{an}", "Zwei\nZeilen", "ß" * 120])
def test_names_are_text(clock, name):
    person = StaffAccess(BrandView(new_id(), "bean", name), new_id(), name, "o@bean.example", Role.OWNER)
    mail = alarm_mail(person, said=said_of("silent", shop=name.replace("\n", " ")), link="https://x.example/?a=1&b=2")
    assert "<b>Bean" not in mail.html
    assert "{brand}" not in mail.html
    message: EmailMessage = written(mail, sender="a@b.example", at=clock.now())
    assert message["Subject"].isprintable()
