"""ExecutorFactory: one paper executor per symbol, made from the settings when the symbol is first needed."""

from collections.abc import Iterator, Mapping

from bulkhead.venues.paper.book_model import BookFillModel
from bulkhead.venues.paper.executor import PaperExecutor
from bulkhead.venues.paper.fill_model import FillModel
from bulkhead.venues.paper.settings import FillSettings
from bulkhead.venues.paper.simple_model import SimpleFillModel
from bulkhead.venues.simulator.instruments import MarketRules

_MODELS: dict[str, type[SimpleFillModel] | type[BookFillModel]] = {"simple": SimpleFillModel, "book": BookFillModel}


def make_model(settings: FillSettings, symbol: str) -> FillModel:
    return _MODELS[settings.fill_model](settings, symbol)


class ExecutorFactory(Mapping[str, PaperExecutor]):
    """By symbol, as the engine looks its books up; a symbol without rules has none (KeyError)."""

    def __init__(self, settings: FillSettings, rules: Mapping[str, MarketRules]) -> None:
        self._settings = settings
        self._rules = rules
        self._made: dict[str, PaperExecutor] = {}

    def __getitem__(self, symbol: str) -> PaperExecutor:
        found = self._made.get(symbol)
        if found is None:
            found = self._made[symbol] = PaperExecutor(self._rules[symbol], make_model(self._settings, symbol))
        return found

    def __iter__(self) -> Iterator[str]:
        """Every symbol that could have one."""
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    @property
    def made(self) -> tuple[PaperExecutor, ...]:
        """Those that were needed so far."""
        return tuple(self._made.values())
