"""A hypothesis strategy for any message class, made from its fields, so that a new record is tested unasked."""

from decimal import Decimal
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

_INT64 = 2**63 - 1


@cache
def instances(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Valid instances; combinations that the model's validators refuse are dropped."""
    fields = {name: _of(info.annotation, info.metadata) for name, info in model.model_fields.items()}
    return st.fixed_dictionaries(fields).map(lambda data: _made(model, data)).filter(lambda made: made is not None)


def _made(model: type[BaseModel], data: dict[str, Any]) -> BaseModel | None:
    try:
        return model.model_validate(data)
    except ValidationError:
        return None


def _limit(metadata: list[Any], name: str) -> Any:
    return next((getattr(item, name) for item in metadata if getattr(item, name, None) is not None), None)


def _of(annotation: Any, metadata: list[Any]) -> st.SearchStrategy[Any]:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner = [part for item in args[1:] for part in (item.metadata if isinstance(item, FieldInfo) else [item])]
        return _of(args[0], inner)
    if origin in (Union, UnionType):
        return st.one_of(*(st.none() if arg is NoneType else _of(arg, []) for arg in args))
    if origin is tuple:
        return st.lists(_of(args[0], []), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(_of(args[0], []), _of(args[1], []), max_size=2)
    if issubclass(annotation, BaseModel):
        return instances(annotation)
    if issubclass(annotation, Enum):
        return st.sampled_from(list(annotation))
    return _plain(annotation, metadata)


def _plain(annotation: type, metadata: list[Any]) -> st.SearchStrategy[Any]:
    low, high = _limit(metadata, "ge"), _limit(metadata, "le")
    if annotation is Decimal:
        positive = _limit(metadata, "gt") is not None
        lowest = Decimal("1e-18") if positive else Decimal(0) if low is not None else Decimal("-1e20")
        return st.decimals(lowest, Decimal("1e20"), allow_nan=False, places=18)
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        return st.integers(-_INT64 if low is None else low, _INT64 if high is None else high)
    if annotation is float:
        return st.floats(allow_nan=False, allow_infinity=False)
    pattern = _limit(metadata, "pattern")
    if pattern is not None:
        return st.from_regex(pattern, fullmatch=True)
    return st.text(min_size=_limit(metadata, "min_length") or 0, max_size=12)
