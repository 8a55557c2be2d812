"""Words and signs that distinguish references and computed numbers from telephone numbers.

Words before a number mark a reference, such as an order, an invoice or a parcel. Signs next to a
number mark a computation. A word for a person ("client", "Kunde") counts only with a word for
"number", since a telephone number may follow the word alone.
"""

import re

_ENGLISH = (
    r"orders?|tracking|parcel|package|shipment|delivery|invoice|reference|ref|ticket|case|claim"
    r"|booking|confirmation|transaction|serial|model|sku|item|product|part|policy|contract|account"
    r"|customer|member|voucher|isbn|ean|imei|barcode|id|receipt"
    r"|rma|awb|waybill|docket|quote|po"
)
_ABROAD = (
    # German
    r"(?:bestell|auftrags?|rechnung|sendung|paket|buchung|reservierung|artikel|vertrag|vorgang"
    r"|serien|referenz|lieferung|liefer|gutschein|aktenzeichen|beleg|police|versicherungs)"
    r"(?:(?!telefon|handy|mobil|ruf|fax)[\w-])*|(?:kunden|mitglieds|konto)-?\s?(?:nummer|nr)"
    # French
    r"|commandes?|colis|factures?|références?(?: clients?)?|réf|dossier"
    r"|réservation|suivi|livraison|contrat|article|produit|s"
    r"érie|devis|expédition|num[ée]ro (?:de |du )?(?:client|compte)"
    # Spanish and Portuguese
    r"|pedidos?|orden|paquete|facturas?|referencia|reservas?|env[íi]os?|seguimiento|contratos?|art[íi]culo"
    r"|producto|serie|compra|p[óo]liza|albarán|expediente|reclamación"
    r"|n[úu]mero de (?:cliente|cuenta|conta)|encomendas?|boleto|guía|guia|fatura|referência"
    r"|rastreio|rastreamento|artigo|produto|apólice|protocolo"
    # Italian
    r"|ordin[ei]|pacco|fattura|riferimento|prenotazione|spedizione|tracciamento|contratto|articolo"
    r"|prodotto|pratica|polizza|ricevuta|numero (?:di )?(?:cliente|conto)"
    # Dutch
    r"|(?:bestel|order|factuur|pakket|zending|referentie|reservering|boeking|polis|serie)"
    r"(?:(?!telefoon)\w)*|(?:klant|lid|rekening)-?\s?(?:nummer|nr)|track\w*code"
    # Polish, Czech
    r"|zamówieni\w*|przesyłk\w*|paczk\w*|faktur\w*|rezerwacj\w*|umow\w*|artykuł\w*|produkt\w*"
    r"|seryjn\w*|referencyjn\w*|zgłoszeni\w*|reklamacj\w*|numer (?:klienta|konta)"
    r"|objednáv\w*|zásilk\w*|rezervac\w*|smlouv\w*|zásielk\w*|balík\w*"
    # Croatian, Serbian, Slovene, Bulgarian, Macedonian
    r"|narudžb\w*|porudžbin\w*|pošiljk\w*|račun\w*|naročil\w*|paket\w*|rezervacij\w*"
    r"|поръчк\w*|пратк\w*|фактур\w*|резервац\w*|нарачк\w*|поруџбин\w*|наруџбин\w*"
    # Estonian, Latvian, Lithuanian
    r"|tellimus\w*|arve|saadetis\w*|broneering\w*|pasūtījum\w*|rēķin\w*|sūtījum\w*"
    r"|užsakym\w*|siunt\w*|sąskait\w*"
    # Swedish, Danish, Norwegian, Finnish
    r"|beställning\w*|bestilling\w*|ordre\w*|fakturor?\w*|pakke\w*|försändelse\w*|forsendelse\w*"
    r"|bokning\w*|ärende\w*|kunde?nummer|tilau\w*|lasku\w*|lähety\w*|varau\w*|asiakasnumero"
    # Hungarian, Romanian, Turkish, Indonesian, Vietnamese
    r"|rendelés\w*|számla\w*|csomag\w*|foglalás\w*|comand\w*|rezervar\w*|sipariş\w*|kargo\w*"
    r"|rezervasyon\w*|referans\w*|pesanan|resi|tagihan|pemesanan|đơn hàng|vận đơn|hóa đơn|mã đơn"
    r"|tempahan|bungkusan"
    # Russian, Ukrainian, Greek
    r"|заказ\w*|посылк\w*|накладн\w*|бронировани\w*|договор\w*|артикул\w*|отправлени\w*"
    r"|замовленн\w*|παραγγελί\w*|τιμολ\w*"
    # Arabic, Hebrew, Hindi
    r"|(?:ال)?(?:طلب\w*|شحنة|فاتورة|حجز|تتبع)|سفارش\w*|مرسوله|بسته|فاکتور|پیگیری|آرڈر|ההזמנה|הזמנה|חשבונית|ऑर्डर|बुकिंग|इनवॉइस|रसीद|অর্ডার|ஆர்டர்|ఆర్డర్|ઓર્ડર|ಆರ್ಡರ್"
)
# In scripts without spaces there is no word boundary before the word.
_WITHOUT_SPACES = (
    # Japanese
    r"(?:注文|伝票|発注|受注|オーダー)(?:の?(?:番号|コード))?"
    r"|(?:追跡|配送|予約|請求書?|会員|顧客|客様|契約|製品|商品|受付|問い?合わせ|管理|照会|シリアル"
    r"|整理|申込|取引|荷物|領収書?)の?(?:番号|コード|ナンバー)"
    # Chinese
    r"|(?:订单|訂單|运单|運單|包裹|发票|發票)(?:编号|編號|号码|號碼|号|號|码|碼)?"
    r"|(?:快递|快遞|物流|会员|會員|客户|客戶|预订|預訂|合同|账户|帳戶|商品|产品|產品|序列|流水|工单"
    r"|交易|参考|參考|退款|提货)(?:单|單)?(?:编号|編號|号码|號碼|号|號|码|碼)|单号|單號"
    # Korean
    r"|주문(?:\s?(?:번호|코드))?"
    r"|(?:송장|운송장|예약|청구서?|고객|회원|계약|제품|상품|접수|추적|거래|배송)\s?(?:번호|코드)"
    # Thai, Lao, Khmer, Burmese
    r"|คำสั่งซื้อ|ใบสั่งซื้อ|ออเดอร์|พัสดุ|ใบแจ้งหนี้|การจอง|ใบเสร็จ|ຄຳສັ່ງຊື້|ការបញ្ជាទិញ|အော်ဒါ"
)
_BETWEEN = (
    r"[\s:\uff1a#№.=(「\uff08„“\"']|(?:number|no|nr|n|num|id|code|is|was|the|nummer|lautet|ist|die|der|das"
    r"|mit|numéro|n[°º]|est|le|la|de|du|número|n[úu]m|es|el|del|con|é|do|da|numero|è|il|di|het|luidt"
    r"|met|numer|to|jest|číslo|č|čís|je|är|er|broj|br|št|številka|nº|n\.º|no\."
    r"|numara\w*|nomor|adalah|số|là|номер|\u0431\u0440\u043e\u0458|αριθμός|είναι"
    r"|رقم|هو|شماره|نمبر|מספר|नंबर|संख्या|है)(?!\w)|番号|は|が|是|为|為|는|은|이|가|หมายเลข|คือ"
)
_REFERENCE = re.compile(
    rf"(?:\b(?:{_ENGLISH}|{_ABROAD})(?!\w)|{_WITHOUT_SPACES}|[#№])(?:{_BETWEEN})*$|\w[-/_]$"
)
_COMPUTED_BEFORE = re.compile(
    r"(?:\d\s?(?:\*\*?|[×÷^])\s?|(?:sqrt|cbrt|log|ln|abs|round|floor|fact)\s?\(\s?"
    r"|\b(?:add|subtract|sum of|\d (?:times|plus|minus|mal|fois|por|per))\s"
    r"|\b(?:comput\w*|calculat\w*|multiply|divide|factorial of|root of"
    r"|berechne\w*|calcul\w*|bereken\w*|oblicz\w*)\s)$"
)
_COMPUTED_AFTER = re.compile(
    r"(?:\s(?:\*\*?|[×÷^%])\s|[*×÷^])\(?-?\d|(?:\s[-+−]\s|\+)\d{1,6}(?!\d|[ /.-]\d)"
    r"|\s(?:(?:divided|multiplied) by|times|plus|minus|mod|modulo|mal|geteilt durch|fois|divisé par"
    r"|por|dividido (?:por|entre)|per|diviso|keer|razy)\s\d"
    r"|\s(?:is |a )?prime\b|\s?(?:bytes|bits)\b"
)


def is_reference(before: str) -> bool:
    """True if the lower-case text before a number marks it as a reference such as an order."""
    return _REFERENCE.search(before) is not None


def is_computed(before: str, after: str) -> bool:
    """True if an arithmetic sign or a word of arithmetic is next to a number."""
    return bool(_COMPUTED_BEFORE.search(before) or _COMPUTED_AFTER.match(after))
