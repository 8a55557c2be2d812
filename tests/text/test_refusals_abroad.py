"""An assistant that speaks in ten languages is recognised; customers who complain are not."""
# ruff: noqa: RUF001 letters of other scripts look like Latin ones

from collections.abc import Iterator

import pytest

from distill.text.boilerplate import placeholder_in, refusal_in
from distill.text.refusals_abroad import PATTERNS
from tests.support.languages import LANGUAGES

# An introduction, two refusals, an offer of help and an announcement.
ASSISTANTS = {
    "de": (
        "Als KI-Sprachmodell habe ich keine eigenen Bestellungen.",
        "Es tut mir leid, aber ich kann Ihnen dabei nicht helfen.",
        "Leider kann ich diese Anfrage nicht erfüllen.",
        "Wie kann ich Ihnen heute helfen?",
        "Natürlich! Hier sind fünf Beispiele für solche Nachrichten:",
    ),
    "fr": (
        "En tant que modèle de langage, je n'ai pas de colis.",
        "Désolé, mais je ne peux pas vous aider avec cette demande.",
        "Je ne peux pas répondre à votre requête.",
        "Bonjour ! Comment puis-je vous aider ?",
        "Bien sûr ! Voici quelques exemples de messages :",
    ),
    "es": (
        "Soy una inteligencia artificial y no tengo pedidos.",
        "Lo siento, pero no puedo ayudarte con eso.",
        "No puedo cumplir con esta solicitud.",
        "¿En qué puedo ayudarle hoy?",
        "¡Claro! Aquí tienes cinco ejemplos de mensajes:",
    ),
    "tr": (
        "Bir yapay zeka olarak kişisel siparişim yok.",
        "Üzgünüm, bu konuda size yardımcı olamam.",
        "ÜZGÜNÜM, BU İSTEĞİ YERİNE GETİREMEM.",
        "Size bugün nasıl yardımcı olabilirim?",
        "Elbette! İşte beş örnek mesaj:",
    ),
    "ru": (
        "Как языковая модель, я не делаю заказов.",
        "К сожалению, я не могу помочь с этим запросом.",
        "Я не могу выполнить этот запрос.",
        "Здравствуйте! Чем могу помочь?",
        "Конечно! Вот несколько примеров сообщений:",
    ),
    "ar": (
        "كنموذج لغوي، ليس لدي طلبات شخصية.",
        "عذرا، لا يمكنني مساعدتك في ذلك.",
        "لا أستطيع تنفيذ هذا الطلب.",
        "مرحبا! كيف يمكنني مساعدتك اليوم؟",
        "بالتأكيد! إليك بعض أمثلة الرسائل:",
    ),
    "hi": (
        "एक एआई भाषा मॉडल के रूप में मेरा कोई ऑर्डर नहीं है।",
        "माफ़ कीजिए, मैं इसमें आपकी मदद नहीं कर सकता।",
        "मैं यह अनुरोध पूरा नहीं कर सकती।",
        "नमस्ते! मैं आपकी कैसे मदद कर सकता हूँ?",
        "ज़रूर! यहाँ कुछ उदाहरण दिए गए हैं:",
    ),
    "zh": (
        "作为一个人工智能，我没有自己的订单。",
        "抱歉，我无法帮助您处理这件事。",
        "很抱歉，我不能满足您的请求。",
        "您好！请问有什么可以帮您？",
        "好的，以下是五条客户消息：",
    ),
    "ja": (
        "AIとして、私は注文をしたことがありません。",
        "申し訳ありませんが、その依頼にはお応えできません。",
        "申し訳ございませんが、お手伝いできません。",
        "こんにちは！何かお手伝いできることはありますか？",
        "もちろんです。以下は五つの例です：",
    ),
    "ko": (
        "저는 인공지능 언어 모델이며 주문한 적이 없습니다.",
        "죄송하지만 그 부분은 도와드릴 수 없습니다.",
        "이 요청을 수행할 수 없습니다.",
        "안녕하세요! 무엇을 도와드릴까요?",
        "네, 다음은 고객 메시지 예시입니다:",
    ),
    "th": (
        "ในฐานะที่เป็นโมเดลภาษา ฉันไม่มีคำสั่งซื้อ",
        "ขออภัย ฉันไม่สามารถช่วยคุณเรื่องนี้ได้",
        "ไม่สามารถทำตามคำขอนี้ได้",
        "สวัสดีค่ะ มีอะไรให้ฉันช่วยไหมคะ",
        "ได้เลยค่ะ นี่คือตัวอย่างข้อความ 5 ข้อความ:",
    ),
}
# Customers apologise, cannot do something, ask for help and quote examples, too.
CUSTOMERS = """\
Ich kann mich leider nicht anmelden, können Sie mir dabei nicht helfen?
Es tut mir leid, aber hier ist die Rechnung: sie stimmt nicht.
Als Kiste kam nur ein Karton, ich kann ihn nicht öffnen.
Désolé, je ne peux pas me connecter, pouvez-vous m'aider ?
Je ne peux pas répondre à votre message dans l'application.
Voici ma facture : elle est fausse.
No puedo entrar en mi cuenta, ¿puede ayudarme con esto?
Como iba diciendo, no puedo pagar con mi tarjeta.
Como ia dizendo, não posso pagar com este cartão.
Bu konuda bana yardımcı olamaz mısınız?
Uygulamada mesaj yazamıyorum, üzgünüm.
Я не могу войти, вы не могли бы помочь с этим?
Вот мой заказ: он пришёл разбитым.
لا أستطيع الدخول، هل يمكنك مساعدتي؟
لا يمكنني كتابة رسالة في التطبيق
मैं लॉगिन नहीं कर पा रहा, क्या आप मेरी मदद कर सकते हैं?
मुझे खेद है, मैं भुगतान नहीं कर सकता
我无法登录，你们能帮我吗？
我不能完成付款，请求超时了
以下是我的订单号，请查一下
ログインできません。手伝ってもらえますか。
AIスピーカーが届きません。
メッセージの作成ができません。
로그인할 수 없어요. 도와줄 수 없나요?
인공지능 스피커가 아직 안 왔어요.
ฉันไม่สามารถเข้าสู่ระบบได้ ช่วยด้วย
นี่คือหมายเลขคำสั่งซื้อของฉัน
""".splitlines()
PLACEHOLDERS = (
    "Mein Name ist [Ihr Vorname] und mein Paket fehlt.",
    "Je m'appelle [Prénom] et j'attends mon colis.",
    "Mi pedido [número de pedido] no ha llegado.",
    "Benim adım [Adınız], paketim gelmedi.",
    "Мой заказ [номер заказа] не пришёл.",
    "طلبي [رقم الطلب] لم يصل",
    "मेरा नाम [आपका नाम] है",
    "我叫【您的姓名】，包裹没到。",
    "注文［注文番号］が届きません。",
    "제 이름은 [이름]입니다.",
    "ฉันชื่อ [ชื่อของคุณ] ค่ะ",
)


def messages() -> Iterator[str]:
    for language in LANGUAGES:
        for rows in (language.inputs(), language.known_to_the_teacher(), language.gold()):
            yield from (text for text, _ in rows)


@pytest.mark.parametrize("language", ASSISTANTS)
def test_an_assistant_is_recognised(language: str) -> None:
    assert [text for text in ASSISTANTS[language] if not refusal_in(text)] == []


def test_every_language_but_two_has_sentences_here() -> None:
    assert set(PATTERNS) - set(ASSISTANTS) == {"it", "pt"}
    assert refusal_in("Sono un modello linguistico e non ho ordini.")
    assert refusal_in("Desculpe, não posso atender sua solicitação.")


def test_customers_are_no_assistants() -> None:
    assert [text for text in CUSTOMERS if refusal_in(text)] == []
    assert [text for text in messages() if refusal_in(text) or placeholder_in(text)] == []


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_a_placeholder_in_another_language(text: str) -> None:
    assert placeholder_in(text)


@pytest.mark.parametrize(
    "text", ["我的【电视】坏了", "テレビ［赤］が欲しい", "Я купил <красный> стол"]
)
def test_other_brackets_are_none(text: str) -> None:
    assert not placeholder_in(text)
