"""Detection of refusals and placeholders in generated customer messages.

English is here, and `refusals_abroad` has twelve other languages. Customers say "sorry" and "I
can't", too. Each pattern therefore contains an act of an assistant ("assist with that", "generate
such content"), or only matches where a customer would not say it.
"""

import re

from distill.core.text import fold
from distill.text.refusals_abroad import BLANK, REFUSAL

MOST_READ = 10_000  # max characters to search for refusals in other languages than English
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\uff07": "'", "`": "'"})
_CANNOT = (
    r"(?:can't|cannot|can not|cant|won't|will not|could not|couldn't|(?:do not|don't) think i can"
    r"|(?:am|'m) (?:not able|unable) to"
    r"|(?:am|'m) not (?:allowed|permitted|comfortable|programmed|designed) (?:to |with )?)"
)
_MADE = (
    r"(?:examples|messages|inputs|samples|variations|responses|texts|sentences|paraphrases|ways"
    r"|queries|requests|questions|utterances|complaints|reviews|tickets|emails|inquiries|enquiries)"
)
_COUNTED = (
    r"(?:examples|inputs|samples|variations|paraphrases|utterances|customer (?:messages|inquiries"
    r"|queries|questions|requests|reviews|complaints|emails))"
)
_SINGULAR = r"(?:example|message|input|sample|variation|response|text|sentence|paraphrase|email)"

