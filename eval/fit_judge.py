"""Fits the judge of evidence (rag/judge.gguf): does the answer to this question stand in this sentence?

    python eval/fit_judge.py collect FOLDER ROWS    sentences that the search finds, and their labels: 20 minutes
    python eval/fit_judge.py fit ROWS               fits on what is not held back, writes rag/judge.gguf: 70 minutes
    python eval/fit_judge.py gate ROWS              asks it about English ones, writes its gate: 10 minutes
    python eval/fit_judge.py check ROWS [--n 60]    measures on those held back, and on sets not fitted on

FOLDER holds question sets as `rag eval bench` reads them, ROWS is a folder for what is made of them: it holds their
texts, so it belongs to nobody's repository. Only sets in `_FITTED_ON`, whose licences allow it, are fitted on.

The weights are low-rank changes of the queries and values in the upper half of the default language model (Hu et al.
2021, "LoRA: Low-Rank Adaptation of Large Language Models"), fitted to its quantised weights, so that llama.cpp computes
with what was fitted. All sentences of one question, and all questions of one step, go through the model at once, each
seeing only what stands before it in its own prompt. Behind a sentence the answer and other words of its kind are
proposed, too: which of them answer is fitted beside whether any do. A set that says only whether any passage answers is
fitted by the chance that one of its sentences does. Fitting takes 14 GB of memory.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from gguf import GGUFReader, GGUFWriter, dequantize
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from rag import NewsQA
from rag.answer import one_line
from rag.asking import Asking
from rag.evaluation.bench import articles_of, read_ids
from rag.evaluation.questions import AskedQuestion, QuestionSet, plain
from rag.evaluation.samples import sample
from rag.evaluation.sets import read_sets
from rag.evaluation.wording import names_any
from rag.fitted import JUDGE, JUDGED_MODEL
from rag.llm import open_llm
from rag.models import ensure
from rag.prompts import load_prompt
from rag.question import read_question
from rag.settings import read_settings
from rag.types import ChatModel, Filters, Hit
from rag.verify import GATES, is_of_kind, judge, load_gate, origin

# Sets whose licence allows fitting.
_FITTED_ON = (
    "de_qa_xquad",
    "de_qa_mlqa",
    "de_abstain_nomiracl",
    "en_conflict_ramdocs",
    "en_polluted_news",
    "en_time_evotemp",
)
# What `rag eval bench --n 60` draws is never fitted on: it is for `check`, and for the bench itself. The next ones are
# for the gate.
_HELD_BACK, _FOR_THE_GATE = 60, 30
_ONLY_CHECKED = ("en_noise_rgb",)
_MIXED = {"noise 0.8", "noise 1"}  # of a set with several shares of noise, those that are checked
_SEED = 5
_YES, _NO = "Ja", "Ne"  # first tokens of the two replies
_RANK, _SCALE = 8, 2.0
_FIRST = 14  # layers below are left as they are, and what they compute is kept between epochs
_STEP_TOKENS = 700
_RATE, _WARM_UP, _LEAST_RATE = 4e-4, 8, 0.05
_UNSURE = 0.03  # labels found by comparing texts are not always right
_RIGHT_COUNTS = 1.6  # there are more sentences that do not answer than that do
_LONGEST = 420  # characters of a sentence
_PROPOSED = " Antwort: {}"  # behind a sentence, where words of it are proposed
_LONGEST_ANSWER = 60  # characters of words that are proposed as the answer
_WORDS = re.compile(r"[^\W_a-zß-ÿ][\w.,'’/-]*(?: [^\W_a-zß-ÿ][\w.,'’/-]*)*")  # names, numbers, dates
_GATED_FIRST = 3  # sentences of each question that the gate is fitted on
_REFUSED = 0.75  # share of the sentences that do not answer, though they were found, which the gate refuses


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    collecting = steps.add_parser("collect")
    collecting.add_argument("folder", type=Path)
    fitting = steps.add_parser("fit")
    fitting.add_argument("--epochs", type=int, default=1)
    fitting.add_argument("--minutes", type=float, default=70.0, help="after which the fit ends")
    gating = steps.add_parser("gate")
    checking = steps.add_parser("check")
    checking.add_argument("--n", type=int, default=60, help="questions per set")
    checking.add_argument(
        "--first", type=int, default=4, help="sentences of each question, the likeliest ones"
    )
    for step in (collecting, fitting, gating, checking):
        step.add_argument("rows", type=Path)
    options = parser.parse_args()
    if options.step == "collect":
        _collect(options.folder, options.rows)
    elif options.step == "fit":
        _fit(options.rows, options.epochs, options.minutes)
    elif options.step == "gate":
        _gate(options.rows)
    else:
        _check(options.rows, options.n, options.first)


# --- rows ------------------------------------------------------------------------------------


def _collect(folder: Path, rows: Path) -> None:
    os.environ["RAG_LLM"] = "none"
    rows.mkdir(parents=True, exist_ok=True)
    sets, documents = read_sets(folder)
    with tempfile.TemporaryDirectory() as place, NewsQA.open(place) as qa:
        qa.add(articles_of(documents))
        ids = read_ids(qa.articles())
        for one in sets:
            if one.name not in _FITTED_ON and one.name not in _ONLY_CHECKED:
                continue
            held_back = {_base(question) for question in _sampled(one)[:_HELD_BACK]}
            with (rows / f"{one.name}.jsonl").open("w", encoding="utf-8") as out:
                for question in _drawn(one):
                    if found := _found(qa, ids, one, question):
                        found["held_back"] = one.name in _ONLY_CHECKED or _base(question) in held_back
                        out.write(json.dumps(found, ensure_ascii=False) + "\n")
            print(one.name, file=sys.stderr)


def _sampled(one: QuestionSet) -> list[AskedQuestion]:
    """All its questions in the order in which the bench draws them."""
    return sample(one.questions, 0, 0, part=lambda question: question.stratum)


def _base(question: AskedQuestion) -> str:
    """The id of a disputed question, also of the same one asked without the dispute."""
    return question.id.split("/")[0]


def _drawn(one: QuestionSet) -> list[AskedQuestion]:
    drawn = _sampled(one)
    if one.kind == "noise":
        return [question for question in drawn if question.stratum in _MIXED]
    return [question for question in drawn if question.id == _base(question)]


def _found(
    qa: NewsQA, ids: Mapping[str, str], one: QuestionSet, question: AskedQuestion
) -> dict[str, Any] | None:
    if not question.documents:
        own = tuple(ids[doc_id] for doc_id in one.own.get(question.id, ()))
        return _sentences(qa, one, question, Filters(article_ids=own) if own else Filters())
    with tempfile.TemporaryDirectory() as place:
        index = qa.beside(place)
        try:
            index.add(articles_of({document.doc_id: document for document in question.documents}))
            return _sentences(index, one, question, Filters())
        finally:
            index.close()


def _sentences(
    qa: NewsQA, one: QuestionSet, question: AskedQuestion, filters: Filters
) -> dict[str, Any] | None:
    asking = Asking(qa.engine, question.question, (), filters)
    pool = asking.pool()
    hits = asking.context(pool)
    if not hits:
        return None
    gate = load_gate("extractive")
    judged = sorted(asking.signals(asking.question, pool, hits), key=lambda pair: -gate.support(pair[1]))
    return {
        "set": one.name,
        "question": asking.question.text,
        "answerable": question.answerable,
        "answers": question.answers
        or question.options
        or [one for group in question.groups for one in group],
        "sentences": [
            {"hit": hit.model_dump(mode="json"), "label": _label(one, question, hit)} for hit, _ in judged
        ],
    }


def _label(one: QuestionSet, question: AskedQuestion, hit: Hit) -> int | None:
    """1 where an answer stands in the sentence, 0 where none does, None where nobody knows."""
    if one.kind in {"corpus", "passages"}:
        if not question.answerable:
            return 0
        if one.kind == "passages":
            return None
        if not any(plain(answer) in plain(hit.text) for answer in question.answers):
            return 0
        return 1 if hit.url.endswith(f":{question.gold_doc}") else None
    if one.kind == "noise":
        return int(any(names_any(group, hit.text) for group in question.groups))
    # Of what held once but does not now, a set with dates says nothing: it is no answer.
    return int(names_any(question.answers or question.options, hit.text))


@dataclass(frozen=True, slots=True)
class _Rows:
    """The questions of a set with their sentences: those held back, those for the gate, those that are fitted on."""

    held_back: list[dict[str, Any]]
    gate: list[dict[str, Any]]
    fitted: list[dict[str, Any]]


def _read(rows: Path, name: str) -> _Rows:
    lines = (rows / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    known = [json.loads(line) for line in lines]
    free = [row for row in known if not row["held_back"]]
    return _Rows([row for row in known if row["held_back"]], free[:_FOR_THE_GATE], free[_FOR_THE_GATE:])


@dataclass(frozen=True, slots=True)
class _Example:
    """A question with some of its sentences; labels of None: one of them may answer, nobody knows which.

    `words` are some words of each sentence, and whether they are the answer.
    """

    question: str
    hits: Sequence[Hit]
    labels: Sequence[int | None]
    words: Sequence[Sequence[tuple[str, int]]]


def _examples(rows: Path) -> list[_Example]:
    chooser = random.Random(_SEED)
    examples = []
    for name in _FITTED_ON:
        for row in _read(rows, name).fitted:
            known = [(Hit.model_validate(one["hit"]), one["label"]) for one in row["sentences"]]
            known = [(hit, label) for hit, label in known if len(hit.text) < _LONGEST]
            most = 2 if name.startswith("en_") else 1
            examples += _chosen(row["question"], row["answers"], known, most, chooser)
    chooser.shuffle(examples)
    return examples


def _chosen(
    question: str,
    answers: Sequence[str],
    known: Sequence[tuple[Hit, int | None]],
    most: int,
    chooser: random.Random,
) -> Iterator[_Example]:
    """The likeliest sentences that answer and that do not, and one that answers for another year."""
    right = [hit for hit, label in known if label == 1]
    wrong = [hit for hit, label in known if label == 0]
    if not right and not wrong:
        unknown = [hit for hit, _ in known[:4]]
        if unknown:
            yield _Example(question, unknown, [None] * len(unknown), [[]] * len(unknown))
        return
    also = [chooser.choice(wrong[2:])] if len(wrong) > 3 and chooser.random() < 0.3 else []
    hits = [*right[:most], *wrong[:2], *also]
    words = [_words(question, answers, hit, hit in right, chooser) for hit in hits]
    yield _Example(question, hits, [int(hit in right) for hit in hits], words)
    year = re.search(r"\b(?:1[5-9]|20)\d\d\b", question)
    if year and right and year[0] in right[0].text:
        other = str(int(year[0]) + chooser.choice([-3, -2, -1, 1, 2, 3]))
        asked = question.replace(year[0], other)
        wrongly = [(text, 0) for text, _ in words[0]]
        yield _Example(asked, right[:1], [0], [wrongly[:1]])


def _words(
    question: str, answers: Sequence[str], hit: Hit, right: bool, chooser: random.Random
) -> list[tuple[str, int]]:
    """The answer, where it stands in the sentence, and other words of the kind that was asked for."""
    kind = read_question(question, max_chars=len(question)).kind
    places = ((hit.text.lower().find(one.lower()), len(one)) for one in answers)
    found = [hit.text[at : at + length].rstrip(".") for at, length in places if at >= 0]
    told = [(min(found, key=len), 1)] if right and found and len(found[0]) <= _LONGEST_ANSWER else []
    other = [
        text
        for text in dict.fromkeys(one.strip(" .,'’/-") for one in _WORDS.findall(hit.text))
        if len(text) > 1
        and is_of_kind(text, kind, question, hit.language)
        and not any(plain(text) in plain(one) or plain(one) in plain(text) for one in (question, *answers))
    ]
    if other and (told or not right):
        told.append((chooser.choice(other), 0))
    return told


# --- the model -------------------------------------------------------------------------------


class _LowRank(torch.nn.Module):
    """What is added to one matrix: `scale · b a`, a of shape (rank, inputs), b of shape (outputs, rank)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.a = torch.nn.Parameter(torch.randn(_RANK, inputs) / math.sqrt(inputs))
        self.b = torch.nn.Parameter(torch.zeros(outputs, _RANK))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(F.linear(x, self.a.to(x.dtype)), self.b.to(x.dtype)) * _SCALE


