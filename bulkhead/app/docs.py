"""Documents that are made from the code, so that they cannot say anything else: `python -m bulkhead.app.docs`.

Order states come from the order table, error codes from their meanings, the configuration from the settings models
(with the remarks of config/paper.toml where a field has no docstring). tests/docs holds the files to this.
"""

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from decimal import Decimal
from enum import IntEnum
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bulkhead.app.docs_risk import risk
from bulkhead.app.exit_codes import ExitCode
from bulkhead.app.settings import Settings, StrategySettings
from bulkhead.execution.order_table import FILLS, OURS, TABLE, Event, as_mermaid
from bulkhead.strategy.reversion import MeanReversion
from bulkhead.strategy.sizing import SizingPolicy
from bulkhead.strategy.trend import EmaTrend
from messages.codes import MEANING, ErrorCode
from messages.values import OrderStatus, StopLevel, StopPlan
from supervisor.failure_modes import TABLE as MODES
from supervisor.failure_modes import Row as ModeRow

ROOT = Path(__file__).parents[2]
COMMAND = "python -m bulkhead.app.docs"
PACKAGES = ("actors", "bulkhead", "messages", "supervisor")
_MADE = f"<!-- Made by `{COMMAND}` from the code; a change by hand is lost, and a test notices it. -->\n"
_UNITS = (
    ("_per_s", "per second"),
    ("_per_day", "per trading day"),
    ("_ms", "milliseconds"),
    ("_s", "seconds"),
    ("_bps", "basis points"),
    ("_bps_p95", "basis points"),
    ("notional", "quote currency"),
    ("_exposure", "quote currency"),
    ("_loss", "quote currency"),
    ("max_drawdown", "quote currency"),
    ("min_cash", "quote currency"),
    ("_share", "share of 1"),
    ("_rate", "share of 1"),
    ("_z", "standard deviations"),
)

_OF_EACH = {"trips": ".<limit>"}
"""What the tables of a family are called by, where it is not a symbol."""
_REMARKS = {
    "ledger_file": "The durable truth of this account; one account, one file.",
    "name": "What the venue is called in logs, ids and scopes.",
    "account": "What the account is called in logs and ids; shown masked.",
    "rest_url": "With `start_simulator = false`: where orders and questions go.",
    "ws_api_url": "With `start_simulator = false`: where the order stream comes from.",
    "stream_url": "With `start_simulator = false`: where market data comes from.",
    "api_key_env": "Name of the environment variable that holds the key (or, with `_FILE` behind it, names a file).",
    "api_secret_env": "The same for the secret. Neither is needed for a venue on this machine.",
    "app_key_env": "Names the variable with the app key (36 characters).",
    "app_secret_env": "Names the variable with the app secret (180 characters).",
    "reconcile_interval_without_stream_s": "The same while the stream is down or the books are in doubt.",
    "query_unknown_interval_s": "Every order without a verdict is asked about this often.",
    "max_order_notional": "Worth of one entry at its worst case.",
    "max_spread_bps": "Wider than this, no entry.",
    "max_orders_per_s": "Entries in any one second.",
    "max_market_age_s": "An entry decided on an older market is refused.",
    "max_daily_loss": "Since the trading day began, over restarts; reaching it trips.",
    "max_consecutive_rejects": "Orders that the venue refused in a row; reaching it trips.",
    "max_slippage_bps_p95": "Of the fills in the window; above it trips.",
    "min_reject_sample": "Ended orders below which the reject rate is not judged.",
    "trip_level": "How strict the gate becomes at a trip; below SOFT is refused.",
    "trip_scope": "`all`, `venue:<name>`, `strategy:<id>` or `symbol:<symbol>`.",
    "id": "Its name in logs, positions and orders; give no two strategies the same.",
    "sizing": "How large an entry is, see below.",
    "parameters": "The strategy's own settings; its `Parameters` class names them.",
    "price_source": "Middle of the quotes, last print, or middle with prints standing in.",
    "jump_confirmations": "So many prices near the new level confirm a jump.",
    "stop_loss_bps": "Leaves this far below the price paid.",
    "take_profit_bps": "Leaves this far above the price paid.",
    "max_hold_s": "Leaves after this long.",
    "slow_s": "Time constant of the slow mean; longer than the fast one.",
    "entry_threshold_bps": "Enters when the fast mean is this far above the slow one.",
    "exit_threshold_bps": "Leaves when the fast mean is this far below the slow one.",
    "window_s": "Length of the rolling window.",
    "sample_s": "One price is taken into the window this often.",
    "entry_z": "Enters when the price is this many deviations below the mean.",
}
"""What a key is, where neither its docstring nor config/paper.toml says it."""
_EXITS = {
    "OK": "Done.",
    "ERROR": "It failed; the sentence on stderr says why.",
    "NOT_FOUND": "What was asked for does not exist.",
    "NOT_RUNNING": "No live run.",
    "TIMEOUT": "What was waited for did not come in time.",
    "STUCK": "The run's process lives but no longer reports; or, of a run: too many actors hung, and it ended at once.",
}


