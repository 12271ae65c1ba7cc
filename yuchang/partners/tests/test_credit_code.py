"""Unified social credit codes (GB 32100-2015)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yuchang.partners.rules import (
    ALPHABET,
    credit_check_digit,
    is_credit_code,
    is_phone,
    is_simulated_credit_code,
    simulated_credit_code,
)


def test_the_example_of_the_standard_is_right() -> None:
    assert credit_check_digit("91350100M000100Y4") == "3"
    assert is_credit_code("91350100M000100Y43")


@settings(deadline=None)
@given(st.integers(0, 31**9 - 1))
def test_a_simulated_code_is_well_formed_and_says_so(number: int) -> None:
    code = simulated_credit_code(number)
    assert is_credit_code(code)
    assert is_simulated_credit_code(code)


@settings(deadline=None)
@given(st.integers(0, 31**9 - 1), st.integers(8, 17), st.sampled_from(ALPHABET))
def test_changing_one_sign_is_noticed(number: int, at: int, sign: str) -> None:
    code = simulated_credit_code(number)
    changed = code[:at] + sign + code[at + 1 :]
    assert is_credit_code(changed) == (changed == code)


@pytest.mark.parametrize(
    "text", ["", "91350100M000100Y4", "91350100M000100Y44", "9135010OM000100Y43", "91AB0100M000100Y43"]
)
def test_it_refuses_a_malformed_code(text: str) -> None:
    assert not is_credit_code(text)


def test_phones() -> None:
    assert is_phone("0939-3211234")
    assert not is_phone("电话")
    assert not is_phone("123")
