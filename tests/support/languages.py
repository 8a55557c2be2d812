"""The same customers' matters in ten languages, written for this project: with and without spaces
between words, from right to left, with accents as signs of their own.

A label has six matters: four are its seeds, the fifth only the teacher and production know, the
sixth is gold's.
"""
# ruff: noqa: RUF001 other scripts look like Latin

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal
from unicodedata import normalize

Row = tuple[str, str]  # a message, its label


@dataclass(frozen=True, eq=False)
class Language:
    """A language by its ISO 639 code: each label's six matters, and what stands between two."""

    code: str
    matters: Mapping[str, Sequence[str]]
    between: str = ", "
    form: Literal["NFC", "NFD"] = "NFC"

    def seeds(self) -> Iterator[Row]:
        """A message for each of the first four matters."""
        return self._rows({label: all_[:4] for label, all_ in self.matters.items()})

    def known_to_the_teacher(self) -> Iterator[Row]:
        """A message for every two matters but gold's."""
        return self._rows(
            {
                label: [self.between.join(pair) for pair in permutations(all_[:5], 2)]
                for label, all_ in self.matters.items()
            }
        )

    def inputs(self) -> Iterator[Row]:
        """Messages of production: the fifth matter, alone and with others."""
        return self._rows(
            {
                label: [all_[4], *(self.between.join((all_[4], other)) for other in all_[:4])]
                for label, all_ in self.matters.items()
            }
        )

    def gold(self) -> Iterator[Row]:
        """The sixth matter."""
        return self._rows({label: all_[5:] for label, all_ in self.matters.items()})

    def _rows(self, texts: Mapping[str, Sequence[str]]) -> Iterator[Row]:
        for label, all_ in texts.items():
            for text in all_:
                yield normalize(self.form, text), normalize(self.form, label)


