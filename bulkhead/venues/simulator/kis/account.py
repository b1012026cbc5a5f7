"""The account's money and shares, and what a stock is and costs: inquire-balance, inquire-psbl-order, inquire-price
and inquire-asking-price-exp-ccn."""

from datetime import date
from decimal import ROUND_FLOOR, Decimal

from bulkhead.venues import krx
from bulkhead.venues.simulator.accounts import ZERO, Account
from bulkhead.venues.simulator.fees import ShareOfOrder
from bulkhead.venues.simulator.kis import errors
from bulkhead.venues.simulator.kis.desk import DIVISIONS, Desk
from bulkhead.venues.simulator.kis.fields import Fields, Json
from bulkhead.venues.simulator.kis.frames import LEVELS
from bulkhead.venues.simulator.kis.hours import Hours, time_text
from bulkhead.venues.simulator.kis.listing import Page, Row, average, page_of
from bulkhead.venues.simulator.kis.positions import SETTLES_AFTER_SESSIONS, Positions
from bulkhead.venues.simulator.kis.stocks import STOCKS
from bulkhead.venues.simulator.orders import MARKET

CASH = "KRW"
_HALTED, _NORMAL = "58", "55"


class AccountViews:
    def __init__(self, desk: Desk, hours: Hours, fees: ShareOfOrder) -> None:
        self._desk = desk
        self._hours = hours
        self._fees = fees

    # -- inquire-balance ----------------------------------------------------------------------------------------------

    def balance(self, account: Account, held: Positions, fields: Fields, page_size: int, tr_cont: str) -> Page:
        """INQR_DVSN 02 (by symbol) is refused since 2026-02-10 (Soju06/python-kis#81), so only 01 goes."""
        fields.one_of("AFHR_FLPR_YN", "N", "Y", "X")
        fields.one_of("INQR_DVSN", "01")
        fields.one_of("UNPR_DVSN", "01")
        fields.one_of("PRCS_DVSN", "00", "01")
        today = self._desk.today()
        rows = [
            self._holding_row(account, held, symbol)
            for symbol in sorted(held.holdings)
            if held.holdings[symbol].quantity or held.of(today, symbol).sold
        ]
        search = "^".join([fields.text("CANO"), fields.text("ACNT_PRDT_CD"), fields.text("AFHR_FLPR_YN")])
        part, word, fk100, nk100 = page_of(rows, lambda row: row["pdno"], page_size, fields, tr_cont, search)
        body: Json = {
            "ctx_area_fk100": fk100,
            "ctx_area_nk100": nk100,
            "output1": list(part),
            "output2": [self._totals(account, held, rows)],
        }
        return Page(word, body)

    def _holding_row(self, account: Account, held: Positions, symbol: str) -> Row:
        today, holding = self._desk.today(), held.holdings[symbol]
        of_day = held.of(today, symbol)
        day_before = held.of(self._session_before(held), symbol)
        price = self._desk.last_price(symbol)
        worth, cost = price * holding.quantity, holding.cost.to_integral_value(ROUND_FLOOR)
        gain = worth - cost
        return {
            "pdno": symbol,
            "prdt_name": STOCKS[symbol].name,
            "trad_dvsn_name": "현금",
            "bfdy_buy_qty": f"{day_before.bought:f}",
            "bfdy_sll_qty": f"{day_before.sold:f}",
            "thdt_buyqty": f"{of_day.bought:f}",
            "thdt_sll_qty": f"{of_day.sold:f}",
            "hldg_qty": f"{holding.quantity:f}",
            "ord_psbl_qty": f"{account.balance(symbol).free:f}",
            "pchs_avg_pric": average(holding.cost, holding.quantity) if holding.quantity else "0.0000",
            "pchs_amt": f"{cost:f}",
            "prpr": f"{price:f}",
            "evlu_amt": f"{worth:f}",
            "evlu_pfls_amt": f"{gain:f}",
            "evlu_pfls_rt": _percent(gain, cost),
            "evlu_erng_rt": _percent(gain, cost) + "000000",
            "loan_dt": "",
            "loan_amt": "0",
            "stln_slng_chgs": "0",
            "expd_dt": "",
            "fltt_rt": _percent(price - self._desk.bases[symbol], self._desk.bases[symbol]) + "000000",
            "bfdy_cprs_icdc": f"{price - self._desk.bases[symbol]:f}",
            "item_mgna_rt_name": "20%",
            "grta_rt_name": "",
            "sbst_pric": "0",
            "stck_loan_unpr": "0.0000",
        }

    def _totals(self, account: Account, held: Positions, rows: list[Row]) -> Row:
        today = self._desk.today()
        balance = account.balance(CASH)
        all_settled = balance.free + balance.locked
        now, next_day = (self._not_settled(held, sessions) for sessions in (0, 1))
        of_day = held.total(today)
        day_before = held.total(self._session_before(held))
        cost, worth = (sum((Decimal(row[name]) for row in rows), ZERO) for name in ("pchs_amt", "evlu_amt"))
        won = {
            "dnca_tot_amt": all_settled - now,
            "nxdy_excc_amt": all_settled - next_day,
            "prvs_rcdl_excc_amt": all_settled,
            "cma_evlu_amt": ZERO,
            "bfdy_buy_amt": day_before.buy_amount,
            "thdt_buy_amt": of_day.buy_amount,
            "nxdy_auto_rdpt_amt": ZERO,
            "bfdy_sll_amt": day_before.sell_amount,
            "thdt_sll_amt": of_day.sell_amount,
            "d2_auto_rdpt_amt": ZERO,
            "bfdy_tlex_amt": day_before.costs,
            "thdt_tlex_amt": of_day.costs,
            "tot_loan_amt": ZERO,
            "scts_evlu_amt": worth,
            "tot_evlu_amt": worth + all_settled,
            "nass_amt": worth + all_settled,
            "pchs_amt_smtl_amt": cost,
            "evlu_amt_smtl_amt": worth,
            "evlu_pfls_smtl_amt": worth - cost,
            "tot_stln_slng_chgs": ZERO,
            "bfdy_tot_asst_evlu_amt": ZERO,
            "asst_icdc_amt": ZERO,
        }
        words = {"fncg_gld_auto_rdpt_yn": "", "asst_icdc_erng_rt": "0.00000000"}
        return {name: f"{amount:f}" for name, amount in won.items()} | words

    def _not_settled(self, held: Positions, sessions: int) -> Decimal:
        """Money of trades that is not settled so many sessions from today."""
        today = self._desk.today()
        by = today if not sessions else self._hours.sessions_after(today, sessions)
        return held.unsettled(by, lambda day: self._hours.sessions_after(day, SETTLES_AFTER_SESSIONS))

    def _session_before(self, held: Positions) -> date:
        """The last session before today if anything was traded in it; else a day on which nothing was."""
        today = self._desk.today()
        last = max((day for day in held.days if day < today), default=date.min)
        return last if last > date.min and self._hours.sessions_after(last, 1) >= today else date.min

    # -- inquire-psbl-order -------------------------------------------------------------------------------------------

    def buying_power(self, account: Account, fields: Fields) -> dict[str, str]:
        """A market order is reckoned at the upper price limit."""
        division = fields.one_of("ORD_DVSN", *DIVISIONS)
        fields.text("CMA_EVLU_AMT_ICLD_YN"), fields.text("OVRS_ICLD_YN")
        symbol, free = fields.text("PDNO"), account.balance(CASH).free
        if symbol not in self._desk.bases:
            raise errors.no_such_stock()
        _, upper = krx.limits(self._desk.bases[symbol], STOCKS[symbol].is_etf)
        price = Decimal(0) if fields.optional("ORD_UNPR") == "" else fields.number("ORD_UNPR")
        if DIVISIONS[division][0] == MARKET or not price:
            price = upper
        quantity = (free / price).to_integral_value(ROUND_FLOOR)
        while quantity and price * quantity + self._fees.of_order(price * quantity, is_buy=True) > free:
            quantity -= 1
        won = f"{free:f}"
        return {
            "ord_psbl_cash": won,
            "ord_psbl_sbst": "0",
            "ruse_psbl_amt": "0",
            "fund_rpch_chgs": "0",
            "psbl_qty_calc_unpr": f"{price:f}",
            "nrcvb_buy_amt": won,
            "nrcvb_buy_qty": f"{quantity:f}",
            "max_buy_amt": won,
            "max_buy_qty": f"{quantity:f}",
            "cma_evlu_amt": "0",
            "ovrs_re_use_amt_wcrc": "0",
            "ord_psbl_frcr_amt_wcrc": "0",
        }

    # -- inquire-price ------------------------------------------------------------------------------------------------

    def price(self, fields: Fields) -> dict[str, str]:
        fields.one_of("FID_COND_MRKT_DIV_CODE", "J", "UN")
        symbol = fields.text("FID_INPUT_ISCD")
        stock = STOCKS.get(symbol)
        if stock is None or symbol not in self._desk.bases:
            raise errors.no_such_stock()
        base, last, is_halted = self._desk.bases[symbol], self._desk.last_price(symbol), symbol in self._desk.halted
        lower, upper = krx.limits(base, stock.is_etf)
        change = last - base
        return {
            "iscd_stat_cls_code": _HALTED if is_halted else _NORMAL,
            "marg_rate": "20.00",
            "rprs_mrkt_kor_name": stock.market,
            "bstp_kor_isnm": stock.sector,
            "temp_stop_yn": "Y" if is_halted else "N",
            "stck_prpr": f"{last:f}",
            "prdy_vrss": f"{change:f}",
            "prdy_vrss_sign": "2" if change > 0 else "5" if change < 0 else "3",
            "prdy_ctrt": _percent(change, base),
            "stck_sdpr": f"{base:f}",
            "stck_mxpr": f"{upper:f}",
            "stck_llam": f"{lower:f}",
            "rstc_wdth_prc": f"{upper - base:f}",
            "aspr_unit": f"{krx.tick_at(last, stock.is_etf):f}",
            "hts_deal_qty_unit_val": "1",
            "stck_shrn_iscd": symbol,
            "mang_issu_cls_code": "N",
            "sltr_yn": "N",
            "mrkt_warn_cls_code": "00",
        }

    # -- inquire-asking-price-exp-ccn ---------------------------------------------------------------------------------

    def asking_price(self, fields: Fields, now_ms: int) -> dict[str, dict[str, str]]:
        """Ten levels of each side; one that is not there is told as 0."""
        fields.one_of("FID_COND_MRKT_DIV_CODE", "J", "UN")
        symbol = fields.text("FID_INPUT_ISCD")
        if symbol not in STOCKS or symbol not in self._desk.bases:
            raise errors.no_such_stock()
        output = {"aspr_acpt_hour": time_text(now_ms), "new_mkop_cls_code": "20"}
        for side, found in zip(("bidp", "askp"), self._desk.book(symbol).depth(LEVELS), strict=True):
            levels = [*found, *[(ZERO, ZERO)] * (LEVELS - len(found))]
            output |= {f"{side}{n}": f"{price:f}" for n, (price, _) in enumerate(levels, 1)}
            output |= {f"{side}_rsqn{n}": f"{size:f}" for n, (_, size) in enumerate(levels, 1)}
            output[f"total_{side}_rsqn"] = f"{sum((size for _, size in levels), ZERO):f}"
        last = f"{self._desk.last_price(symbol):f}"
        return {"output1": output, "output2": {"stck_shrn_iscd": symbol, "stck_prpr": last, "vi_cls_code": "N"}}


def _percent(part: Decimal, whole: Decimal) -> str:
    return f"{(part * 100 / whole if whole else ZERO):.2f}"
