"""The house: imports go down only, every outside library has its home, heavy ones load late.

Reads the source, so that a module that cannot be imported yet is judged as well.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "rag"

# From bottom to top: a module imports only what stands before it. `__init__` is the door and stands apart.
HOUSE = (
    "types",
    "errors",
    "settings",
    "logs",
    "traces",
    "resources",
    "load",
    "clean",
    "sentences",
    "words",
    "names",
    "numerals",
    "reading",
    "glossary",
    "passages",
    "e5",
    "model_sources",
    "models",
    "encoder",
    "align",
    "fitted",
    "llm",
    "replay",
    "catalog",
    "vectors",
    "index",
    "retrieve",
    "prompts",
    "question",
    "recency",
    "answer_type",
    "answer",
    "verify",
    "translate",
    "claims",
    "compose",
    "rewording",
    "draft",
    "versions",
    "spot",
    "rivals",
    "disagreement",
    "accounts",
    "notes",
    "timeline",
    "speech",
    "standing",
    "condense",
    "summarise",
    "forms",
    "chat",
    "langchain",
    "asking",
    "telling",
    "newsqa",
    "bench",
    "client",
    "keys",
    "library",
    "waiting",
    "jobs",
    "completions",
    "meter",
    "guard",
    "mcp",
    "api",
    "evaluation",
    "cli",
    "__main__",
)
FOLDERS = {"api", "cli", "evaluation", "web"}
# Modules that may come through the public door, `from rag import …`.
GUESTS = {"api", "evaluation", "mcp", "cli", "__main__"}
# The evaluation is a product of its own: it knows the public door, nouns, errors and packaged files, no more.
DOOR_ONLY = {"evaluation": {"types", "errors", "settings", "resources", "evaluation"}}

ANYWHERE = {"pydantic", "numpy"}
HOMES: dict[str, set[str]] = {
    "pydantic_settings": {"settings"},
    "httpx": {"load", "model_sources", "client", "evaluation"},
    "charset_normalizer": {"load"},
    "feedparser": {"load"},
    "pypdf": {"load"},
    "docx": {"load"},
    "trafilatura": {"load"},
    "lingua": {"sentences"},
    "sentencex": {"sentences"},
    "regex": {"words"},
    "Stemmer": {"words"},
    "babel": {"glossary"},
    "filelock": {"models", "index", "keys"},
    "prometheus_client": {"meter"},
    "mcp": {"mcp", "api"},
    "anyio": {"mcp"},
    "torch": {"encoder"},
    "sentence_transformers": {"encoder"},
    "onnx": {"e5"},
    "onnxruntime": {"encoder"},
    "xllamacpp": {"llm"},
    "langchain": {"llm"},
    "langchain_core": {"llm", "langchain", "newsqa"},
    "langchain_openai": {"llm"},
    "sqlite3": {"catalog"},
    "chromadb": {"vectors"},
    "fastapi": {"api"},
    "opentelemetry": {"traces", "guard", "api"},
    "starlette": {"api", "guard"},
    "uvicorn": {"api"},
    "typer": {"cli"},
    "rich": {"cli"},
    "yaml": {"evaluation"},
    "ir_measures": {"evaluation"},
    "matplotlib": {"evaluation"},
    "sumy": {"evaluation"},
    "pytest": {"evaluation"},
}
HEAVY = {
    "chromadb",
    "docx",
    "feedparser",
    "ir_measures",
    "langchain",
    "langchain_core",
    "langchain_openai",
    "lingua",
    "sentencex",
    "lxml",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "openai",
    "opentelemetry",
    "pypdf",
    "safetensors",
    "sentence_transformers",
    "tokenizers",
    "torch",
    "trafilatura",
    "transformers",
    "xllamacpp",
}


@dataclass(frozen=True)
class Import:
    """One imported name: by whom, what, where, and whether it runs when the module is loaded."""

    module: str
    target: str
    place: str
    on_load: bool


def module_of(path: Path) -> str:
    """The house name of a file: its own, or that of the folder it stands in."""
    first = path.relative_to(PACKAGE).parts[0]
    return first if first in FOLDERS else path.relative_to(PACKAGE).with_suffix("").as_posix()


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def _walk(node: ast.AST, on_load: bool) -> list[tuple[ast.Import | ast.ImportFrom, bool]]:
    found: list[tuple[ast.Import | ast.ImportFrom, bool]] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            found.append((child, on_load))
            continue
        late = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or _only_for_types(
            child
        )
        found += _walk(child, on_load and not late)
    return found


def imports_of(path: Path) -> list[Import]:
    module = module_of(path)
    inside = path.relative_to(ROOT).with_suffix("").parts
    found = []
    for node, on_load in _walk(ast.parse(path.read_text(encoding="utf-8")), True):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif node.level:
            base = inside[: len(inside) - node.level]
            targets = [".".join((*base, *filter(None, [node.module]), alias.name)) for alias in node.names]
        elif node.module == "rag":
            targets = [f"rag.{alias.name}" for alias in node.names]
        else:
            targets = [str(node.module)]
        place = f"{path.relative_to(ROOT)}:{node.lineno}"
        found += [Import(module, target, place, on_load) for target in targets]
    return found


def all_imports() -> list[Import]:
    return [found for path in sources() for found in imports_of(path)]


def inner_target(target: str) -> str:
    """The house module an import inside the package names, empty for the public door itself."""
    parts = target.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in {*HOUSE, "web"} else ""


def inner_problem(found: Import) -> str:
    """Why an import inside the package breaks the house, empty if it does not."""
    if found.module == "__init__":
        return ""
    target = inner_target(found.target)
    if found.module in DOOR_ONLY:
        allowed = not target or target in DOOR_ONLY[found.module]
        return (
            "" if allowed else f"{found.place}: {found.module} knows the public door only, not rag.{target}"
        )
    if not target:
        wants_version = found.target == "rag.__version__"
        allowed = wants_version or found.module in GUESTS
        return "" if allowed else f"{found.place}: {found.module} goes through the public door"
    inside_one_folder = target == found.module and target in FOLDERS
    if inside_one_folder or HOUSE.index(target) < HOUSE.index(found.module):
        return ""
    return f"{found.place}: {found.module} imports {target}, which stands above it"


def outside_problem(found: Import) -> str:
    """Why an import of an outside library breaks the house, empty if it does not."""
    library = found.target.split(".")[0]
    if library in sys.stdlib_module_names and library not in HOMES:
        return ""
    if found.on_load and library in HEAVY:
        return f"{found.place}: {library} is heavy and is imported when the module loads"
    if library in ANYWHERE:
        return ""
    if library not in HOMES:
        return f"{found.place}: {library} has no home in the house list"
    if found.module not in HOMES[library]:
        return f"{found.place}: {library} is at home in {sorted(HOMES[library])}"
    return ""


def test_every_file_stands_in_the_house_list() -> None:
    strangers = {module_of(path) for path in sources()} - {*HOUSE, *FOLDERS, "__init__"}
    assert not strangers, f"not in the house list: {sorted(strangers)}"


def test_imports_inside_the_package_go_down_only() -> None:
    inner = [found for found in all_imports() if found.target.split(".")[0] == "rag"]
    problems = [problem for problem in map(inner_problem, inner) if problem]
    assert not problems, "\n".join(problems)


def test_outside_libraries_stay_at_home_and_heavy_ones_load_late() -> None:
    outer = [found for found in all_imports() if found.target.split(".")[0] != "rag"]
    problems = [problem for problem in map(outside_problem, outer) if problem]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    ("module", "target", "word"),
    [
        ("clean", "rag.newsqa", "above"),
        ("clean", "rag.clean", "above"),
        ("clean", "rag.NewsQA", "public door"),
        ("evaluation", "rag.catalog", "public door only"),
    ],
)
def test_a_forbidden_inner_edge_is_found(module: str, target: str, word: str) -> None:
    assert word in inner_problem(Import(module, target, "somewhere", True))


@pytest.mark.parametrize(
    ("module", "target", "on_load", "word"),
    [
        ("retrieve", "chromadb.api", False, "at home"),
        ("answer", "sqlite3", True, "at home"),
        ("encoder", "torch", True, "heavy"),
        ("clean", "left_pad", False, "no home"),
    ],
)
def test_a_forbidden_outside_import_is_found(module: str, target: str, on_load: bool, word: str) -> None:
    assert word in outside_problem(Import(module, target, "somewhere", on_load))


@pytest.mark.parametrize(
    "arguments", [["-c", "import rag"], ["-m", "rag", "--help"]], ids=["import rag", "rag --help"]
)
def test_the_first_moment_loads_nothing_heavy(arguments: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    loaded = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in run.stderr.splitlines() if "|" in line}
    assert "pydantic" in loaded or "rag" in loaded, "nothing was measured"
    assert not loaded & (HEAVY | {"sqlite3"})


# Names that stand in the demo articles. The program has to learn them from what it reads.
SEED_NAMES = (
    "Riad",
    "Riyadh",
    "Rubio",
    "Lawrow",
    "Lavrov",
    "Uschakow",
    "Dmitrijew",
    "Witkoff",
    "Waltz",
    "Hegseth",
    "Selenskyj",
    "Putin",
    "Trump",
    "Ankara",
    "Kiew",
    "Luhansk",
    "Saporischschja",
    "Cherson",
    "CNN",
    "BerlinMorgen",
    "Notgipfel",
    "Drohnenangriff",
)


def what_we_say() -> list[Path]:
    """Every text file of the package and every prompt."""
    files = [*PACKAGE.rglob("*"), *(ROOT / "prompts").rglob("*")]
    kinds = {".py", ".md", ".html", ".css", ".js", ".txt", ".json", ".yaml"}
    return [path for path in files if path.suffix in kinds and "_data" not in path.parts]


def test_code_and_prompts_know_nothing_of_the_demo_articles() -> None:
    names = re.compile(rf"\b(?:{'|'.join(SEED_NAMES)})\b", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in what_we_say()
        for match in names.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


def test_seed_names_do_stand_in_the_seeds_or_their_facts() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "seeds").glob("*.txt"))
    facts = ROOT / "eval" / "facts.yaml"
    texts += facts.read_text(encoding="utf-8") if facts.exists() else "Lavrov"
    assert [name for name in SEED_NAMES if name not in texts] == []