class _Qwen2(torch.nn.Module):
    """The forward pass of Qwen2 in bfloat16 over the weights of a gguf file, for tokens under any mask."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        reader = GGUFReader(path)
        read = {key: field.contents() for key, field in reader.fields.items() if key.startswith("qwen2.")}
        self.layers = int(read["qwen2.block_count"])
        self._heads = int(read["qwen2.attention.head_count"])
        self._shared = self._heads // int(read["qwen2.attention.head_count_kv"])
        self._epsilon = float(read["qwen2.attention.layer_norm_rms_epsilon"])
        self._size = int(read["qwen2.embedding_length"]) // self._heads
        steps = torch.arange(0, self._size, 2).float() / self._size
        self._frequencies = 1.0 / float(read["qwen2.rope.freq_base"]) ** steps
        self._weights = {}
        for tensor in reader.tensors:
            values = torch.from_numpy(np.array(dequantize(tensor.data, tensor.tensor_type)))
            self._weights[tensor.name] = values.bfloat16() if values.ndim > 1 else values
        self.added = torch.nn.ModuleDict()
        for layer in range(_FIRST, self.layers):
            for name in ("attn_q", "attn_v"):
                outputs, inputs = self._weights[f"blk.{layer}.{name}.weight"].shape
                self.added[f"{layer}-{name}"] = _LowRank(inputs, outputs)

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Vectors of tokens, shape (tokens, dimensions)."""
        return self._weights["token_embd.weight"][ids]

    def run(self, x: torch.Tensor, places: torch.Tensor, mask: torch.Tensor, layers: range) -> torch.Tensor:
        """What these layers make of `x`; `mask` (tokens, tokens) is 0 where a token sees another, else -inf."""
        angles = places.float()[:, None] * self._frequencies[None]
        turned = torch.cat((angles, angles), -1)
        cos, sin = turned.cos().bfloat16()[None], turned.sin().bfloat16()[None]
        for layer in layers:
            x = x + self._attention(layer, x, cos, sin, mask)
            h = self._norm(x, f"blk.{layer}.ffn_norm")
            gate = F.silu(self._linear(layer, "ffn_gate", h)) * self._linear(layer, "ffn_up", h)
            x = x + self._linear(layer, "ffn_down", gate)
        return x

    def next_token(self, x: torch.Tensor) -> torch.Tensor:
        """Log probabilities of the token behind each, shape (tokens, vocabulary)."""
        head = self._weights.get("output.weight", self._weights["token_embd.weight"])
        return F.log_softmax(F.linear(self._norm(x, "output_norm"), head).float(), -1)

    def _attention(
        self, layer: int, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        h = self._norm(x, f"blk.{layer}.attn_norm")
        q, k, v = (
            self._linear(layer, name, h).view(len(h), -1, self._size).transpose(0, 1)
            for name in ("attn_q", "attn_k", "attn_v")
        )
        q, k = (one * cos + torch.cat(one.chunk(2, -1)[::-1], -1) * self._signs(one) * sin for one in (q, k))
        k, v = (one.repeat_interleave(self._shared, 0) for one in (k, v))
        seen = F.scaled_dot_product_attention(q[None], k[None], v[None], attn_mask=mask[None, None])[0]
        return self._linear(layer, "attn_output", seen.transpose(0, 1).reshape(len(h), -1))

    def _signs(self, one: torch.Tensor) -> torch.Tensor:
        half = one.shape[-1] // 2
        return torch.cat((-torch.ones(half), torch.ones(half))).to(one.dtype)

    def _linear(self, layer: int, name: str, x: torch.Tensor) -> torch.Tensor:
        y = F.linear(x, self._weights[f"blk.{layer}.{name}.weight"])
        bias = self._weights.get(f"blk.{layer}.{name}.bias")
        if bias is not None:
            y = y + bias.to(y.dtype)
        added = f"{layer}-{name}"
        return y + self.added[added](x) if added in self.added else y

    def _norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        h = x.float()
        size = torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + self._epsilon)
        return (h * size * self._weights[f"{name}.weight"]).bfloat16()

    def write(self, path: Path) -> None:
        """Writes what is added as an adapter that llama.cpp reads."""
        writer = GGUFWriter(path, "qwen2")
        writer.add_type("adapter")
        writer.add_string("adapter.type", "lora")
        writer.add_float32("adapter.lora.alpha", _SCALE * _RANK)
        for key, one in self.added.items():
            layer, name = key.split("-")
            for part, values in (("lora_a", one.a), ("lora_b", one.b)):
                writer.add_tensor(f"blk.{layer}.{name}.weight.{part}", values.detach().half().numpy())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


