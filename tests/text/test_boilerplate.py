"""What only an assistant says and what was left to be filled in; what customers say stays."""

import json
from pathlib import Path

import pytest

from distill.text.boilerplate import placeholder_in, refusal_in

REFUSALS = """\
As an AI language model, I don't have personal experiences with banks.
As an AI, I do not have a card.
as a large language model i cannot visit a shop
I am an AI assistant, so I don't own a phone.
I'm just a language model and have no orders.
I'm sorry, but I can't
I'm sorry, but I can't help with that.
I'm sorry, but I can't assist with that request.
I'm sorry, I can't do that.
Sorry, but I can't help with that.
Sorry, I cannot comply with this.
I cannot assist with that.
I can't assist you with creating messages of this kind.
I am unable to fulfill this request.
I'm unable to provide that type of content.
I'm not able to help with that, but I can suggest something else.
I apologize, but I cannot generate such content.
I won't generate fake customer complaints.
I can not create harmful content.
I cannot provide medical advice.
I cannot in good conscience write this.
Unfortunately, I cannot assist with this task.
I must decline to write these.
I must respectfully decline this request.
That would be against my programming.
This request violates OpenAI's usage policies; it violates the content policy.
My knowledge cutoff does not let me know that.
I don't have access to real-time information.
I don't have personal opinions about parcels.
Sure! Here is a message a customer could write: My parcel is late.
Sure! Here are 5 examples:
Sure, here are ten customer messages about refunds:
Certainly! Here's a realistic one in the style of the others.
Of course! Here is the text you asked for.
Absolutely! Here are some more inputs
Here are 5 examples
Here are five different ways a customer might ask:
Here's a message from an angry customer:
**Here are the requested variations:**
Below are 10 new inputs for delivery:
Okay, here are three more examples.
Okay, I'll generate five messages.
Sure, let me write a few of them.
Example 3: Where is my parcel?
Message 2: My card was declined.
Customer message: I lost my card.
Hello! How can I help you today?
How may I assist you with your order?
I'd be happy to help with your refund.
I would be glad to assist you.
Is there anything else I can help you with?
Let me know if you'd like me to write more.
Let me know if you would like more examples!
I hope these examples help!
Note: these are fictional messages.
As a helpful assistant, I write five messages.
Als KI-Sprachmodell kann ich das nicht.
En tant qu'IA, je ne peux pas.
Como modelo de lenguaje, no puedo ayudar.
Come modello linguistico non posso.
I'm not able to produce messages like that.
I'm really sorry, but I'm not able to assist with that.
Apologies, but I can't fulfill that request.
I do not feel comfortable generating this content.
My apologies, but as an AI I have no orders.
I don't think I can help with that request.
As an artificial intelligence, I do not shop.
I'm Claude, an AI assistant made by Anthropic.
I am ChatGPT, a large language model trained by OpenAI.
Sure thing! Here's one:
Here you go:
Here are some examples of customer messages:
Sure - here are 5 customer messages about delivery:
Here's a possible customer message for this category: "Where is it?"
The following are five examples of messages:
Below are some sample customer inquiries:
Here are 10 unique customer inquiries:
1. "Where is my parcel?"
Please note that these examples are fictional.
Would you like me to generate more?
Feel free to adjust these as needed.
These messages vary in tone and length.
It seems like you're asking for customer messages.
I can certainly help with that!
Sorry, I'm unable to assist.
I'm sorry, but this request goes against my guidelines.
I'm sorry, but I'm not able to generate customer messages about that.
I am sorry, but I cannot write about this topic.
I cannot support requests of this kind.
I'd rather not write that.
That's not something I can help with.
Sure! Customer message: where is it
Here are a few:
Let me generate some examples for you.
Output: my parcel
As requested, here are five messages.
As a language AI, I cannot feel.
I do not have the ability to browse the internet.
I need more information to generate these inputs.
Could you please provide more context so I can help?
I'm sorry, but I cannot provide assistance with that.
I apologize, but I'm unable to create that content.
I'm an AI, so I have never ordered a sofa.
Here are four realistic customer messages:
Okay, here's a list of messages:
I hope these examples are useful.
Let me know if you need more examples.
Hello! I'm here to help with your delivery.
I cannot complete this request.""".splitlines()

PLACEHOLDERS = """\
Hi, my name is [NAME] and my card is lost.
Best regards, [Your Name]
My order [order number] has not arrived.
I bought it on [date] in [Store Location].
[insert product here] is broken
Why does <company> charge me for this?
Where is <ORDER_ID>?
Sent from <your city>
Hello {{customer}}, where is it?
My order {order_id} is late.
Order #{Order Number} is late.
The parcel ${tracking} never came.
%(name)s wants a refund
{% if label %}refund{% endif %}
Lorem ipsum dolor sit amet
call me at XXX-XXXX
my number is 555-XXX-XXXX
order number XXXXXX is missing
it came on XX/XX/XXXX
it came on MM/DD/YYYY
I was charged $XX twice
INSERT PRODUCT HERE never came
insert name here
Thanks, Insert Your Name Here
I live at ___________
[TBD]
TBD
TODO
My email is [email1]
Refund to (insert account here) please
My name is (your name)
Regards, {Name}
order no. [XXXX]
My tracking number is [TRACKING NUMBER]
the <PRODUCT NAME> broke
I paid $[amount]
[Customer Name], thanks
{{ product }}
order #[insert order #]
it is at <<address>>
Dear [Company's Name],
It arrived on [DD/MM]
call xxx-xxx-xxxx
%ORDER_ID% is late
my email is your_email@example.com
Order [####]""".splitlines()

