"""A process that renders a chat template and prints its error: `… SECONDS ROLE… < template`.

A template can run any code of its author, which may never end or use up the memory.
"""

import resource
import sys

MAX_BYTES = 4_000_000_000


def main() -> None:
    """Render the template from standard input, and print the error if there is one."""
    from transformers.utils.chat_template_utils import render_jinja_template

    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_BYTES, MAX_BYTES))
    turns = [{"role": role, "content": "a text"} for role in sys.argv[2:]]
    try:
        render_jinja_template(
            conversations=[turns],
            chat_template=sys.stdin.buffer.read().decode(),
            add_generation_prompt=True,
            bos_token="",
            eos_token="",
        )
    except Exception as error:  # noqa: BLE001 - a template may raise any error
        sys.stdout.write(" ".join(str(error).split())[:300] or type(error).__name__)


if __name__ == "__main__":
    main()