# --- fitting ---------------------------------------------------------------------------------


class _Tokens:
    """Prompts in tokens, cut where they part: what is constant, the question, a sentence with the end of the turn."""

    def __init__(self, path: Path) -> None:
        from transformers import AutoTokenizer

        self._tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
        system, user = load_prompt("holds").turns
        asked, self._told = user.content.split("\n")
        self._asked = f"{asked}\n"
        self._reply = self._read("<|im_end|>\n<|im_start|>assistant\n")
        self.constant = self._read(f"<|im_start|>system\n{system.content}<|im_end|>\n<|im_start|>user\n")

    def question(self, text: str) -> list[int]:
        """The question's line."""
        return self._read(self._asked.replace("$question", text))

    def sentence(self, hit: Hit) -> list[int]:
        """The sentence's line."""
        return self._read(self._told.replace("$origin", origin(hit)).replace("$sentence", one_line(hit.text)))

    def end(self, words: str = "") -> list[int]:
        """The words that are proposed, if any, and what opens the reply."""
        proposed = self._read(_PROPOSED.format(words)) if words else []
        return [*proposed, *self._reply]

    def reply(self, text: str) -> int:
        """The token."""
        (token,) = self._read(text)
        return token

    def _read(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text))


@dataclass(frozen=True, slots=True)
class _Step:
    """Several questions in one sequence; `last` are the places where replies begin, `owner` their questions."""

    ids: torch.Tensor
    places: torch.Tensor
    mask: torch.Tensor
    last: list[int]
    owner: list[int]
    labels: list[int | None]