def documents() -> dict[str, str]:
    """Text of each document by its path from the project's root."""
    return {
        "docs/ORDER_STATES.md": order_states(),
        "docs/ERROR_CODES.md": error_codes(),
        "docs/CONFIG.md": configuration(),
        "docs/FAILURE_MODES.md": failure_modes(),
        "docs/RISK.md": risk(_MADE, _table, _row),
    }


def main() -> None:
    for name, text in documents().items():
        (ROOT / name).write_text(text, encoding="utf-8")


# -- failure modes ----------------------------------------------------------------------------------------------------


def failure_modes() -> str:
    parts = [
        "# Failure modes\n",
        _MADE,
        inspect.cleandoc(
            """
            What can go wrong, how it is seen, and what is done about it (`supervisor/failure_modes.py`). A level says
            what may be sent, a plan what is done to what exists; of a technical failure the plan waits until the books
            are compared and an operator confirms it, but that entries are cancelled at once. `[failure_modes.<mode>]`
            in the configuration makes a row stricter, or as mild as its floor ([CONFIG.md](CONFIG.md)). A reason is
            called `<mode>:<scope>` in `bulkhead status`.
            """
        ),
        "",
        _row("mode", "level", "plan", "stops", "re-arm", "alerts", "floor"),
        _row(*(["---"] * 7)),
    ]
    for mode, row in MODES.items():
        parts.append(_row(f"[{mode.name}](#{mode.value})", *_measures(row)))
    for mode, row in MODES.items():
        bounds = ", ".join(f"`{each}`" if re.fullmatch(r"[A-Za-z_.]+", each) else each for each in row.bound)
        parts += [
            f"\n## {mode.value}\n",
            f"{row.meaning[0].upper()}{row.meaning[1:]}.\n",
            *_bullet(f"**seen**: {row.detected}{f' ({bounds})' if bounds else ''}"),
            *_bullet(f"**over**: {row.recovers}"),
            *_bullet(f"**to do**: {row.advice}"),
        ]
        if row.softens:
            parts.append("- REDUCED instead while another source of market data stands in and is fresh")
        if row.eases_to is not None:
            parts.append(f"- {row.eases_to.name} once it is over, until an operator re-arms it")
    return "\n".join([*parts, ""])