_REFUSALS = (
    # Introductions.
    r"\bas an? (?:(?:\w+ )?ai|artificial intelligence|large language|language model)\b",
    r"\bas an? (?:helpful |responsible |virtual )+assistant\b",
    r"\bi(?:'m| am) (?:just |only |simply )?an? (?:ai\b|artificial intelligence"
    r"|(?:large )?language model|virtual assistant|(?:ai|chat) ?bot\b|ai assistant)",
    r"\bi(?:'m| am) (?:claude|chatgpt|gemini|llama|qwen)\b",
    r"\b(?:language model|assistant|ai) (?:made|trained|developed|created|built) by\b",
    r"\bi (?:do not|don't) have the ability to (?:browse|generate|access (?:real|external|live))",
    r"\bmy (?:training data|knowledge cut-?off|programming (?:prevents|does not|doesn't))\b",
    r"\bi (?:do not|don't) have (?:personal (?:opinions|experiences|feelings|beliefs)"
    r"|(?:real-time|live) (?:access|information|data)|access to real-time)",
    # Refusals.
    rf"\bi ?{_CANNOT} (?:be able to )?(?:assist|help)(?: you)? (?:with|in) (?:that|this|your|such"
    r"|any|creating|generating|writing|producing|requests?|those|these|the request|anything)",
    rf"\bi ?{_CANNOT} (?:generate|create|produce|write) (?:\w+ ){{0,3}}{_COUNTED}\b",
    rf"\bi ?{_CANNOT} (?:write|speak|talk) about (?:this|that|the|such) (?:topic|subject)",
    r"\bi(?:'d| would) (?:rather|prefer) not (?:to )?(?:write|generate|create|produce)"
    r" (?:this|that|such|these|any)\b",
    r"\b(?:this|that|it)(?:'s| is) not something i can (?:help|assist)\b",
    rf"\bi ?{_CANNOT} (?:fulfil+|comply|accommodate|in good conscience|engage (?:in|with)"
    r"|participate in (?:that|this|such))\b",
    rf"\bi ?{_CANNOT} ?(?:generate|generating|create|creating|provide|providing|produce|producing"
    r"|write|writing|share|complete|process|continue with|answer|discuss|respond to|support)"
    r" (?:(?:that|this|such|the|any|these|those) )?(?:an? )?(?:kinds?|types?|sorts?|content"
    r"|requests?|examples|samples|inputs|messages (?:like|of|that|for)|harmful|inappropriate"
    r"|explicit|offensive|illegal|hateful|fake|fictional|assistance|text that|synthetic"
    r"|realistic customer|requested|sensitive|(?:medical|legal|financial) advice"
    r"|personal(?:ly identifiable)? (?:data|information) about|instructions (?:on|for)|prompt)\b",
    r"\bi ?(?:am not|'m not|do not feel|don't feel|would not be|wouldn't be) comfortable (?:with )?"
    r"(?:generat|creat|writ|produc|provid|assist|engag)ing\b",
    r"\bi (?:must|have to|need to|will have to) (?:respectfully )?(?:decline|refuse) (?:this\b"
    r"|your request|the request|to (?:do so|assist|help|answer|create|generate|provide|write))",
    r"\b(?:against|violates?|violating|breach(?:es)?) (?:my|openai's|anthropic's"
    r"|(?:our |the |my )?(?:content|usage|safety|ethical)) (?:guidelines|polic(?:y|ies)"
    r"|programming)\b",
    r"^(?:i(?:'m| am) |we(?:'re| are) )?(?:very |really |so |truly )?(?:sorry|afraid|unfortunately"
    rf"|i apologi[sz]e)\W{{1,3}}(?:but |however,? |that )?i ?{_CANNOT}"
    r"(?:\W*$| (?:assist|comply)\b| help(?: you)?(?:[.!,]|$| with (?:that|this|your))"
    r"| do (?:that|this)\W*$| provide (?:that|this)\W*$)",
    # Offers of help.
    r"\bhow (?:can|may) i (?:help|assist) you\b",
    r"\bis there anything else i can (?:help|assist)",
    r"\bi(?:'d| would) be (?:happy|glad|delighted) to (?:help|assist)\b",
    r"\blet me know if you(?:'d| would) like (?:me to|(?:any )?(?:more|other|different|further)"
    rf" {_MADE}|any (?:changes|adjustments|modifications))",
    rf"\bi hope these (?:{_MADE} )?(?:help|are (?:helpful|useful))\b",
    rf"\blet me know if you need (?:more|other|different|further) {_COUNTED}\b",
    r"\bi(?:'m| am) here to (?:help|assist)\b",
    r"\bwould you like me to (?:(?:generate|create|write) (?:more|another|additional|different"
    r"|some more|a few more)|rephrase|revise)\b",
    r"\bfeel free to (?:adjust|modify|customi[sz]e|tweak) (?:these|them|as)\b",
    r"\byou(?:'re asking|'ve asked| are asking| have asked| asked) (?:me )?"
    rf"(?:to (?:generate|create|write|produce)|for) (?:\w+ ){{0,3}}{_COUNTED}\b",
    r"\bi can (?:certainly|definitely|absolutely|gladly|happily) (?:help|assist)(?: you)? with"
    r" (?:that|your)\b",
    rf"\b(?:these|the above) (?:{_MADE}|{_COUNTED}) (?:vary|cover|reflect|(?:are|were) (?:all )?"
    r"(?:fictional|fictitious|designed|intended|meant|realistic|written|made up|generated))\b",
    r"\b(?:more|additional|further) (?:information|context|details) (?:to|so (?:that )?i can)"
    r" (?:generate|assist|help you)\b|\bprovide (?:\w+ )?(?:more|additional|further)"
    r" (?:information|context|details) so (?:that )?i can\b",
    # Announcements.
    rf"^let me (?:generate|create|write|come up with) (?:\w+ ){{0,3}}{_COUNTED}\b",
    rf"^i(?:'ve| have) (?:generated|created|written) (?:\w+ ){{0,3}}{_COUNTED}\b",
    r"^as (?:requested|you (?:requested|asked)),? here(?:'s| is| are)\b",
    r"^here (?:is|are) (?:one|a few|some|several|\d+)(?: more| of them)?\s*:",
    r"^(?:(?:sure|certainly|of course)\W+)?(?:output|generated (?:message|input|text|example))\s*:",
    rf"^(?:\w+\W+)?here(?:'s| is) (?:a|the|your) list of (?:\w+ ){{0,3}}(?:messages|{_COUNTED})\b",
    r"^(?:sure|certainly|of course)\W+(?:customer )?(?:message|input)\s*:",
    r"^(?:(?:sure|certainly|of course)\W+)?here you go\W*$",
    rf"^(?:the following|these) are (?:\w+ ){{0,4}}{_COUNTED}\b(?! (?:i|we|from|that)\b)",
    r"^\d{1,3}[.)] ?[\"“]",
    r"^(?:(?:sure|certainly|absolutely|of course|okay|ok|great|got it|understood|no problem"
    r"|alright)\b[^a-z0-9]{0,6})?(?:thing\W{1,3})?(?:here(?:'s| is| are)|below (?:is|are))"
    r" (?:the |your |a |an |some |\d+ )?"
    rf"(?:(?!(?:of|the|from|my|that|i)\b)[\w-]+ ){{0,5}}(?:{_MADE}\b(?! (?:i|we|from|for you)\b)"
    rf"|{_SINGULAR}(?: (?:of|for|about|from|that|in|as) [^.:\n]{{1,80}})?\s*:)",
    r"^(?:sure|certainly|absolutely|of course)(?: thing)?\s?[!.:]+\s*(?:here(?:'s| is| are)"
    r"|below (?:is|are))(?! my\b)",
    r"^(?:sure|certainly|absolutely|of course|okay|ok|understood)\b\W{1,3}(?:i(?:'ll| will| can)"
    r"|let me) (?:create|generate|write|produce|come up with)\b",
    r"^(?:(?:example|message|input|sample|variation) ?#?\d{1,3}"
    r"|customer (?:message|query|request|input)(?: ?#?\d{1,3})?) ?[:.)]",
    r"^(?:note|disclaimer): (?:these|this|the) (?:are|is|examples?|messages?|inputs?)\b",
)
_REFUSAL = re.compile("|".join(f"(?:{one})" for one in _REFUSALS))

