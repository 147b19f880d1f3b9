"""What people come for, done in a browser: by hand, by keyboard, on a phone."""

import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from playwright.sync_api import expect

from engine.identity.tables import Realm
from tests.support.routes import only

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def link_by_mail(tmp_path):
    (file,) = (tmp_path / "outbox").glob("*.eml")
    mail = BytesParser(EmailMessage, policy=policy.default).parsebytes(file.read_bytes())
    plain = next(part for part in mail.iter_parts() if part.get_content_type() == "text/plain")
    return only(r"(http://\S+/sign-in/\S+)", str(plain.get_content()))


def test_an_ambassador_signs_in_by_mail_and_reads_why(page_of, tmp_path):
    page = page_of(**PHONE)
    page.goto("/portal/bean/")
    page.get_by_label("E-mail").fill("anna@example.com")
    page.get_by_role("button", name="Send me a link").tap()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    page.goto(link_by_mail(tmp_path))
    page.get_by_role("button", name="Continue to my earnings: Bean & Leaf").tap()
    expect(page).to_have_url(re.compile(r"/portal/bean/$"))
    expect(page.get_by_role("heading", name="Hello Anna Berg")).to_be_visible()
    expect(page.get_by_text("You earned €59.30 from 2 orders this week.")).to_be_visible()
    expect(page.get_by_text("ANNA10", exact=True).first).to_be_visible()
    page.get_by_role("link", name=re.compile("€12.40")).first.tap()
    expect(page.get_by_text("of €124.00, because your code ANNA10 was used on")).to_be_visible()
    expect(page.get_by_role("heading", name="Step by step")).to_be_visible()
    page.get_by_role("link", name="Payouts").tap()
    page.get_by_role("link", name=re.compile("€63.49")).tap()
    expect(page.get_by_role("heading", name="What it is made of")).to_be_visible()
    page.get_by_role("button", name="Sign out").tap()
    expect(page.get_by_role("heading", name="Recommend what you love.")).to_be_visible()
    page.goto("/portal/bean/")
    expect(page).to_have_url(re.compile("/sign-in"))


def test_a_code_is_copied(page_of):
    page = page_of("anna@example.com", Realm.AMBASSADOR, permissions=["clipboard-read", "clipboard-write"])
    page.goto("/portal/bean/")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "ANNA10"


def test_somebody_applies_and_the_owner_lets_them_in_by_keyboard(page_of):
    applicant = page_of(**PHONE)
    applicant.goto("/join/bean/friends")
    applicant.get_by_label("Your name").fill("Frieda")
    applicant.get_by_label("E-mail").fill("frieda")
    applicant.get_by_label("Why would you like to join?").fill("Coffee is my morning.")
    applicant.get_by_role("button", name="Send my application").tap()
    summary = applicant.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("This is not an e-mail address.")
    expect(applicant.get_by_label("Why would you like to join?")).to_have_value("Coffee is my morning.")
    applicant.get_by_label("E-mail").fill("frieda@example.com")
    applicant.get_by_role("button", name="Send my application").tap()
    expect(applicant.get_by_role("heading", name="Thank you")).to_be_visible()

    owner = page_of("owner@bean.example", viewport={"width": 1440, "height": 900})
    owner.goto("/admin/bean/applications")
    press_to(owner, "Frieda")
    owner.keyboard.press("Enter")
    expect(owner.get_by_role("heading", name="Frieda")).to_be_visible()
    expect(owner.get_by_text("Coffee is my morning.")).to_be_visible()
    press_to(owner, "Approve")
    owner.keyboard.press("Enter")
    expect(owner.get_by_role("status")).to_contain_text("Approved: from now on")
    expect(owner.get_by_role("link", name="Frieda")).to_have_count(0)


def test_the_owner_pays_from_preview_to_paid(page_of, tmp_path):
    owner = page_of("owner@bean.example", viewport={"width": 1440, "height": 900})
    owner.goto("/admin/bean/payouts")
    owner.get_by_role("link", name="Preview the payout").click()
    expect(owner.get_by_text("3 people would be paid, €480.45 in all.")).to_be_visible()
    expect(owner.get_by_text("Below the minimum of €25.00; it carries over.")).to_be_visible()
    owner.get_by_role("link", name="Continue").click()
    expect(owner.get_by_text("to 3 people")).to_be_visible()
    owner.get_by_role("button", name="Submit €480.45").click()
    expect(owner.get_by_role("status")).to_contain_text("is submitted. Take its file to the bank")
    with owner.expect_download() as download:
        owner.get_by_role("link", name="Payment file").click()
    download.value.save_as(tmp_path / "payouts.csv")
    assert (tmp_path / "payouts.csv").read_text().count("EUR") == 3
    row = owner.get_by_role("row", name=re.compile("Anna Berg"))
    row.get_by_text("Did not arrive").click()
    row.get_by_label("Why?").fill("Wrong IBAN")
    row.get_by_role("button", name="Mark €267.90 to Anna Berg failed").click()
    expect(owner.get_by_role("status")).to_contain_text("its commission is open again")
    owner.get_by_role("button", name="Mark as paid: €212.55").click()
    expect(owner.get_by_role("status")).to_contain_text("2 of this batch are marked paid.")
    anna = page_of("anna@example.com", Realm.AMBASSADOR)
    anna.goto("/portal/bean/payouts")
    expect(anna.get_by_text("Wrong IBAN")).to_be_visible()


def test_filters_answer_at_once(page_of):
    owner = page_of("owner@bean.example", viewport={"width": 1440, "height": 900})
    owner.goto("/admin/bean/commissions")
    owner.get_by_label("State").select_option("On hold")
    expect(owner).to_have_url(re.compile("state=pending"))
    expect(owner.get_by_role("row")).to_have_count(4)
    owner.get_by_label("Ambassador").select_option("Anna Berg")
    expect(owner.get_by_role("row")).to_have_count(3)
    owner.get_by_role("link", name="Clear").click()
    expect(owner).not_to_have_url(re.compile("state="))


def test_the_theme_is_chosen_and_kept(page_of):
    page = page_of("owner@bean.example", viewport={"width": 1440, "height": 900}, color_scheme="light")
    page.goto("/admin/bean/")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Dark theme").click()
    assert page.evaluate(ground) != light
    page.goto("/admin/bean/plugins")
    assert page.evaluate(ground) != light
    expect(page.get_by_role("button", name="Dark theme")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Dark theme").click()
    assert page.evaluate(ground) == light


def test_everything_works_without_scripts(page_of):
    owner = page_of("owner@bean.example", java_script_enabled=False, **PHONE)
    owner.goto("/admin/bean/applications")
    owner.get_by_role("link", name="Carla Nuñez").click()
    owner.get_by_role("button", name="Approve").click()
    expect(owner.get_by_role("status")).to_contain_text("Approved: from now on")


def press_to(page, words, most=60):
    """Press Tab until what holds these words has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('a, button') && document.activeElement.innerText") == words:
            return
    raise AssertionError(f"{words} cannot be reached by keyboard")