def _bullet(text: str) -> list[str]:
    return textwrap.wrap(f"- {text}", 120, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _measures(row: ModeRow) -> tuple[str, ...]:
    plan = StopPlan.of(row.level) if row.plan is None else row.plan
    rearm = "the process ends" if row.ends_process else "operator" if row.needs_operator else "automatic"
    stops = "nothing" if row.level is StopLevel.RUN else row.concerns.value
    return row.level.name, plan.name, stops, rearm, "yes" if row.alerts else "no", row.floor.name


# -- order states -----------------------------------------------------------------------------------------------------


def order_states() -> str:
    return "\n".join(
        [
            "# Order states\n",
            _MADE,
            inspect.cleandoc(
                """
                Every pair of state and event is either in this table or illegal
                (`bulkhead/execution/order_table.py`). An illegal pair raises `IllegalTransition` and changes nothing.
                The public word for UNKNOWN is ERROR; every other state is shown under its own name.
                """
            ),
            "\n```mermaid",
            f"{as_mermaid()}```\n",
            "Events that leave a state as it is are not drawn.\n",
            "## The table\n",
            "A cell is the state after the event; `=` means that nothing changes; an empty cell is illegal.\n",
            *_state_table(),
            "",
            "Bold events are brought about by us; all others are evidence from the venue or the transport, and are",
            "never refused. Events that book a fill: " + ", ".join(sorted(f"*{event}*" for event in FILLS)) + ".\n",
        ]
    )


def _state_table() -> Iterator[str]:
    states = tuple(OrderStatus)
    yield _row("event", *states)
    yield _row(*["---"] * (len(states) + 1))
    for event in Event:
        cells = []
        for state in states:
            after = TABLE.get((state, event))
            cells.append("" if after is None else "=" if after is state else after.value)
        yield _row(f"**{event}**" if event in OURS else event, *cells)


# -- codes ------------------------------------------------------------------------------------------------------------


def error_codes() -> str:
    raised = _raised_codes()
    rows = (
        _row(f"`{code}`" + ("" if code in raised else " †"), told.meaning, told.what_to_do)
        for code, told in MEANING.items()
    )
    told = _docstrings(ExitCode)
    exits = (_row(str(int(code)), code.name, told.get(code.name) or _EXITS.get(code.name, "")) for code in ExitCode)
    return "\n".join(
        [
            "# Error codes and exit codes\n",
            _MADE,
            "A code says what was refused or went wrong; the numbers that were compared stand beside it in the logs.",
            "Codes are public: one may be added, none is renamed (`messages/codes.py`).\n",
            _row("code", "what it means", "what to do"),
            _row("---", "---", "---"),
            *rows,
            "",
            *(
                ["† Defined with its meaning, but nothing in this version says it yet.\n"]
                if set(MEANING) - raised
                else []
            ),
            "## Exit codes of every command\n",
            _row("exit code", "name", "meaning"),
            _row("---", "---", "---"),
            *exits,
            "",
        ]
    )


def _raised_codes() -> set[ErrorCode]:
    """Codes that some module beside their own definition and this one names."""
    own = {ROOT / "messages" / "codes.py", Path(__file__)}
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if path not in own)
    named = {name for path in paths for name in re.findall(r"ErrorCode\.([A-Z_]+)", path.read_text(encoding="utf-8"))}
    return {code for code in ErrorCode if code.name in named}


# -- configuration ----------------------------------------------------------------------------------------------------


def configuration() -> str:
    remarks = _remarks(ROOT / "config" / "paper.toml")
    parts = [
        "# Configuration\n",
        _MADE,
        "One TOML file, checked as a whole before anything starts: an unknown key, a wrong type or a contradiction",
        "ends the command with exit code 4 and a sentence. Every key may be left out unless its default is *required*.",
        "Amounts of money are in the quote currency, which `risk.currency` names. Decimals may be written as text,",
        "which keeps them exact. `bulkhead show-config` shows what is in force and what the file set.\n",
    ]
    for name, field in Settings.model_fields.items():
        if section := _section_of(field):
            named = f"{name}.<mode>" if get_origin(field.annotation) is dict else name
            parts += [f"## [{named}]\n", *_table(section, remarks.get(name, {})), ""]
            parts += _subsections(name, section)
    parts += ["## [[strategies]]\n", "One table for each strategy.\n", *_table(StrategySettings, {}), ""]
    parts += ["### sizing\n", *_table(SizingPolicy, {}), ""]
    for strategy in (EmaTrend, MeanReversion):
        use = f"{strategy.__module__}:{strategy.__name__}"
        parts += [f"### parameters of `{use}`\n", *_table(strategy.Parameters, {}), ""]
    return "\n".join(parts)


