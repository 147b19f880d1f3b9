"""What a request says about itself: people count, machines and secret fetches do not, what is kept is one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tracking.clicks.visits import Reason, Signal, is_bot, origin_of, visit_of
from tests.engine.tracking.clicks.world import DESKTOP, PHONE

PEOPLE = {
    "iphone": PHONE,
    "desktop": DESKTOP,
    "firefox": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0",
    "instagram": f"{PHONE} Instagram 329.0.0.28.90 (iPhone14,5; iOS 17_4; de_DE)",
    "facebook app": f"{PHONE} [FBAN/FBIOS;FBAV/460.0.0.31.103;FBDV/iPhone14,5]",
    "tiktok": "Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 Chrome/123 Mobile musical_ly_2023",
    "pinterest": f"{PHONE} [Pinterest/iOS]",
    "line": f"{PHONE} Safari Line/14.3.1",
    "cubot phone": "Mozilla/5.0 (Linux; Android 11; CUBOT X30) AppleWebKit/537.36 Chrome/122 Mobile Safari/537.36",
    "opera mini": "Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423 Version/12.16",
}
MACHINES = {
    "nothing": "",
    "dash": "-",
    "google": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "facebook preview": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "whatsapp preview": "WhatsApp/2.23.20.0",
    "slack preview": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "slack pictures": "Slack-ImgProxy (+https://api.slack.com/robots)",
    "twitter preview": "Twitterbot/1.0",
    "telegram preview": "TelegramBot (like TwitterBot)",
    "discord preview": "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "linkedin preview": "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "imessage preview": "Mozilla/5.0 (Macintosh) AppleWebKit/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
    "pinterest crawler": "Mozilla/5.0 (compatible; Pinterestbot/1.0; +http://www.pinterest.com/bot.html)",
    "skype preview": "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
    "curl": "curl/8.5.0",
    "python": "python-requests/2.31.0",
    "go": "Go-http-client/1.1",
    "headless": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/124.0 Safari/537.36",
    "mail scanner": "Mozilla/5.0 (compatible; Mimecast URL scanner)",
    "app without window": "MyShop/12 CFNetwork/1494.0.7 Darwin/23.4.0",
    "lighthouse": f"{DESKTOP} Chrome-Lighthouse",
}
CLICKED = {"HTTP_SEC_FETCH_MODE": "navigate", "HTTP_SEC_FETCH_DEST": "document", "HTTP_SEC_FETCH_USER": "?1"}


def judged(method="GET", agent=DESKTOP, **headers):
    found = visit_of(method, {"HTTP_USER_AGENT": agent, **headers})
    return found.reason, found.signal


@pytest.mark.parametrize("who", PEOPLE)
def test_people_count(who):
    assert not is_bot(PEOPLE[who])
    assert judged(agent=PEOPLE[who]) == (None, None)


@pytest.mark.parametrize("who", MACHINES)
def test_crawlers_previews_and_tools_do_not_count(who):
    assert judged(agent=MACHINES[who], **CLICKED)[0] is Reason.BOT


def test_no_user_agent_is_a_machine():
    assert visit_of("GET", {}).reason is Reason.BOT


def test_head_is_no_visit():
    assert judged("HEAD") == (Reason.HEAD, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_SEC_PURPOSE", "prefetch"),
        ("HTTP_SEC_PURPOSE", "prefetch;prerender"),
        ("HTTP_SEC_PURPOSE", "prefetch;anonymous-client-ip"),
        ("HTTP_PURPOSE", "prefetch"),
        ("HTTP_X_PURPOSE", "preview"),
        ("HTTP_X_MOZ", "Prefetch"),
    ],
)
def test_what_a_browser_fetches_early_does_not_count(name, value):
    assert judged(**CLICKED, **{name: value})[0] is Reason.PREFETCH


@pytest.mark.parametrize(
    ("dest", "mode", "signal"),
    [
        ("image", "no-cors", Signal.AS_IMAGE),
        ("iframe", "navigate", Signal.AS_FRAME),
        ("object", "navigate", Signal.AS_FRAME),
        ("script", "no-cors", Signal.AS_SCRIPT),
        ("style", "no-cors", Signal.AS_SCRIPT),
        ("empty", "cors", Signal.BY_FETCH),
        ("empty", "no-cors", Signal.BY_FETCH),
        ("video", "no-cors", Signal.BY_FETCH),
    ],
)
def test_what_a_page_fetches_in_secret_does_not_count(dest, mode, signal):
    assert judged(HTTP_SEC_FETCH_DEST=dest, HTTP_SEC_FETCH_MODE=mode) == (Reason.EMBEDDED, signal)


def test_a_click_says_that_somebody_clicked():
    assert judged(**CLICKED) == (None, None)


def test_a_visit_that_nobody_clicked_counts_and_is_marked():
    without = {name: value for name, value in CLICKED.items() if name != "HTTP_SEC_FETCH_USER"}
    assert judged(**without) == (None, Signal.NO_ACTIVATION)
    assert judged(agent=PHONE, **without) == (None, None)  # Safari does not say


@pytest.mark.parametrize(
    ("referrer", "kept"),
    [
        ("https://www.instagram.com/stories/mia/123?x=1", "https://www.instagram.com"),
        ("android-app://com.google.android.gm/", "android-app://com.google.android.gm"),
        ("https://user:secret@shop.example/a", "https://shop.example"),
        ("javascript:alert(1)", None),
        ("https://[", None),
        ("", None),
        ("not an address", None),
    ],
)
def test_of_a_referrer_only_the_site_is_kept(referrer, kept):
    assert origin_of(referrer) == kept


@given(agent=st.text(max_size=400), referrer=st.text(max_size=400))
def test_whatever_is_sent_is_kept_as_one_line_of_bounded_length(agent, referrer):
    found = visit_of("GET", {"HTTP_USER_AGENT": agent, "HTTP_REFERER": f"https://{referrer}"})
    assert len(found.agent) <= 300
    assert found.agent.isprintable()
    assert found.referrer is None or (len(found.referrer) <= 200 and found.referrer.isprintable())