def _steps(examples: Sequence[_Example], tokens: _Tokens) -> Iterator[_Step]:
    batch: list[_Example] = []
    for one in examples:
        batch.append(one)
        if sum(len(ids) for example in batch for ids, *_ in _pieces(example, tokens)) >= _STEP_TOKENS:
            yield _step(batch, tokens)
            batch = []
    if batch:
        yield _step(batch, tokens)


def _pieces(example: _Example, tokens: _Tokens) -> Iterator[tuple[list[int], int, int, int | None]]:
    """Its prompts where they part: tokens, number of the sentence, of the end, label of what ends.

    Numbers are -1 in what is common to all sentences, and in what is common to all ends of one.
    """
    yield tokens.question(example.question), -1, -1, None
    for number, (hit, label, words) in enumerate(
        zip(example.hits, example.labels, example.words, strict=True)
    ):
        yield tokens.sentence(hit), number, -1, None
        yield tokens.end(), number, 0, label
        for end, (text, right) in enumerate(words, 1):
            yield tokens.end(text), number, end, right


def _step(batch: Sequence[_Example], tokens: _Tokens) -> _Step:
    ids, places = list(tokens.constant), list(range(len(tokens.constant)))
    branch = [(-1, -1, -1)] * len(ids)
    last: list[int] = []
    owner: list[int] = []
    labels: list[int | None] = []
    for question, example in enumerate(batch):
        begins = [len(tokens.constant)] * 3  # where a question, a sentence and an end of it begin
        for part, sentence, end, label in _pieces(example, tokens):
            depth = 0 if sentence < 0 else 1 if end < 0 else 2
            ids += part
            places += range(begins[depth], begins[depth] + len(part))
            branch += [(question, sentence, end)] * len(part)
            begins[depth + 1 :] = [begins[depth] + len(part)] * (2 - depth)
            if depth == 2:
                last.append(len(ids) - 1)
                owner.append(question)
                labels.append(label)
    order = torch.arange(len(ids))
    seen = order[:, None] >= order[None]
    for own in torch.tensor(branch).T:
        seen &= (own[None] == -1) | (own[:, None] == own[None])
    mask = torch.zeros(len(ids), len(ids), dtype=torch.bfloat16).masked_fill(~seen, float("-inf"))
    return _Step(torch.tensor(ids), torch.tensor(places), mask, last, owner, labels)


