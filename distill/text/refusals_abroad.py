"""Patterns of refusals, introductions and announcements of assistants, in twelve languages.

Each pattern contains an act of an assistant, since customers write that something cannot be done,
too. Texts are compared in folded form.
"""
# ruff: noqa: E501, RUF001 letters of other scripts are wide, or look like Latin ones

import re
from unicodedata import normalize

_START = r"^[\s,.!:、。।¡]{0,2}"

PATTERNS: dict[str, tuple[str, ...]] = {
    "de": (
        r"\bals (?:ein )?(?:ki\b|ki-|künstliche intelligenz|(?:grosses )?sprachmodell)",
        r"\bich bin (?:nur |lediglich |bloss )?(?:ein |eine )?(?:ki\b|ki-|künstliche intelligenz"
        r"|(?:grosses )?sprachmodell|virtueller assistent)",
        r"\bich (?:ihnen |dir )?(?:leider )?(?:dabei|damit|hierbei|bei dieser (?:anfrage|bitte))"
        r" (?:leider )?nicht (?:weiter)?helfen",
        r"\bich kann (?:ihnen|dir) (?:leider )?(?:dabei|damit|hierbei|bei dieser (?:anfrage|bitte))"
        r" (?:leider )?nicht (?:weiter)?helfen",
        r"\bich (?:leider )?(?:diese|dieser|ihre|ihrer|deine|deiner) (?:anfrage|bitte|aufgabe)"
        r" (?:leider )?nicht (?:erfüllen|bearbeiten|nachkommen|beantworten)",
        r"\bich kann (?:leider )?(?:diese|dieser|ihre|ihrer) (?:anfrage|bitte) (?:leider )?nicht"
        r" (?:erfüllen|bearbeiten|nachkommen|beantworten)",
        r"\bich (?:kann|darf|möchte|werde) (?:leider )?keine (?:\w+ ){0,3}(?:beispiele|inhalte)"
        r" (?:erstellen|schreiben|erzeugen|generieren|verfassen)",
        r"\bwie (?:kann|darf) ich (?:ihnen|dir) (?:heute )?(?:weiter)?(?:helfen|behilflich sein)",
        _START + r"(?:(?:natürlich|gern|gerne|klar|sicher)\W{1,3})?hier (?:ist|sind) (?:\w+ ){0,4}"
        r"(?:beispiele?|nachrichten?|varianten?|texte?|anfragen?)\b[^:]{0,80}:",
    ),
    "fr": (
        r"\ben tant (?:qu'(?:une )?(?:ia\b|intelligence artificielle|assistant)|que mod[eè]le)",
        r"\bje suis (?:seulement )?une? (?:ia\b|intelligence artificielle|assistant (?:ia|virtuel)"
        r"|modèle (?:de langage|linguistique))",
        r"\bje ne (?:peux|puis) (?:malheureusement )?pas (?:vous |t')aider",
        r"\bje ne (?:peux|puis) (?:malheureusement )?pas (?:répondre|satisfaire|traiter|accéder"
        r"|donner suite) (?:à )?(?:cette|votre|ta) (?:demande|requête)",
        r"\bje ne (?:peux|puis) (?:malheureusement )?pas (?:créer|générer|produire|écrire|rédiger)"
        r" (?:de |d'|des |un |ce |cet )?(?:exemples?|contenus?|tels? )",
        r"\bcomment puis-je (?:vous |t')aider",
        _START + r"(?:(?:bien sûr|certainement|d'accord)\W{1,3})?voici (?:[\w']+ ){0,4}"
        r"(?:exemples?|messages?|variantes?|textes?)\b[^:]{0,80}:",
    ),
    "es": (
        r"\bcomo (?:un )?(?:modelo de lenguaje|una ia\b|ia(?=,| no\b)|inteligencia artificial"
        r"|asistente de ia)",
        r"\bsoy (?:solo )?(?:un|una) (?:ia\b|inteligencia artificial|modelo de lenguaje"
        r"|asistente (?:de ia|virtual))",
        r"\bno puedo ayudar(?:te|le|les|lo|la)? (?:con|en) (?:es[oae]|est[oae]|tu|su)\b",
        r"\bno puedo (?:cumplir|atender|procesar|responder|completar|satisfacer) (?:con |a )?"
        r"(?:es[ae]|est[ae]|tu|su) (?:solicitud|petición)",
        r"\bno puedo (?:crear|generar|escribir|producir) (?:\w+ ){0,2}(?:ejemplos|contenido)\b",
        r"\b(?:en qué|cómo) (?:te |le |les )?puedo (?:ayudar|servir)",
        _START + r"(?:(?:claro|por supuesto|desde luego)\W{1,4})?aquí (?:tienes|tiene|están|van)"
        r" (?:\w+ ){0,4}(?:ejemplos?|mensajes?|textos?)\b[^:]{0,80}:",
    ),
    "it": (
        r"\bcome (?:modello linguistico|intelligenza artificiale|assistente ai)\b",
        r"\bsono (?:solo )?(?:un |una |un')(?:ia\b|intelligenza artificiale|modello linguistico"
        r"|assistente (?:virtuale|ai))",
        r"\bnon posso aiutar(?:ti|la|vi) (?:con|in) (?:quest[oa]|ciò)",
        r"\bnon posso (?:soddisfare|elaborare|rispondere a) (?:questa|la tua|la sua) richiesta",
        r"\bcome posso aiutar(?:ti|la|vi)\b",
    ),
    "pt": (
        r"\bcomo (?:um )?(?:modelo de linguagem|uma ia\b|inteligência artificial|assistente de ia)",
        r"\bnão posso (?:te ajudar|ajudar|ajudá-l[oa]) com (?:isso|isto|ess[ea]|est[ea])\b",
        r"\bnão posso (?:atender|cumprir|processar|responder) (?:a |à )?(?:ess[ea]|est[ea]|sua|seu)"
        r" (?:pedido|solicitação)",
        r"\bcomo posso (?:te ajudar|ajudar|ajudá-l[oa])\b",
    ),
    "tr": (
        r"\bbir (?:yapay zek[aâ]|dil modeli) (?:\w+ )?olarak",
        r"\bben (?:sadece |yalnızca )?bir (?:yapay zek[aâ]|dil model|sanal asistan)",
        r"\b(?:bu konuda|buna|bununla|bu iste\w+|bu talep|bu taleb\w+|isteğinizi|talebinizi)"
        r" (?:\w+ ){0,2}(?:yardımcı olam(?:am|ıyor|ayaca|ayız)|yerine getirem(?:em|iyor|eyece)"
        r"|karşılayam(?:am|ıyor|ayaca))",
        r"\b(?:örnek|içerik)\w* (?:oluşturam(?:am|ıyor|ayaca)|üretem(?:em|iyor|eyece)"
        r"|yazam(?:am|ıyor|ayaca))",
        r"\bnasıl yardımcı olabilirim",
        _START
        + r"(?:(?:elbette|tabii|tabii ki)\W{1,3})?işte (?:\w+ ){0,4}(?:örne|mesaj)[^:]{0,80}:",
    ),
    "ru": (
        r"\bкак (?:искусственный интеллект|(?:большая )?языковая модель|ии\b|виртуальный ассистент)",
        r"\bя\W{1,3}(?:всего лишь |просто )?(?:языковая модель|искусственный интеллект|ии\b"
        r"|виртуальный (?:ассистент|помощник))",
        r"\bне (?:могу|смогу) (?:вам|тебе) (?:с этим )?помочь",
        r"\bне (?:могу|смогу) помочь (?:вам |тебе )?(?:с|в) (?:эт|так|данн|ваш|подобн)",
        r"\bне (?:могу|смогу) (?:выполнить|обработать|удовлетворить) (?:эт|данн|ваш|так)\w*"
        r" (?:запрос|просьбу)",
        r"\bне (?:могу|смогу) (?:создавать|создать|генерировать|сгенерировать|писать|написать)"
        r" (?:\w+ ){0,2}(?:контент|примеры)",
        r"\bчем (?:я )?могу (?:вам )?помочь",
        _START + r"(?:(?:конечно|разумеется)\W{1,3})?вот (?:\w+ ){0,4}(?:пример|сообщени|вариант)"
        r"[^:]{0,80}:",
    ),
    "ar": (
        r"كنموذج (?:لغوي|لغة|ذكاء)|بصفتي (?:نموذج|مساعد|ذكاء)",
        r"(?<!\w)(?:أنا|انا) (?:مجرد )?(?:نموذج (?:لغوي|لغة|ذكاء)|ذكاء اصطناعي"
        r"|مساعد (?:ذكي|افتراضي|ذكاء))",
        r"لا (?:أستطيع|يمكنني|استطيع) (?:أن )?(?:مساعدتك|أساعدك)",
        r"لا (?:أستطيع|يمكنني|استطيع) (?:تلبية|تنفيذ|معالجة) (?:هذا|هذه|طلبك)",
        r"لا (?:أستطيع|يمكنني|استطيع) (?:إنشاء|كتابة|توليد|تقديم) (?:\w+ )?(?:محتوى|أمثلة)",
        r"كيف (?:يمكنني|أستطيع|استطيع) (?:أن )?(?:مساعدتك|أساعدك)",
        _START + r"(?:(?:بالتأكيد|بالطبع)\W{1,3})?(?:إليك|إليكم|فيما يلي) (?:\w+ ){0,3}"
        r"(?:أمثلة|مثال|رسائل)[^:]{0,80}:",
    ),
    "hi": (
        r"(?:एआई|\bai|भाषा मॉडल|कृत्रिम बुद्धिमत्ता)(?: \S+){0,2} के (?:रूप में|नाते)",
        r"मैं (?:केवल |सिर्फ |बस )?एक (?:एआई|ai\b|भाषा मॉडल|वर्चुअल असिस्टेंट|आभासी सहायक)",
        r"मैं (?:\S+ ){0,5}(?:मदद|सहायता) नहीं कर (?:सकत|पाऊ)",
        r"(?:अनुरोध|निवेदन)(?: को)? (?:पूरा|स्वीकार) नहीं कर (?:सकत|पाऊ)",
        r"(?:सामग्री|उदाहरण) नहीं (?:बना|लिख|तैयार कर) (?:सकत|पाऊ)",
        r"(?:आपकी|तुम्हारी) (?:कैसे |क्या )?(?:मदद|सहायता) (?:कैसे |क्या )?कर सकत[ाी] हूँ",
        _START + r"(?:(?:ज़रूर|बिल्कुल|निश्चित रूप से)[\s,!।.]{1,3})?(?:यहाँ|यहां|नीचे|ये) (?:\S+ ){0,4}"
        r"(?:उदाहरण|संदेश)[^:]{0,40}:",
    ),
    "zh": (
        r"(?:作为|身为|作為)(?:一个|一個|一名|一款)?(?:大型)?(?:ai|人工智能|人工智慧|语言模型|語言模型|虚拟助手)",
        r"我(?:只|仅仅)?是(?:一个|一個|一名|一款)?(?:大型)?(?:ai|人工智能|人工智慧|语言模型|語言模型|虚拟助手)",
        r"(?:无法|不能|無法)(?:为|帮|帮助|协助|幫|幫助|協助|為)(?:您|你)",
        r"(?:无法|不能|無法)(?:满足|完成|处理|滿足|處理)(?:您|你|这个|该|此|這個|該)(?:的)?(?:请求|要求|請求)",
        r"(?:无法|不能|無法)(?:生成|创建|编写|撰写|提供|協助)(?:此类|这类|这样的|该类|此類|這類)(?:的)?(?:内容|示例|消息|內容)",
        r"(?:有什么|有什麼)(?:我)?(?:可以|能|能够)(?:为|帮|帮助|协助|幫|為)(?:您|你|到)",
        _START
        + r"(?:(?:好的|当然|当然可以|没问题|當然)[\s,.!、。]{0,2})?(?:以下|下面)(?:是|为|為)[^。:]{0,20}"
        r"(?:示例|例子|消息|样本|范例|訊息)[^。:]{0,10}:",
    ),
    "ja": (
        r"(?:ai|人工知能|言語モデル|バーチャルアシスタント)(?:アシスタント)?(?:として|なので|ですので|であるため)",
        r"私は(?:\S{0,6}の)?(?:ai|人工知能|大規模言語モデル|言語モデル)(?:アシスタント)?です",
        r"(?:その|この|ご|そのような|このような)(?:要望|要求|依頼|リクエスト|質問)(?:に|には|を|は)お?"
        r"(?:応え|答え|対応|手伝い|引き受け)(?:する)?(?:こと)?(?:が|は)?(?:でき(?:ません|かね)|いたしかね)",
        r"お手伝い(?:する)?(?:こと)?(?:が|は)?(?:でき(?:ません|かね)|いたしかね)",
        r"(?:そのような|このような)(?:コンテンツ|文章|メッセージ|内容)[のをは](?:作成|生成|提供)(?:する)?(?:こと)?"
        r"(?:が|は)?でき(?:ません|かね)",
        r"(?:何か|どのように|どのようなことを)お手伝い(?:でき|いたし|しま)",
        _START
        + r"(?:(?:はい|もちろんです|もちろん|承知しました|承知いたしました|わかりました)[\s,.!、。]{0,2})?"
        r"以下[はにがの][^。:]{0,25}(?:例|メッセージ|サンプル)[^。:]{0,10}(?::|です)",
    ),
    "ko": (
        r"(?:\bai|인공지능|언어 ?모델)(?: (?:모델|비서|어시스턴트))?(?:로서|으로서)",
        r"저는 (?:\S+ ){0,2}(?:ai|인공지능|언어 ?모델)(?: (?:모델|비서|어시스턴트))?(?:입니다|이에요|예요|이며)",
        r"(?:도와|도움을) ?드릴 ?수 ?(?:가 |는 )?없",
        r"요청(?:을|은|에)? ?(?:\S+ )?(?:들어드릴|들어 드릴|수행할|처리해 드릴|응할|응답할|이행할) ?수 ?(?:가 )?없",
        r"(?:이러한|그러한|그런|이런) (?:콘텐츠|내용|메시지|글)(?:를|을|은|는)? (?:생성|작성|만들|제공)\S* ?수 ?없",
        r"(?:무엇을|어떻게) 도와 ?드릴",
        _START
        + r"(?:(?:네|물론입니다|물론이죠|알겠습니다)[\s,.!]{1,2})?(?:다음은|아래는) [^.:]{0,30}"
        r"(?:예시|메시지|예문)[^.:]{0,10}(?::|입니다)",
    ),
    "th": (
        r"(?:ในฐานะ(?:ที่เป็น)?|เนื่องจาก(?:ฉัน|ผม|ดิฉัน)?เป็น) ?(?:ปัญญาประดิษฐ์|ai|เอไอ|โมเดลภาษา|แบบจำลองภาษา)",
        r"(?:ฉัน|ผม)เป็น(?:เพียง)? ?(?:ปัญญาประดิษฐ์|ai|เอไอ|โมเดลภาษา|แบบจำลองภาษา)",
        r"ไม่สามารถ(?:ให้ความ)?ช่วย(?:เหลือ)?(?:คุณ|ท่าน)",
        r"ไม่สามารถ(?:ทำตาม|ดำเนินการตาม|ตอบสนอง(?:ต่อ)?)(?:คำขอ|คำร้องขอ)",
        r"ไม่สามารถ(?:สร้าง|เขียน|ผลิต)(?:เนื้อหา|ตัวอย่าง)",
        r"มีอะไรให้(?:ฉัน|ผม|ดิฉัน|เรา)?ช่วย|(?:ฉัน|ผม)(?:สามารถ)?ช่วยคุณ(?:ได้)?อย่างไร",
        _START + r"(?:(?:แน่นอน|ได้เลย)(?:ครับ|ค่ะ)?[\s,!.]{0,2})?(?:นี่คือ|ต่อไปนี้(?:คือ|เป็น)) ?[^:]{0,30}"
        r"ตัวอย่าง[^:]{0,40}:",
    ),
}
REFUSAL = re.compile(
    "|".join(f"(?:{normalize('NFKC', one)})" for all_ in PATTERNS.values() for one in all_)
)