# Words in a placeholder. Without such a word, "[sic]" and "<rant>" would also match.
_BLANK = re.compile(
    r"(?<![^\W_])(?:account|address|agent|amount|area|bank|booking|brand|card|category|city|code"
    r"|colou?r|company|contact|country|currency|customer|date|day|department|description|device"
    r"|e-?mail|employee|enter|error|event|example|feature|first|flight|hotel|id|insert|invoice"
    r"|issue|item|label|last|link|location|manager|merchant|message|method|model|month|name"
    r"|(?:first|last|user)name|number|option|order|organi[sz]ation|phone|place|placeholder"
    r"|platform|policy|price|problem|product|province|quantity|reason|reference|region|restaurant"
    r"|seller|service|shop|signature|size|software|specific|state|store|street|supplier|surname"
    r"|tbd|dd|yyyy|team|text|ticket|time|title|todo|topic|town|tracking|transaction|type|url|user|vendor"
    r"|version|website|week|year|your|zip)s?\d*(?![^\W_])",
    re.IGNORECASE,
)
_BRACKETED = re.compile(
    r"\[([^\[\]<>{}\n]{1,40})\]|<([^\[\]<>{}\n:@/]{1,40})>|\{([^\[\]<>{}\n]{1,40})\}"
    r"|[【［〔]([^【】［］〔〕\n]{1,40})[】］〕]"  # noqa: RUF001 brackets of Chinese and Japanese
)
_FORM = re.compile(
    r"\{\{[^{}]{0,60}+\}\}|\{%[^{}%]{0,60}+%\}|\$\{[^{}\n]{1,40}\}|%\(\w{1,40}\)s"
    r"|\bX{2,}(?:[-/.]X{2,})+\b|\bX{4,}\b(?![ -]?\d)|[$£€]X{1,6}\b"
    r"|\b(?:MM|DD)/(?:DD|MM)/YY(?:YY)?\b|(?<!_)_{3,}(?!_)|#{3,}|(?i:\blorem ipsum\b)"
    r"|\bINSERT [\w' ]{1,40} HERE\b|(?i:\(insert [\w' ]{1,30}\))"
    r"|\b[Xx]{3,}-[Xx]{3,}\b|(?<!\w)%[A-Z][A-Z_]{2,30}%"
    r"|(?i:\((?:your|customer|company|product) (?:full |first |last |order )?(?:name|number|id"
    r"|e?mail|address)\))|(?i:\byour[._-]?(?:e?mail|name|company)@|@your[._-]?(?:domain|company|email)\b)"
)
_INSERT = re.compile(r"(?:^|[^\w\s]\s*)insert ((?:\w+ ){1,4})here\b", re.IGNORECASE)
_UNDECIDED = re.compile(r"\W*(?:TBD|TBA|TODO|FIXME|N/A|placeholder)\W*", re.IGNORECASE)


def refusal_in(text: str) -> bool:
    """True if an assistant speaks in a text: a refusal, an introduction or an announcement."""
    spoken = fold(text.translate(_QUOTES)).lstrip(' "*#-')
    return bool(_REFUSAL.search(spoken) or REFUSAL.search(spoken[:MOST_READ]))


def placeholder_in(text: str) -> bool:
    """True if a text has a placeholder; "[SECRET]", which masking writes, does not count."""
    if _FORM.search(text) or _UNDECIDED.fullmatch(text):
        return True
    inner = [match[match.lastindex or 0] for match in _BRACKETED.finditer(text)]
    inner += [match[1] for match in _INSERT.finditer(text)]
    return any(_BLANK.search(one) or BLANK.search(fold(one)) for one in inner)
