"""Prompts and demo articles are found, and nothing outside their folders is."""

from __future__ import annotations

import hashlib

import pytest

from rag.errors import RagError
from rag.resources import demo_articles, resource

# What seeds/README.md promises: the articles as they were handed over.
HANDED_OVER = {
    "usa-russland-verhandeln-ohne-kiew.txt": (
        "b4974b60d785650e124a7b9b1cb8a60e6e821f99d80a925ec25a10a25d7f768d"
    ),
    "treffen-in-riad.txt": "fceed15c4fefbc7f2e2a7fa84c1b1e88ba204c169a0b56c446e2f0ef249fdc4e",
}


def test_folder_of_a_kind_is_found() -> None:
    assert resource("seeds").is_dir()


@pytest.mark.parametrize(("name", "digest"), HANDED_OVER.items())
def test_demo_article_is_unchanged_byte_for_byte(name: str, digest: str) -> None:
    assert hashlib.sha256(resource("seeds", name).read_bytes()).hexdigest() == digest


def test_demo_articles_are_articles_only() -> None:
    assert sorted(path.name for path in demo_articles()) == sorted(HANDED_OVER)


def test_readme_of_the_seeds_names_file_and_digest() -> None:
    readme = resource("seeds", "README.md").read_text(encoding="utf-8")
    for name, digest in HANDED_OVER.items():
        assert name in readme
        assert digest in readme


@pytest.mark.parametrize("name", ["../pyproject.toml", "/etc/hostname", "a/b", ".", ".."])
def test_name_with_a_folder_is_refused(name: str) -> None:
    with pytest.raises(RagError, match="not the name of a file"):
        resource("seeds", name)


def test_missing_file_is_named() -> None:
    with pytest.raises(RagError, match=r"prompts/no-such\.md is missing"):
        resource("prompts", "no-such.md")