# Words in a placeholder of other languages: "[Ihr Name]", "【您的姓名】".
BLANK = re.compile(
    normalize(
        "NFKC",
        r"(?<!\w)(?:ihre?|vorname|nachname|bestellnummer|kundennummer|datum|betrag|adresse"
        r"|firma|produkt|votre|nom|prénom|numéro|montant|entreprise|produit"
        r"|nombre|apellido|número|fecha|importe|dirección|empresa|producto|nome|cognome"
        r"|numero|importo|indirizzo|azienda|prodotto|sobrenome|endereço|produto"
        r"|adınız|isim|soyadı|numarası|numara|tarih|tutar|adres|şirket|ürün"
        r"|имя|фамилия|номер|дата|сумма|адрес|компания|товар|ваше)(?!\w)"
        r"|(?:اسم|رقم|تاريخ|عنوان|مبلغ|شركة|منتج)|(?:नाम|नंबर|संख्या|तारीख|पता|राशि|कंपनी|उत्पाद)"
        r"|(?:姓名|名字|名称|号码|编号|订单号|日期|金额|地址|公司|产品|商品|您的|你的)"
        r"|(?:氏名|お名前|名前|番号|日付|金額|住所|会社名|商品名)|(?:이름|성함|번호|날짜|금액|주소|회사|제품|상품)"
        r"|(?:ชื่อ|หมายเลข|เลขที่|วันที่|จำนวน|ที่อยู่|บริษัท|สินค้า)",
    )
)