def _subsections(above: str, model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if section := _section_of(field):
            of_each = _OF_EACH.get(name, ".<symbol>") if get_origin(field.annotation) is dict else ""
            yield f"### [{above}.{name}{of_each}]\n"
            yield from (*_table(section, {}), "")


def _section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a table of its own, or of each table of a family."""
    kind = get_args(field.annotation)[1] if get_origin(field.annotation) is dict else field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _table(model: type[BaseModel], remarks: dict[str, str]) -> Iterator[str]:
    schema = model.model_json_schema()
    told = _docstrings(model)
    yield _row("key", "value", "default", "what it is")
    yield _row("---", "---", "---", "---")
    for name, field in model.model_fields.items():
        if model is not StrategySettings and _section_of(field):
            continue  # a table of its own
        value = _kind(schema["properties"][name], schema.get("$defs", {}))
        unit = next((unit for suffix, unit in _UNITS if name.endswith(suffix)), None)
        default = "*required*" if field.is_required() else _default(field.get_default(call_default_factory=True))
        if isinstance(field.annotation, type) and issubclass(field.annotation, IntEnum):
            value = " or ".join(f'`"{member.name}"`' for member in field.annotation)
        words = f"{value}, {unit}" if unit else value
        said = told.get(name) or remarks.get(name) or _REMARKS.get(name, "")
        yield _row(f"`{name}`", words, default, re.sub(r"\bNone\b", "unset", said))


def _kind(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """A few words for a JSON schema: what may be written."""
    if "$ref" in schema:
        return _kind(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions)
    if "anyOf" in schema:
        kinds = [_kind(each, definitions) for each in schema["anyOf"] if each.get("type") != "null"]
        numbers = [kind for kind in kinds if kind.startswith("number")]
        return numbers[0] if numbers else " or ".join(dict.fromkeys(kinds))
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return " or ".join(f"`{json.dumps(each)}`" for each in schema["enum"])
    kind = str(schema.get("type", "anything"))
    words = {"string": "text", "array": "list", "object": "table", "boolean": "true or false"}.get(kind, kind)
    bounds = (("exclusiveMinimum", ">"), ("minimum", "≥"), ("exclusiveMaximum", "<"), ("maximum", "≤"))
    limits = [f"{sign} {schema[key]:g}" for key, sign in bounds if key in schema]
    return " ".join([words, *limits])


def _default(value: object) -> str:
    if value is None:
        return "unset"
    if isinstance(value, IntEnum):
        return f'`"{value.name}"`'
    if isinstance(value, Decimal):
        return f"`{value:f}`"
    if isinstance(value, Path):
        return f'`"{value.as_posix()}"`'
    return f"`{json.dumps(value)}`"


def _remarks(path: Path) -> dict[str, dict[str, str]]:
    """The remark behind each key of a TOML file, by section."""
    found: dict[str, dict[str, str]] = {}
    section = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if header := re.fullmatch(r"\[+([a-z.]+)\]+\s*(?:#.*)?", line):
            section = header.group(1)
        elif entry := re.fullmatch(r'(\w+) = (?:"[^"]*"|[^"#]*?)\s+# (.+)', line):
            found.setdefault(section, {})[entry.group(1)] = entry.group(2)
    return found


# -- shared -----------------------------------------------------------------------------------------------------------


def _docstrings(of_class: type[Any]) -> dict[str, str]:
    """The text below each attribute of a class and of its bases, on one line."""
    found: dict[str, str] = {}
    for base in reversed(of_class.__mro__):
        if base.__module__.split(".")[0] not in PACKAGES:
            continue
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for before, text in pairwise(statements):
            if not (isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)):
                continue
            if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name):
                found[before.target.id] = " ".join(str(text.value.value).split())
            elif isinstance(before, ast.Assign) and isinstance(before.targets[0], ast.Name):
                found[before.targets[0].id] = " ".join(str(text.value.value).split())
    return found


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    main()
