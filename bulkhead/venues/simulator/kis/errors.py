"""What KIS answers when it refuses: code, words, HTTP status, and which of its two envelopes.

The gateway's codes (EGW…, OPSQ…) are those of independent error tables and of issue reports. Of the business codes the
projects that list them disagree about the meaning, so those here are an assumption, kept in this one place: a client
has to go by `rt_cd` and keep the text.
"""


class KisRefused(Exception):
    """The venue says no. `status` None: as business errors are answered."""

    def __init__(
        self, msg_cd: str, msg1: str, *, status: int | None = None, rt_cd: str = "1", is_oauth: bool = False
    ) -> None:
        super().__init__(msg_cd, msg1)
        self.msg_cd = msg_cd
        self.msg1 = msg1
        self.status = status
        self.rt_cd = rt_cd
        self.is_oauth = is_oauth

    @property
    def body(self) -> dict[str, object]:
        """In the envelope of /oauth2 or in that of everything else."""
        if self.is_oauth:
            return {"error_description": self.msg1, "error_code": self.msg_cd}
        return {"rt_cd": self.rt_cd, "msg_cd": self.msg_cd, "msg1": self.msg1}


# -- the gateway ------------------------------------------------------------------------------------------------------


def bad_app_key(*, is_oauth: bool) -> KisRefused:
    return KisRefused("EGW00103", "유효하지 않은 AppKey입니다.", status=403, is_oauth=is_oauth)


def bad_app_secret(*, is_oauth: bool) -> KisRefused:
    return KisRefused("EGW00105", "유효하지 않은 AppSecret입니다.", status=403, is_oauth=is_oauth)


def bad_grant() -> KisRefused:
    return KisRefused("EGW00101", "유효하지 않은 요청입니다.", status=403, is_oauth=True)


def tokens_too_fast() -> KisRefused:
    text = "접근토큰 발급 잠시 후 다시 시도하세요(1분당 1회)"
    return KisRefused("EGW00133", text, status=403, is_oauth=True)


def token_invalid() -> KisRefused:
    return KisRefused("EGW00121", "유효하지 않은 token 입니다.", status=500)


def token_missing() -> KisRefused:
    return KisRefused("EGW00122", "token 을 찾을 수 없습니다.", status=500)


def token_expired() -> KisRefused:
    return KisRefused("EGW00123", "기간이 만료된 token 입니다.", status=500)


def bad_hashkey() -> KisRefused:
    return KisRefused("EGW00131", "유효하지 않은 hashkey 입니다.", status=500)


def too_many_requests() -> KisRefused:
    return KisRefused("EGW00201", "초당 거래건수를 초과하였습니다.", status=500)


def bad_customer_type() -> KisRefused:
    return KisRefused("EGW00206", "고객식별키(custtype)가 유효하지 않습니다.", status=500)


def wrong_host() -> KisRefused:
    """A TR id of the real host on the paper host, or the other way round."""
    return KisRefused("EGW00213", "모의투자 TR 이 아닙니다.", status=500)


def no_such_service() -> KisRefused:
    return KisRefused("OPSQ0002", "없는 서비스 코드 입니다", status=500)


def outcome_unknown(code: str) -> KisRefused:
    words = {
        "EGW00301": "연결 시간이 초과되었습니다. 직전 거래를 반드시 확인하세요.",
        "EGW00302": "거래시간이 초과되었습니다. 직전 거래를 반드시 확인하세요.",
    }
    return KisRefused(code, words[code], status=500)


def nothing_said(status: int) -> KisRefused:
    """As in maintenance: an envelope without a word."""
    return KisRefused("", "", status=status)


# -- input ------------------------------------------------------------------------------------------------------------


def bad_account() -> KisRefused:
    return KisRefused("OPSQ2000", "ERROR : INPUT INVALID_CHECK_ACNO", status=500, rt_cd="2")


def field_missing(name: str) -> KisRefused:
    return KisRefused("OPSQ2001", f"ERROR : INPUT FIELD NOT FOUND [{name}]", status=500, rt_cd="2")


def field_invalid(name: str) -> KisRefused:
    return KisRefused("OPSQ2001", f"ERROR : INPUT INVALID_CHECK_{name}", status=500, rt_cd="2")


# -- business: codes are assumptions ----------------------------------------------------------------------------------


def market_closed() -> KisRefused:
    return KisRefused("APBK0919", "장운영시간이 아닙니다.")


def not_enough_cash() -> KisRefused:
    return KisRefused("APBK0952", "주문가능금액을 초과 했습니다.")


def not_enough_shares() -> KisRefused:
    return KisRefused("APBK0400", "주문 가능한 수량을 초과했습니다.")


def no_such_stock() -> KisRefused:
    return KisRefused("APBK0656", "해당종목정보가 없습니다.")


def bad_quantity() -> KisRefused:
    return KisRefused("APBK0570", "주문수량을 확인하시기 바랍니다.")


def bad_tick(tick: str) -> KisRefused:
    return KisRefused("APBK0506", f"주문단가오류 (호가단위 {tick}원)")


def beyond_limits(lower: str, upper: str) -> KisRefused:
    return KisRefused("APBK0507", f"상하한가 오류 (하한가 {lower}원, 상한가 {upper}원)")


def bad_division(division: str) -> KisRefused:
    return KisRefused("APBK0502", f"주문구분 오류 ({division})")


def bad_exchange(exchange: str) -> KisRefused:
    return KisRefused("APBK0503", f"거래소구분 오류 ({exchange})")


def too_many_open() -> KisRefused:
    return KisRefused("APBK0550", "미체결 주문이 너무 많습니다.")


def nothing_to_change() -> KisRefused:
    return KisRefused("APBK0344", "정정취소 가능수량이 없습니다.")


def no_such_order() -> KisRefused:
    return KisRefused("APBK0326", "원주문번호가 존재하지 않습니다.")


def refused_later() -> str:
    """The words of a notice that rejects an order which was answered as sent; the list has none."""
    return "거래소 거부"
