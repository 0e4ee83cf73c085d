"""Runs the commands of the README's picture on a terminal and draws what they show as an SVG. Or draws a screen that a test has
captured.

Called by scripts/picture in a repository and a home of their own. The terminal is pyte's, the drawing rich's. What
differs from run to run (ids, times, marks of stored data, the home) is replaced by fixed text, so that a new picture differs
from the one before only where the programs say something else.
"""

import io
import itertools
import os
import pty
import re
import subprocess
import sys

import pyte
from rich import _export_format
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

COLUMNS = 100
# More than the commands show: nothing scrolls away.
LINES = 400
CUT = "    […]"

# Black on white, with colours that can be read there.
THEME = TerminalTheme(
    (255, 255, 255),
    (36, 41, 46),
    [(36, 41, 46), (179, 29, 40), (34, 134, 58), (149, 88, 0), (0, 92, 197), (90, 50, 163), (0, 98, 114), (106, 115, 125)],
)

FIXED = [
    (re.compile(rb"\b(sess|ho)_[0-9A-HJKMNP-TV-Z]{26}"), rb"\g<1>_01KB0000000000000000000000"),
    (re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"), b"2026-11-02T17:30:00.000Z"),
    (re.compile(rb"(data )[0-9a-f]{16}"), rb"\g<1>5eed5eed5eed5eed"),
    (re.compile(re.escape(os.environ["HOME"].encode())), b"/home/ann"),
]


def main(kind, target, captured=None):
    if kind == "screen":
        with open(captured, encoding="utf-8") as text:
            lines = [Text.from_ansi(line) for line in text.read().splitlines()]
        save(lines, target, "launcher top", "top", max(line.cell_len for line in lines))
    else:
        lines = [*session("launcher demo --data ~/.local/share", handoff_and_next_day), Text(), *session("launcher log")]
        save(lines, target, "example-org/alpha-console", "session", COLUMNS)


def save(lines, target, title, unique_id, columns):
    """Draws the lines."""
    drawn = Console(width=columns, record=True, file=io.StringIO(), force_terminal=True)
    for line in lines:
        drawn.print(line, soft_wrap=True)
    # The fonts of the reader's machine: a picture in a README loads nothing.
    code_format = re.sub(r"@font-face \{\{.*?\}\}\s*", "", _export_format.CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    # Not every viewer keeps spaces otherwise.
    code_format = code_format.replace("<svg ", '<svg xml:space="preserve" ', 1)
    drawn.save_svg(target, title=title, theme=THEME, code_format=code_format, unique_id=unique_id)


def session(command, part=lambda lines: lines):
    """The prompt with the command, and the part of its output that is shown."""
    screen = pyte.Screen(COLUMNS, LINES)
    said = output(command)
    for pattern, replacement in FIXED:
        said = pattern.sub(replacement, said)
    pyte.ByteStream(screen).feed(said)
    return [Text.assemble(("$ ", "bold green"), (command, "bold")), *part(shown(screen))]


def output(command):
    """What the command writes to a terminal."""
    ours, its = pty.openpty()
    child = subprocess.Popen(["sh", "-c", f"stty rows {LINES} cols {COLUMNS}; {command}"], stdin=its, stdout=its, stderr=its)
    os.close(its)
    said = b""
    try:
        while piece := os.read(ours, 65536):
            said += piece
    except OSError:
        pass  # Linux reports the end of a terminal as an error.
    if child.wait() != 0:
        sys.exit(f"picture: `{command}` failed:\n{said.decode()}")
    return said


def shown(screen):
    """The lines of the screen, with their colours, up to the last one that is not empty."""
    lines = []
    for number in range(LINES):
        row = screen.buffer[number]
        plain = screen.display[number].rstrip()
        line = Text()
        for (bold, colour), cells in itertools.groupby(range(len(plain)), key=lambda column: look(row[column])):
            line.append("".join(plain[column] for column in cells), Style(bold=bold, color=colour))
        lines.append(line)
    while lines and not lines[-1].plain:
        lines.pop()
    return lines


def look(cell):
    """Whether a cell is bold, and its colour."""
    return cell.bold, None if cell.fg == "default" else cell.fg.replace("brown", "yellow")


def handoff_and_next_day(lines):
    """Of the demo: the end of the first agent's day and the context that the second one gets."""
    texts = [line.plain for line in lines]
    begin = next(number for number, text in enumerate(texts) if "hands off" in text)
    handoff = next(number for number, text in enumerate(texts) if number > begin and "## Last handoff" in text)
    end = next(number for number, text in enumerate(texts) if number > handoff and "--- end of data" in text)
    return [lines[0], Text(CUT), *lines[begin : end + 1], Text(CUT)]


main(*sys.argv[1:])