def _fit(rows: Path, epochs: int, minutes: float) -> None:
    torch.manual_seed(_SEED)
    path = ensure(JUDGED_MODEL, read_settings())
    tokens = _Tokens(path)
    steps = list(_steps(_examples(rows), tokens))
    model = _Qwen2(path)
    replies = [tokens.reply(_YES), tokens.reply(_NO)]
    optimizer = torch.optim.AdamW(model.added.parameters(), lr=_RATE, weight_decay=0.01)
    below: dict[int, torch.Tensor] = {}
    recent: list[float] = []
    started, total, done = time.monotonic(), len(steps) * epochs, 0
    orders = [
        order
        for epoch in range(epochs)
        for order in random.Random(epoch).sample(range(len(steps)), len(steps))
    ]
    for number in orders:
        passed = (time.monotonic() - started) / 60 / minutes
        if passed >= 1:
            break
        rate = _RATE * min(1, (done + 1) / _WARM_UP) * max(_LEAST_RATE, 1 - max(done / total, passed))
        for group in optimizer.param_groups:
            group["lr"] = rate
        step = steps[number]
        if number not in below:
            with torch.no_grad():
                below[number] = model.run(model.embed(step.ids), step.places, step.mask, range(_FIRST))
        x = model.run(below[number], step.places, step.mask, range(_FIRST, model.layers))
        loss = _loss(step, model.next_token(x[step.last])[:, replies])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.added.parameters(), 1.0)
        optimizer.step()
        done += 1
        recent = [*recent[-49:], float(loss.detach())]
        if done % 10 == 0:
            print(f"{done}/{total} loss {sum(recent) / len(recent):.3f}", file=sys.stderr)
    model.write(JUDGE)