ORDINARY = """\
I can't log in, sorry
I'm sorry but I can't find my parcel
I'm sorry, but I can't help feeling cheated by you
Sorry, I can't accept that.
Sorry but I cannot provide a receipt, I threw it away.
I'm sorry, I can't do that before Friday.
I am unable to complete my order, the page hangs
I cannot create an account with my email
I can't continue without my card, help
I can't provide proof of address right now
I cannot generate a new PIN in the app
I can't share the photo of the broken lamp here
I can't process the refund myself, can I?
I'm not able to write a review
I won't write again, this is the last time
It is against the return policy to charge me for that request
Your driver violated the safety rules
Your chatbot told me to ask a person
Your AI is useless, as an aide it fails
Is there an AI or a person there?
Can you help me with this?
How can I help my mother return her order?
Sure, I will hold
Ok, here is my order number: 44812
Sure, here's my email address
Here are the emails I got from your company
Here are two photos of the broken vase
Here is a photo of the message: it says delivered
Here is my complaint: nothing works
Sure! I'll wait until Monday.
Of course I can pay by card, but I don't want to
Certainly not what I ordered.
As a customer of ten years I expect better
As an aid for my father it does not work
Let me know if you need the receipt
Let me know if you would like photos
I'd be happy to send a photo
I hope this helps you find my parcel
Message from the courier: nobody at home
My example was 3: no answer yet
I must refuse the parcel, it is wet
I have to refuse to pay for that
Note: the bell does not work
Where do I insert the card here?
Do I insert my new card here or at home?
thanks xxx
lots of love, Gran xxxx
my card ending XXXX 1234 was charged
5 < 6 and 7 > 3
<3 <3 <3 love this shop
<rant> never again </rant>
the sign said "open" [sic]
[1] was broken, [2] was missing
he just [...] left
It says <b>error</b> on the page
mail <jo@shop.com> never answers
{ok} fine :}
size XXL, or XXXL if you have it
a set of (name badge) holders
What does TBD mean on my order?
delivery date still N/A in the app
These emails are driving me mad
These messages are not mine
These are messages that I never sent
You asked me to create an account
You asked me for a review, here it is
You want me to send examples of the damage, no
Would you like me to create a new order?
Feel free to use these photos
Here you go: 44812
Could you give me more information so I know what to do?
I need more details to help my mother
I'd rather not write my address here
I would prefer not to create an account
Let me create an account first
As requested I sent the receipt
I have written five messages to you already
Here are the facts: it is broken
I can definitely help with photos
I'm comfortable writing to your boss
The following are my order numbers: 1, 2
It seems like you're asking for a second deposit
order 12 for John Doe
100% SURE 50% OFF
The _very_ same problem __again__""".splitlines()

BAD = ["", " ", "\x00", json.loads('"\\ud800"'), "שלום, איפה החבילה?", "😀" * 9]


@pytest.mark.parametrize("text", REFUSALS)
def test_an_assistant_speaks(text: str) -> None:
    assert refusal_in(text)
    assert refusal_in(text.replace("'", "\u2019"))


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_something_is_to_be_filled_in(text: str) -> None:
    assert placeholder_in(text)


@pytest.mark.parametrize("text", [*ORDINARY, *BAD])
def test_what_customers_write_is_neither(text: str) -> None:
    assert not refusal_in(text)
    assert not placeholder_in(text)


@pytest.mark.parametrize("name", ["seeds", "gold", "inputs"])
def test_messages_written_by_people_are_neither(name: str) -> None:
    path = Path(__file__).parents[2] / "prompts" / "classify" / f"{name}.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    texts = [row["input"] for row in rows if "input" in row]
    assert len(texts) >= 90
    assert [text for text in texts if refusal_in(text) or placeholder_in(text)] == []


def test_what_masking_puts_there_is_no_placeholder() -> None:
    assert not placeholder_in("my key is [SECRET]")


def test_case_white_space_and_apostrophes_do_not_matter() -> None:
    assert refusal_in("  I'M   SORRY,\nBUT I CAN'T ASSIST WITH THAT")


@pytest.mark.parametrize("unit", ["[", "{{", "here is a ", "_"])
def test_a_text_of_a_megabyte(unit: str) -> None:
    """Each pattern takes linear time: a quadratic one would not come to an end."""
    text = unit * (1_000_000 // len(unit))
    assert not refusal_in(text)
    assert placeholder_in(text + " [NAME]")
