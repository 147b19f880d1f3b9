"""Hashes that only the key can make, secrets that only the key can read, and JSON that is written in one way."""

import json
from base64 import urlsafe_b64decode
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from engine.kernel.canonical import content_hash, dump_json, load_json
from engine.kernel.crypto import Keyring, UnreadableSecretError, new_token, token_hash

ONE, OTHER = (Keyring(SecretStr(letter * 32)) for letter in "ab")
plain = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | plain,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(plain, inner, max_size=5),
    max_leaves=20,
)


@given(plain, plain)
def test_equal_values_have_equal_hashes_and_others_have_others(left, right):
    hashes = [ONE.keyed_hash("customer", value) for value in (left, right)]
    assert (hashes[0] == hashes[1]) == (left == right)
    assert OTHER.keyed_hash("customer", left) != hashes[0]
    assert ONE.keyed_hash("visitor", left) != hashes[0]
    assert len(hashes[0]) == 32


def test_a_lone_surrogate_is_hashed_and_not_tripped_over():
    assert ONE.keyed_hash("customer", "\ud800") != ONE.keyed_hash("customer", "\ud801")
    assert len(token_hash("\ud800")) == 64


@given(plain)
def test_what_is_encrypted_reads_back_and_only_with_its_key(secret):
    token = ONE.encrypt(secret)
    assert ONE.decrypt(token) == secret
    assert ONE.encrypt(secret) != token
    with pytest.raises(UnreadableSecretError):
        OTHER.decrypt(token)


@given(plain, st.integers(0, 10**6), st.integers(1, 127))
def test_a_changed_secret_is_refused(secret, place, change):
    """Only another spelling of the same bytes is read: base64 writes one byte as `_` or `/`, and leaves bits over."""
    token = ONE.encrypt(secret)
    changed = bytearray(token, "ascii")
    changed[place % len(changed)] ^= change
    try:
        assert ONE.decrypt(changed.decode("ascii")) == secret
        assert urlsafe_b64decode(changed) == urlsafe_b64decode(token)
    except UnreadableSecretError:
        pass


@given(plain, plain)
def test_signatures_are_by_purpose_and_key(purpose, value):
    signature = ONE.sign(purpose, value)
    assert signature == ONE.sign(purpose, value)
    assert signature != OTHER.sign(purpose, value)
    assert signature != ONE.sign(purpose + "x", value)
    assert signature != ONE.sign(purpose, value + "x")


def test_the_key_is_never_shown():
    assert "a" * 8 not in repr(ONE) + str(vars(ONE)["_fernet"])


def test_tokens_are_long_and_new_each_time():
    tokens = {new_token() for _ in range(1_000)}
    assert len(tokens) == 1_000
    assert min(map(len, tokens)) >= 43
    assert len({token_hash(token) for token in tokens}) == 1_000


@given(documents)
def test_json_reads_back_and_hashes_without_regard_to_the_order_of_keys(document):
    assert load_json(dump_json(document)) == document
    shuffled = json.loads(json.dumps(document), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    assert content_hash(shuffled) == content_hash(document)


@given(documents, documents)
def test_different_documents_have_different_hashes(left, right):
    same = json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
    assert (content_hash(left) == content_hash(right)) == same


def test_a_number_with_a_point_is_never_a_float():
    assert load_json('{"a": 19.99, "b": [1e2]}') == {"a": Decimal("19.99"), "b": [Decimal("1E+2")]}
