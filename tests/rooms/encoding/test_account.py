"""The account as it is kept: what was written once is read for ever."""

from __future__ import annotations

import zlib
from hashlib import sha256

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ca.encoding.account import DICTIONARY, pack_account, unpack_account
from ca.model.account import FieldAccount

LINES = st.lists(
    st.builds(
        FieldAccount,
        st.text(max_size=30),
        st.none() | st.text(max_size=60),
        st.none() | st.text(max_size=60),
        st.sampled_from(["taken", "added", "changed", "refused", "forced"]),
        st.text(max_size=20),
    ),
    max_size=20,
).map(tuple)


@given(LINES)
def test_an_account_is_read_as_it_was_kept(account: tuple[FieldAccount, ...]) -> None:
    assert unpack_account(pack_account(account)) == list(account)


@given(LINES)
def test_an_account_kept_before_there_was_a_dictionary_is_read(
    account: tuple[FieldAccount, ...],
) -> None:
    assert unpack_account(zlib.compress(msgspec.json.encode(account))) == list(account)


def test_the_dictionary_is_fixed_for_good() -> None:
    """Registers hold accounts that nothing but these very octets inflates."""
    assert (
        sha256(DICTIONARY).hexdigest()
        == "55270f92ca196dc2078700fadbc3f472779b55ee56f1476b5b8b6ba3eff374cf"
    )


def test_an_account_kept_with_the_dictionary_once_is_read() -> None:
    """Made by ``pack_account`` on 2026-11-25, when the dictionary was new."""
    kept = bytes.fromhex(
        "482c727b32bf8b469887b5e44f2f37046a849b09e4622dd1b0d4e168ed36aab81600ee9f3748"
    )

    assert unpack_account(kept) == [
        FieldAccount("subject.CN", "gw1", "gw1.lab.example", "changed", "--cn"),
        FieldAccount("version", None, "3", "added", "version-3"),
    ]
