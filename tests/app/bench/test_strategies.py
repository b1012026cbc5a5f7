from decimal import Decimal

from bulkhead.app.bench.strategies import Busy, PingPong
from bulkhead.strategy.testkit import Testbed
