"""The mutation check goes with the tree: what it takes out is there, and so is who ought to notice."""

from __future__ import annotations

import pytest
from mutations import MUTATIONS, ROOT, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_what_is_taken_out_is_there_and_so_are_the_tests(mutation: Mutation) -> None:
    assert mutation.fits(ROOT), mutation.places(ROOT)
    for test in mutation.tests:
        file, *names = test.split("::")
        text = (ROOT / file).read_text()
        assert [name for name in names if f"def {name}(" not in text and f"class {name}(" not in text] == [], test
