"""Messages of KIS in the layouts of its own documents: golden samples and seeds for fuzzing. All values are made up."""

import json
from collections.abc import Mapping
from types import MappingProxyType

from bulkhead.venues.wire.kis_cipher import NoticeKey, encrypt
from bulkhead.venues.wire.kis_market import BOOK_NAMES, TRADE_NAMES

APP_KEY = "PSa1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7"
APP_SECRET = "".join(f"Sx{n:02}Qw/+" for n in range(22)) + "Zy9="
ACCESS_TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJ0b2tlbiIsImF1ZCI6IjFhMmIzYyJ9.Qk3-_x7Yv2Lz9Tn4Wd8Rf6Hs1"
APPROVAL_KEY = "4d1f7c2e-93ab-4e0f-8b6d-7a52c9e1f034"
KEY, IV = "abcdefgh12345678ijklmnop90123456", "q1w2e3r4t5y6u7i8"
NOTICE_KEY = NoticeKey(KEY, IV)

TOKEN = json.dumps(
    {
        "access_token": ACCESS_TOKEN,
        "access_token_token_expired": "2026-11-24 08:30:15",
        "token_type": "Bearer",
        "expires_in": 86400,
    }
)
TOKEN_TOO_SOON = json.dumps(
    {"error_code": "EGW00133", "error_description": "접근토큰 발급 잠시 후 다시 시도하세요(1분당 1회)"},
    ensure_ascii=False,
)
APPROVAL = json.dumps({"approval_key": APPROVAL_KEY})
HASH = json.dumps(
    {"BODY": {"PDNO": "005930"}, "HASH": "8e1b2c3d4f5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0"}
)

RATE_LIMITED = json.dumps(
    {"rt_cd": "1", "msg_cd": "EGW00201", "msg1": "초당 거래건수를 초과하였습니다."}, ensure_ascii=False
)
TIMED_OUT = json.dumps(
    {"rt_cd": "1", "msg_cd": "EGW00302", "msg1": "거래시간이 초과되었습니다. 직전 거래를 반드시 확인하세요."},
    ensure_ascii=False,
)
REFUSED = json.dumps({"rt_cd": "7", "msg_cd": "APBK0952", "msg1": "주문가능금액을 초과 했습니다"}, ensure_ascii=False)
MAINTENANCE = '{"rt_cd": "1", "msg_cd": "", "msg1": ""}'

ORDER_SENT = """{"rt_cd": "0", "msg_cd": "APBK0013", "msg1": "주문 전송 완료 되었습니다.",
 "output": {"KRX_FWDG_ORD_ORGNO": "06010", "ODNO": "0001569157", "ORD_TMD": "155211"}}"""