LANGUAGES = (
    Language(
        "en",
        {
            "delivery": (
                "my parcel has not arrived yet",
                "the courier left my order at the wrong door",
                "I want to know when the shoes are delivered",
                "the tracking number shows no movement",
                "send the package to my office instead",
                "the box came a whole week late",
            ),
            "refund": (
                "I want my money back",
                "the shop charged my card twice",
                "the repayment has not reached my bank",
                "I returned the jacket and was not paid",
                "the invoice shows a wrong amount",
                "give me back the price of the lamp",
            ),
            "login": (
                "I forgot my password",
                "my account is locked",
                "the app does not accept my code",
                "I would like to change my user name",
                "I cannot sign in on my new phone",
                "the reset link has expired",
            ),
        },
    ),
    Language(
        "de",
        {
            "Lieferung": (
                "mein Paket ist noch nicht angekommen",
                "der Bote hat meine Bestellung an der falschen Tür abgelegt",
                "ich möchte wissen, wann die Schuhe geliefert werden",
                "die Sendungsnummer zeigt keine Bewegung",
                "schicken Sie die Sendung lieber in mein Büro",
                "die Kiste kam eine ganze Woche zu spät",
            ),
            "Rückzahlung": (
                "ich will mein Geld zurück",
                "der Laden hat meine Karte zweimal belastet",
                "die Erstattung ist nicht bei meiner Bank eingegangen",
                "ich habe die Jacke zurückgegeben und wurde nicht bezahlt",
                "die Rechnung zeigt einen falschen Betrag",
                "geben Sie mir den Preis der Lampe zurück",
            ),
            "Anmeldung": (
                "ich habe mein Passwort vergessen",
                "mein Konto ist gesperrt",
                "die App nimmt meinen Code nicht an",
                "ich würde gern meinen Benutzernamen ändern",
                "ich kann mich auf meinem neuen Telefon nicht anmelden",
                "der Link zum Zurücksetzen ist abgelaufen",
            ),
        },
    ),
    Language(
        "vi",
        {
            "giao hàng": (
                "bưu kiện của tôi vẫn chưa đến",
                "người giao hàng để đơn của tôi ở nhầm cửa",
                "tôi muốn biết khi nào đôi giày được giao",
                "mã vận đơn không thấy thay đổi gì",
                "hãy gửi kiện hàng đến văn phòng của tôi",
                "chiếc hộp đến trễ cả một tuần",
            ),
            "hoàn tiền": (
                "tôi muốn lấy lại tiền của mình",
                "cửa hàng đã trừ thẻ của tôi hai lần",
                "khoản hoàn trả chưa về đến ngân hàng",
                "tôi trả lại áo khoác mà không được thanh toán",
                "hóa đơn ghi sai số tiền",
                "hãy trả lại tôi giá của chiếc đèn",
            ),
            "đăng nhập": (
                "tôi quên mật khẩu của mình",
                "tài khoản của tôi bị khóa",
                "ứng dụng không chấp nhận mã của tôi",
                "tôi muốn đổi tên người dùng",
                "tôi không vào được trên điện thoại mới",
                "liên kết đặt lại đã hết hạn",
            ),
        },
        form="NFD",
    ),
    Language(
        "tr",
        {
            "teslimat": (
                "paketim hâlâ elime ulaşmadı",
                "kurye siparişimi yanlış kapıya bırakmış",
                "ayakkabıların ne zaman teslim edileceğini öğrenmek istiyorum",
                "takip numarasında hiçbir hareket görünmüyor",
                "gönderiyi onun yerine iş yerime yollayın",
                "kutu tam bir hafta geç geldi",
            ),
            "iade": (
                "paramı geri istiyorum",
                "mağaza kartımdan iki kez para çekti",
                "geri ödeme bankama yatmadı",
                "ceketi geri verdim ama bana ödeme yapılmadı",
                "faturada yanlış bir tutar yazıyor",
                "lambanın bedelini bana geri verin",
            ),
            "giriş": (
                "şifremi unuttum",
                "hesabım kilitlenmiş",
                "uygulama kodumu kabul etmiyor",
                "kullanıcı adımı değiştirmek isterdim",
                "yeni telefonumda oturum açamıyorum",
                "sıfırlama bağlantısının süresi dolmuş",
            ),
        },
    ),
    Language(
        "ar",
        {
            "توصيل": (
                "لم يصل طردي حتى الآن",
                "ترك المندوب طلبي أمام الباب الخطأ",
                "أريد أن أعرف متى يتم تسليم الحذاء",
                "رقم التتبع لا يظهر أي حركة",
                "أرسلوا الشحنة إلى مكتبي بدلا من البيت",
                "جاء الصندوق متأخرا أسبوعا كاملا",
            ),
            "استرداد": (
                "أريد أن أستعيد نقودي",
                "خصم المتجر من بطاقتي مرتين",
                "لم يصل المبلغ المعاد إلى حسابي في البنك",
                "أرجعت السترة ولم يدفع لي أحد",
                "تظهر الفاتورة مبلغا غير صحيح",
                "أعيدوا إلي ثمن المصباح",
            ),
            "دخول": (
                "نسيت كلمة المرور الخاصة بي",
                "حسابي مقفل",
                "التطبيق لا يقبل الرمز",
                "أود أن أغير اسم المستخدم",
                "لا أستطيع الدخول من هاتفي الجديد",
                "انتهت صلاحية رابط الاستعادة",
            ),
        },
        between="، ",
    ),
    Language(
        "he",
        {
            "משלוח": (
                "החבילה שלי עדיין לא הגיעה",
                "השליח השאיר את ההזמנה שלי ליד הדלת הלא נכונה",
                "אני רוצה לדעת מתי הנעליים יימסרו",
                "מספר המעקב לא מראה שום תנועה",
                "שלחו את זה למשרד שלי במקום הביתה",
                "הקופסה הגיעה באיחור של שבוע שלם",
            ),
            "החזר": (
                "אני רוצה את הכסף שלי בחזרה",
                "החנות חייבה את הכרטיס שלי פעמיים",
                "הזיכוי לא נכנס לבנק שלי",
                "החזרתי את המעיל ולא קיבלתי תשלום",
                "בחשבונית מופיע סכום שגוי",
                "תנו לי בחזרה את המחיר של המנורה",
            ),
            "כניסה": (
                "שכחתי את הסיסמה שלי",
                "החשבון שלי נעול",
                "האפליקציה לא מקבלת את הקוד שלי",
                "הייתי רוצה לשנות את שם המשתמש",
                "אני לא מצליח להתחבר בטלפון החדש",
                "תוקף הקישור לאיפוס פג",
            ),
        },
    ),
    Language(
        "hi",
        {
            "डिलीवरी": (
                "मेरा पार्सल अभी तक नहीं पहुँचा",
                "कूरियर ने मेरा सामान गलत दरवाज़े पर छोड़ दिया",
                "मैं जानना चाहता हूँ कि जूते कब मिलेंगे",
                "ट्रैकिंग नंबर में कोई हलचल नहीं दिखती",
                "पैकेट को घर की जगह मेरे दफ़्तर भेजिए",
                "डिब्बा पूरे एक हफ़्ते देर से आया",
            ),
            "रिफंड": (
                "मुझे अपने पैसे वापस चाहिए",
                "दुकान ने मेरे कार्ड से दो बार रकम काटी",
                "लौटाई गई राशि मेरे बैंक में नहीं आई",
                "मैंने जैकेट लौटाई पर भुगतान नहीं मिला",
                "बिल में गलत रकम लिखी है",
                "मुझे लैंप की कीमत लौटा दीजिए",
            ),
            "लॉगिन": (
                "मैं अपना पासवर्ड भूल गया",
                "मेरा खाता बंद हो गया है",
                "ऐप मेरा कोड नहीं मान रहा",
                "मैं अपना यूज़र नाम बदलना चाहूँगा",
                "मैं नए फ़ोन पर साइन इन नहीं कर पा रहा",
                "रीसेट वाले लिंक की समय सीमा खत्म हो गई",
            ),
        },
    ),
    Language(
        "zh",
        {
            "配送": (
                "我的包裹到现在还没有送到",
                "快递员把我的订单放错了门口",
                "我想知道那双鞋子什么时候送来",
                "物流单号一直没有任何动静",
                "请把货物改送到我的办公室",
                "那个箱子晚了整整一个星期才来",
            ),
            "退款": (
                "我要把我的钱拿回来",
                "商店从我的卡上扣了两次款",
                "退回的金额没有到我的银行账户",
                "我退了外套却没有收到付款",
                "发票上写的数目不对",
                "请把台灯的价钱还给我",
            ),
            "登录": (
                "我忘记了自己的密码",
                "我的帐号被锁住了",
                "应用程序不接受我的验证码",
                "我希望能修改我的用户名",
                "我在新手机上进不去",
                "重置链接已经过期了",
            ),
        },
        between="，",
    ),
    Language(
        "ja",
        {
            "配達": (
                "私の荷物がまだ届いていません。",
                "配達員が注文品を違う家の前に置いていきました。",
                "靴がいつ届くのか知りたいです。",
                "追跡番号にまったく動きがありません。",
                "小包を会社のほうに送ってください。",
                "箱が丸一週間も遅れて来ました。",
            ),
            "返金": (
                "お金を返してほしいです。",
                "店がカードから二回も引き落としました。",
                "払い戻しが銀行に入っていません。",
                "上着を返品したのに支払われませんでした。",
                "請求書の金額が間違っています。",
                "ランプの代金を戻してください。",
            ),
            "ログイン": (
                "自分のパスワードを忘れました。",
                "アカウントがロックされています。",
                "アプリがコードを受け付けません。",
                "ユーザー名を変更したいのですが。",
                "新しい電話でサインインできません。",
                "再設定のリンクの期限が切れました。",
            ),
        },
        between="",
    ),
    Language(
        "th",
        {
            "จัดส่ง": (
                "พัสดุของฉันยังมาไม่ถึง",
                "คนส่งของวางสินค้าไว้ผิดหน้าบ้าน",
                "อยากรู้ว่ารองเท้าจะมาส่งเมื่อไร",
                "หมายเลขติดตามไม่มีความเคลื่อนไหวเลย",
                "ช่วยส่งห่อของไปที่สำนักงานแทน",
                "กล่องมาช้าไปหนึ่งสัปดาห์เต็ม",
            ),
            "คืนเงิน": (
                "ฉันต้องการเงินของฉันกลับมา",
                "ร้านค้าตัดเงินจากบัตรของฉันสองครั้ง",
                "ยอดที่โอนกลับยังไม่เข้าธนาคาร",
                "ฉันคืนเสื้อแจ็กเก็ตแล้วแต่ไม่ได้รับการจ่าย",
                "ใบแจ้งหนี้แสดงจำนวนไม่ถูกต้อง",
                "ขอค่าโคมไฟของฉันคืน",
            ),
            "เข้าสู่ระบบ": (
                "ฉันลืมรหัสผ่านของตัวเอง",
                "บัญชีของฉันถูกล็อก",
                "แอปไม่รับรหัสยืนยันของฉัน",
                "ฉันอยากเปลี่ยนชื่อผู้ใช้",
                "ฉันเข้าใช้งานในโทรศัพท์เครื่องใหม่ไม่ได้",
                "ลิงก์สำหรับตั้งค่าใหม่หมดอายุแล้ว",
            ),
        },
        between="",
    ),
)