def _loss(step: _Step, replies: torch.Tensor) -> torch.Tensor:
    """Mean over what is known; `replies` are log probabilities of yes and no, shape (sentences, 2)."""
    losses = []
    for number in dict.fromkeys(step.owner):
        own = [place for place, owner in enumerate(step.owner) if owner == number]
        if step.labels[own[0]] is None:  # at least one of them answers
            both = torch.logsumexp(replies[own], -1)
            none = (replies[own, 1] - both).sum().clamp(max=-1e-4)
            losses.append(-torch.log1p(-none.exp()) - 0.1 * both.sum())
            continue
        for place in own:
            right = step.labels[place] == 1
            yes = 1 - _UNSURE if right else _UNSURE
            told = yes * replies[place, 0] + (1 - yes) * replies[place, 1]
            losses.append(-told * (_RIGHT_COUNTS if right else 1.0))
    return torch.stack(losses).mean()


# --- measuring -------------------------------------------------------------------------------


def _gate(rows: Path) -> None:
    """Writes how likely a yes makes it that an answer stands there, and from which on a sentence is shown."""
    parts = [_judged(_read(rows, name).gate, _GATED_FIRST) for name in _FITTED_ON if name.startswith("en_")]
    labels, yes = _columns(pair for part in parts for pair in part.known)
    fitted = LogisticRegression(C=10.0).fit(yes[:, None], labels)
    bias, weight = float(fitted.intercept_[0]), float(fitted.coef_[0, 0])
    least = float(np.quantile(yes[labels == 0], _REFUSED))
    shows = 1 / (1 + math.exp(-(bias + weight * least)))
    gate = {"bias": round(bias, 3), "shows": round(shows, 2), "weights": {"yes": round(weight, 3)}}
    table = json.loads(GATES.read_text(encoding="utf-8"))
    GATES.write_text(json.dumps(table | {"judged": gate}, indent=2) + "\n", encoding="utf-8")
    print(f"{len(labels)} sentences, {labels.mean():.0%} right: {gate}")
    labels, yes = _columns(pair for part in parts for pair in part.words)
    for least in (0.3, 0.4, 0.5, 0.6, 0.7):
        passed = yes >= least
        kept, wrong = passed[labels == 1].mean(), passed[labels == 0].mean()
        print(f"words from {least}: {kept:.0%} of the right, {wrong:.0%} of the wrong")