LISTED_ROW = {
    "ord_dt": "20261123",
    "ord_gno_brno": "06010",
    "odno": "0000004711",
    "orgn_odno": "",
    "ord_dvsn_name": "지정가",
    "sll_buy_dvsn_cd": "02",
    "sll_buy_dvsn_cd_name": "현금매수",
    "pdno": "005930",
    "prdt_name": "삼성전자",
    "ord_qty": "10",
    "ord_unpr": "71000",
    "ord_tmd": "100512",
    "tot_ccld_qty": "4",
    "avg_prvs": "70950",
    "cncl_yn": "N",
    "tot_ccld_amt": "283800",
    "loan_dt": "",
    "ordr_empno": "OpnAPI",
    "ord_dvsn_cd": "00",
    "cncl_cfrm_qty": "0",
    "rmn_qty": "6",
    "rjct_qty": "0",
    "ccld_cndt_name": "없음",
    "cpbc_ordp_ord_rcit_dvsn_cd": "1",
    "cpbc_ordp_infm_mthd_dvsn_cd": "1",
    "infm_tmd": "",
    "prdt_type_cd": "300",
    "excg_dvsn_cd": "02",
    "cpbc_ordp_mtrl_dvsn_cd": "11",
    "ord_orgno": "00000",
    "excg_id_dvsn_Cd": "KRX",
}
OFFICIAL_REJECTED_ROW = {
    # The one row that the venue's document prints, with the fields that it leaves out added.
    **LISTED_ROW,
    "ord_dt": "20220103",
    "odno": "0001568197",
    "pdno": "009150",
    "ord_qty": "10",
    "ord_unpr": "150000",
    "ord_tmd": "170100",
    "tot_ccld_qty": "0",
    "avg_prvs": "0",
    "tot_ccld_amt": "0",
    "cncl_yn": "",
    "rmn_qty": "0",
    "rjct_qty": "10",
    "ordr_empno": "Nsmart",
}
ORDERS_PAGE = json.dumps(
    {
        "ctx_area_fk100": "12345678^01^20261123^20261123^ ^00^00^" + " " * 20,
        "ctx_area_nk100": "20261123^0000004711^" + " " * 80,
        "output1": [LISTED_ROW, OFFICIAL_REJECTED_ROW],
        "output2": {
            "tot_ord_qty": "20",
            "tot_ccld_qty": "4",
            "tot_ccld_amt": "283800",
            "prsm_tlex_smtl": "40",
            "pchs_avg_pric": "70950.0000",
        },
        "rt_cd": "0",
        "msg_cd": "KIOK0500",
        "msg1": "조회가 계속됩니다",
    },
    ensure_ascii=False,
)
BALANCE = json.dumps(
    {
        "ctx_area_fk100": " " * 100,
        "ctx_area_nk100": " " * 100,
        "output1": [
            {
                "pdno": "009150",
                "prdt_name": "삼성전기",
                "hldg_qty": "1657",
                "ord_psbl_qty": "1611",
                "pchs_avg_pric": "135440.2517",
                "pchs_amt": "224424497",
                "prpr": "0",
                "evlu_pfls_amt": "-756922",
            }
        ],
        "output2": [
            {
                "dnca_tot_amt": "346455",
                "nxdy_excc_amt": "346455",
                "prvs_rcdl_excc_amt": "-12000",
                "tot_evlu_amt": "2106055",
                "nass_amt": "2106055",
            }
        ],
        "rt_cd": "0",
        "msg_cd": "KIOK0510",
        "msg1": "조회가 완료되었습니다",
    },
    ensure_ascii=False,
)
BUYING_POWER = json.dumps(
    {
        "output": {
            "ord_psbl_cash": "346455",
            "ord_psbl_sbst": "0",
            "ruse_psbl_amt": "0",
            "fund_rpch_chgs": "0",
            "psbl_qty_calc_unpr": "71000",
            "nrcvb_buy_amt": "345000",
            "nrcvb_buy_qty": "4",
            "max_buy_amt": "860000",
            "max_buy_qty": "12",
            "cma_evlu_amt": "0",
        },
        "rt_cd": "0",
        "msg_cd": "KIOK0510",
        "msg1": "조회가 완료되었습니다",
    },
    ensure_ascii=False,
)
PRICE = json.dumps(
    {
        "output": {
            "iscd_stat_cls_code": "55",
            "rprs_mrkt_kor_name": "KOSPI200",
            "bstp_kor_isnm": "전기.전자",
            "temp_stop_yn": "N",
            "stck_prpr": "71900",
            "stck_mxpr": "93600",
            "stck_llam": "50400",
            "stck_sdpr": "72000",
            "aspr_unit": "100",
            "hts_deal_qty_unit_val": "1",
            "lstn_stcn": "5969782550",
            "stck_shrn_iscd": "005930",
        },
        "rt_cd": "0",
        "msg_cd": "MCA00000",
        "msg1": "정상처리 되었습니다.",
    },
    ensure_ascii=False,
)


_LEVELS = range(1, 11)
ASKING_PRICE = json.dumps(
    {
        "output1": {
            "aspr_acpt_hour": "121817",
            **{f"askp{n}": str(71_800 + 100 * n) for n in _LEVELS},
            **{f"bidp{n}": str(71_900 - 100 * n) for n in _LEVELS},
            **{f"askp_rsqn{n}": str(3_000 * n) for n in _LEVELS},
            **{f"bidp_rsqn{n}": str(4_000 * n) for n in _LEVELS},
            "total_askp_rsqn": "165000",
            "total_bidp_rsqn": "220000",
            "ntby_aspr_rsqn": "55000",
            "new_mkop_cls_code": "20",
        },
        "output2": {
            "antc_mkop_cls_code": "112",
            "stck_prpr": "71900",
            "stck_sdpr": "72000",
            "antc_cnpr": "0",
            "stck_shrn_iscd": "005930",
            "vi_cls_code": "N",
        },
        "rt_cd": "0",
        "msg_cd": "MCA00000",
        "msg1": "정상처리 되었습니다.",
    },
    ensure_ascii=False,
)
"""The names of the official sample, with our figures."""

# -- WebSocket --------------------------------------------------------------------------------------------------------


