"""The tree is that of RFC 6962, and its proofs convince only of what is true."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuchang.core import merkle

# The usual eight leaves of Certificate Transparency's own tests.
EIGHT = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
LEAVES = [merkle.leaf_hash(bytes.fromhex(text)) for text in EIGHT]


def test_it_gives_the_known_roots():
    assert merkle.root_of([]) == hashlib.sha256(b"").digest()
    assert merkle.root_of(LEAVES[:1]).hex().startswith("6e340b9c")
    assert merkle.root_of(LEAVES).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def slow_root(leaves):
    """RFC 6962 word by word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + slow_root(leaves[:k]) + slow_root(leaves[k:])).digest()


sizes = st.integers(1, 70)


def some_leaves(count, salt=0):
    return [merkle.leaf_hash(f"{salt}:{i}".encode()) for i in range(count)]


@given(sizes)
def test_growing_leaf_by_leaf_gives_the_root_of_the_definition(count):
    assert merkle.root_of(some_leaves(count)) == slow_root(some_leaves(count))


@given(st.integers(0, 70), st.integers(0, 70))
def test_a_packed_frontier_goes_on_where_it_stopped(before, after):
    leaves = some_leaves(before + after)
    tree = merkle.Frontier()
    for leaf in leaves[:before]:
        tree.append(leaf)
    again = merkle.Frontier(tree.size, tree.packed())
    for leaf in leaves[before:]:
        again.append(leaf)
    assert again.root() == merkle.root_of(leaves)


@given(sizes, st.data())
def test_an_inclusion_proof_convinces_of_its_leaf_only(count, data):
    index = data.draw(st.integers(0, count - 1))
    leaves = some_leaves(count)
    proof, root = merkle.inclusion_proof(leaves, index), merkle.root_of(leaves)
    assert merkle.is_included(leaves[index], index, count, proof, root)
    assert not merkle.is_included(merkle.leaf_hash(b"another"), index, count, proof, root)
    assert not merkle.is_included(leaves[index], index, count, proof, merkle.leaf_hash(b"root"))
    assert not merkle.is_included(leaves[index], count, count, proof, root)
    if count > 1:
        other = (index + 1) % count
        assert not merkle.is_included(leaves[index], other, count, proof, root)
        assert not merkle.is_included(leaves[index], index, count, proof[:-1], root)


@given(sizes, st.data())
def test_a_consistency_proof_convinces_of_true_beginnings_only(count, data):
    old = data.draw(st.integers(1, count))
    leaves = some_leaves(count)
    proof = merkle.consistency_proof(leaves, old)
    roots = merkle.root_of(leaves[:old]), merkle.root_of(leaves)
    assert merkle.is_consistent(old, roots[0], count, roots[1], proof)
    forked = merkle.root_of(some_leaves(old, salt=1))
    assert not merkle.is_consistent(old, forked, count, roots[1], proof)
    assert not merkle.is_consistent(old, roots[0], count, merkle.leaf_hash(b"root"), proof)


def test_what_does_not_exist_has_no_proof():
    for call in (
        lambda: merkle.inclusion_proof(LEAVES, 8),
        lambda: merkle.consistency_proof(LEAVES, 0),
        lambda: merkle.consistency_proof(LEAVES, 9),
        lambda: merkle.Frontier(3, b""),
    ):
        with pytest.raises(ValueError):
            call()
