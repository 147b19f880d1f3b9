"""Profiles are known by their host, press by what the brand says; neither shows more than it was given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.plugin_api import Block, LandingBlock, LandingView, PluginSettings
from plugins.landing_social.blocks import SeenOn, SocialLinks
from plugins.landing_social.networks import profile_of
from plugins.landing_social.settings import LandingSocialSettings


def view(*links, language="en", name="Anna"):
    return LandingView("Bean & Leaf", "Friends", name, "Hello", language, links)


@pytest.mark.parametrize(
    ("address", "label", "detail", "icon"),
    [
        ("https://instagram.com/anna", "Instagram", "@anna", "instagram"),
        ("https://www.instagram.com/anna/", "Instagram", "@anna", "instagram"),
        ("https://www.tiktok.com/@anna.brews", "TikTok", "@anna.brews", "tiktok"),
        ("https://m.youtube.com/@anna", "YouTube", "@anna", "youtube"),
        ("https://www.youtube.com/channel/UC123", "YouTube", "@UC123", "youtube"),
        ("https://www.linkedin.com/in/anna-berg", "LinkedIn", "@anna-berg", "link"),
        ("https://bsky.app/profile/anna.example", "Bluesky", "@anna.example", "link"),
        ("https://instagram.com/p/C0ffee/", "Instagram", "", "instagram"),
        ("https://anna.example.org/about", "anna.example.org", "", "link"),
        ("https://notinstagram.com/anna", "notinstagram.com", "", "link"),
        ("https://instagram.com.evil.example/anna", "instagram.com.evil.example", "", "link"),
        ("https://x.com/%3Cscript%3E", "X", "", "link"),
    ],
)
def test_an_address_says_whose_profile_it_is(address, label, detail, icon):
    profile = profile_of(address)
    assert profile is not None
    assert (profile.label, profile.detail, profile.icon, profile.address) == (label, detail, icon, address)


@pytest.mark.parametrize("address", ["", "http://instagram.com/a", "javascript:alert(1)", "https://", "https://[", "x"])
def test_what_is_no_address_is_no_profile(address):
    assert profile_of(address) is None


@given(st.text(max_size=60))
def test_whatever_stands_there_nothing_is_raised(text):
    for address in (text, f"https://{text}", f"https://instagram.com/{text}"):
        profile = profile_of(address)
        assert profile is None or profile.address == address


def test_profiles_stand_in_the_order_in_which_they_were_written():
    block = SocialLinks().block(
        view("https://b.example", "x", "https://tiktok.com/@a"), settings=LandingSocialSettings()
    )
    assert block is not None
    assert block.title == "Find Anna here"
    assert [one.label for one in block.links] == ["b.example", "TikTok"]


@pytest.mark.parametrize(
    ("language", "title"), [("de", "Hier findest du {x} {brand}"), ("tlh", "Find {x} {brand} here")]
)
def test_a_title_speaks_the_page_s_language_and_a_name_stays_a_name(language, title):
    shown = view("https://b.example", language=language, name="{x} {brand}")
    block = SocialLinks().block(shown, settings=LandingSocialSettings())
    assert block is not None
    assert block.title == title


def test_without_profiles_or_press_there_is_no_block():
    settings = LandingSocialSettings()
    assert SocialLinks().block(view(), settings=settings) is None
    assert SeenOn().block(view(), settings=settings) is None
    off = LandingSocialSettings(show_profiles=False)
    assert SocialLinks().block(view("https://b.example"), settings=off) is None
    assert SocialLinks().block(view("https://b.example"), settings=PluginSettings()) is None


def test_press_is_what_the_brand_said():
    mention = {"name": "The Paper", "address": "https://paper.example/x", "quote": "Best cup"}
    block = SeenOn().block(view(), settings=LandingSocialSettings.model_validate({"seen_on": [mention]}))
    assert isinstance(block, Block)
    assert block.title == "They wrote about Bean & Leaf"
    assert [(one.label, one.detail) for one in block.links] == [("The Paper", "Best cup")]


@pytest.mark.parametrize(
    "address", ["http://paper.example", "javascript:alert(1)", "https://", "https://x\u202e.example"]
)
def test_press_is_linked_over_https_only(address):
    with pytest.raises(ValidationError):
        LandingSocialSettings.model_validate({"seen_on": [{"name": "x", "address": address}]})


def test_both_are_blocks():
    assert all(isinstance(one, LandingBlock) for one in (SocialLinks(), SeenOn()))