def ack(code: str, words: str, tr_id: str = "H0STCNT0", rt_cd: str = "0", **output: str) -> str:
    body: dict[str, object] = {"rt_cd": rt_cd, "msg_cd": code, "msg1": words}
    if output:
        body["output"] = output
    header = {"tr_id": tr_id, "tr_key": "005930", "encrypt": "N"}
    return json.dumps({"header": header, "body": body})


SUBSCRIBED = ack("OPSP0000", "SUBSCRIBE SUCCESS")
NOTICES_SUBSCRIBED = ack("OPSP0000", "SUBSCRIBE SUCCESS", "H0STCNI9", iv=IV, key=KEY)
SECOND_SESSION = ack("OPSP8996", "ALREADY IN USE appkey", rt_cd="9")
PING = '{"header":{"tr_id":"PINGPONG","datetime":"20241011121818"}}'


def trade(**changes: str) -> list[str]:
    """47 fields of H0STCNT0."""
    values = dict.fromkeys(TRADE_NAMES, "0") | {
        "MKSC_SHRN_ISCD": "005930",
        "STCK_CNTG_HOUR": "093354",
        "STCK_PRPR": "71900",
        "PRDY_VRSS": "-100",
        "PRDY_CTRT": "-0.14",
        "ASKP1": "71900",
        "BIDP1": "71800",
        "CNTG_VOL": "1",
        "ACML_VOL": "3052507",
        "CCLD_DVSN": "1",
        "BSOP_DATE": "20261123",
        "TRHT_YN": "N",
        "MARKET_CLS_CODE": "2",
    }
    return list({**values, **changes}.values())


def book(**changes: str) -> list[str]:
    """60 fields of H0STASP0: ten levels of asks from 71900 and of bids from 71800, a tick of 100 apart."""
    values = dict.fromkeys(BOOK_NAMES, "0") | {"MKSC_SHRN_ISCD": "005930", "BSOP_HOUR": "093730"}
    for n in range(1, 11):
        values |= {f"ASKP{n}": str(71800 + 100 * n), f"BIDP{n}": str(71900 - 100 * n)}
        values |= {f"ASKP_RSQN{n}": str(1000 + n), f"BIDP_RSQN{n}": str(2000 + n)}
    return list({**values, **changes}.values())


def frame(tr_id: str, *records: list[str]) -> str:
    return f"0|{tr_id}|{len(records):03}|{'^'.join('^'.join(record) for record in records)}"


TRADE_47 = frame("H0STCNT0", trade())
TRADE_46 = frame("H0STCNT0", trade()[:46])
TRADES = frame("H0STCNT0", trade(), trade(STCK_PRPR="71800", CNTG_VOL="7", ACML_VOL="3052514", CCLD_DVSN="5"))
BOOK_60 = frame("H0STASP0", book())
BOOK_59 = frame("H0STASP0", book()[:59])

_NOTICE = ("HTSUSER1", "1234567801", "0000004711", "0000000000", "02", "0", "00", "0", "005930", "0000000004")
_FILL = (*_NOTICE, "000070950", "100513", "0", "2", "2", "06010", "0000000010", "홍길동")
FILL_26 = [*_FILL, "0", "1", "N", "", "00", "", "삼성전자", "000071000"]
FILL_23 = [*_FILL, "삼성전자", "00", "", "삼성전자", "000071000"]


def notice(fill: list[str] = FILL_26, at: Mapping[int, str] = MappingProxyType({})) -> str:
    """A plain record with some fields replaced."""
    return "^".join(at.get(n, value) for n, value in enumerate(fill))


def encrypted(*records: str, key: NoticeKey = NOTICE_KEY, tr_id: str = "H0STCNI9") -> str:
    return f"1|{tr_id}|{len(records):03}|{encrypt(key, '^'.join(records))}"


AUTH = (TOKEN, TOKEN_TOO_SOON, APPROVAL, HASH)
REST = (
    ORDER_SENT,
    ORDERS_PAGE,
    BALANCE,
    BUYING_POWER,
    PRICE,
    ASKING_PRICE,
    RATE_LIMITED,
    TIMED_OUT,
    REFUSED,
    MAINTENANCE,
)
CONTROL = (SUBSCRIBED, NOTICES_SUBSCRIBED, SECOND_SESSION, PING)
FRAMES = (
    TRADE_46,
    TRADE_47,
    TRADES,
    BOOK_59,
    BOOK_60,
    encrypted(notice()),
    encrypted(notice(FILL_23), notice(FILL_23)),
)
