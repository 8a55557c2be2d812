"""The special tokens of chat models in a text, which servers and trainers would obey."""

import re

# Special tokens of the usual families of models (ChatML, Llama, Gemma, Mistral, Phi, GPT).
SPECIAL_TOKEN = re.compile(
    r"<\|[a-z0-9_/]{2,30}\|>|</?s>|\[/?INST\]|<</?SYS>>"
    r"|</?(?:start|end)_of_(?:turn|utterance|text|image|message)>"
    r"|<(?:eos|bos|pad|unk|eot|eod|sep|cls|mask|endoftext|turn\||\|turn|channel\||\|channel)>"
    r"|\[(?:EOS|BOS|SEP|CLS|PAD|MASK|UNK|/?SYSTEM_PROMPT|/?AVAILABLE_TOOLS|TOOL_CALLS)\]"
    r"|<\uff5c[^\uff5c>]{2,30}\uff5c>"
    r"|^### ?(?:Instruction|Response|Input):",
    re.IGNORECASE | re.MULTILINE,
)


def inert(text: str) -> str:
    """Return a text whose special tokens have a space after the first character.

    So a tokenizer reads them as text: "<|im_end|>" becomes "< |im_end|>".
    """
    return SPECIAL_TOKEN.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)