def _columns(pairs: Iterable[tuple[int, float]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    labels, yes = zip(*pairs, strict=True)
    return np.array(labels, dtype=float), np.array(yes, dtype=float)


def _check(rows: Path, n: int, first: int) -> None:
    for name in (*_FITTED_ON, *_ONLY_CHECKED):
        asked = _read(rows, name).held_back[:n]
        judged = _judged(asked, first)
        by_sentence = _auc(*zip(*judged.known, strict=True)) if judged.known else "-"
        by_words = _auc(*zip(*judged.words, strict=True)) if judged.words else "-"
        by_question = _auc([row["answerable"] for row in asked], judged.best)
        print(
            f"{name}: {len(asked)} questions, AUC by sentence {by_sentence}, by words {by_words}, "
            f"by question {by_question}"
        )


@dataclass(frozen=True, slots=True)
class _Judged:
    """The judge's yes: with the label of each sentence that has one, of words in it, the highest of each question."""

    known: list[tuple[int, float]]
    words: list[tuple[int, float]]
    best: list[float]


def _judged(asked: Sequence[dict[str, Any]], first: int) -> _Judged:
    """Its yes to the first sentences of every question."""
    llm = open_llm(read_settings())
    assert llm is not None
    chooser = random.Random(_SEED)
    found = _Judged([], [], [])
    for row in asked:
        highest = 0.0
        for one in row["sentences"][:first]:
            hit, label, question = Hit.model_validate(one["hit"]), one["label"], row["question"]
            yes = _yes(llm, question, hit)
            highest = max(highest, yes)
            if label is None:
                continue
            found.known.append((label, yes))
            for text, right in _words(question, row["answers"], hit, label == 1, chooser):
                found.words.append((right, _yes(llm, question, hit, text)))
        found.best.append(highest)
    llm.close()
    return found


def _yes(llm: ChatModel, question: str, hit: Hit, words: str = "") -> float:
    """That the answer stands in the sentence, or that it is these words of it."""
    if words:
        hit = hit.model_copy(update={"text": one_line(hit.text) + _PROPOSED.format(words)})
    told = judge(llm, question, hit)
    assert told is not None, "the default model has a judge"
    return told[0]


def _auc(labels: Sequence[int], values: Sequence[float]) -> str:
    return f"{roc_auc_score(labels, values):.3f}" if len(set(labels)) > 1 else "-"


if __name__ == "__main__":
    main()
