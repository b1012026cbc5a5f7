"""An execution that the venue takes back: a busted trade, or the old half of a corrected one."""

from messages.orders import OrderEvidence
from messages.values import Fee, Price, Quantity, Side


class ExecutionReversed(OrderEvidence):
    """The venue says that an execution did not stand. A correction is this, then an ExecutionReported of the right one
    under an id of its own. Its figures are those of the execution that is taken back."""

    execution_id: str
    side: Side
    """Of the execution: what was bought is now given back."""
    quantity: Quantity
    price: Price
    fee: Fee
    fee_asset: str
