"""A captured terminal as text and as pictures.  terminal-picture.py CAPTURE COLUMNS TO

Writes TO.txt, TO-dark.svg and TO-light.svg.  CAPTURE is what "tmux capture-pane -pe" prints.
"""

import re
import sys
import unicodedata
from xml.sax.saxutils import escape

# The colours of GNOME's terminal, which many others have too.
PALETTE = ["#2e3436", "#cc0000", "#4e9a06", "#c4a000", "#3465a4", "#75507b", "#06989a", "#d3d7cf"]
BRIGHT = ["#555753", "#ef2929", "#8ae234", "#fce94f", "#729fcf", "#ad7fa8", "#34e2e2", "#eeeeec"]
THEMES = {"dark": ("#d3d7cf", "#171421"), "light": ("#171421", "#ffffff")}
WIDTH, HEIGHT = 8.43, 18


def mixed(colour, ground):
    return "#" + "".join(
        f"{(int(colour[i:i+2], 16) * 2 + int(ground[i:i+2], 16)) // 3:02x}" for i in (1, 3, 5)
    )


def cells(line):
    """(character, style) for each; a style is (colour or None, bold, dim, inverse, underlined)."""
    style = [None, False, False, False, False]
    for sequence, character in re.findall("\x1b\\[([0-9;]*)m|([^\x1b])", line):
        if character:
            yield character, tuple(style)
            continue
        for code in map(int, (sequence or "0").split(";")):
            if code == 0:
                style = [None, False, False, False, False]
            elif code in (1, 2, 7, 4):
                style[{1: 1, 2: 2, 7: 3, 4: 4}[code]] = True
            elif code in (22, 27, 24):
                for at in {22: (1, 2), 27: (3,), 24: (4,)}[code]:
                    style[at] = False
            elif 30 <= code <= 37:
                style[0] = PALETTE[code - 30]
            elif 90 <= code <= 97:
                style[0] = BRIGHT[code - 90]
            elif code == 39:
                style[0] = None


def columns_of(character):
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def picture(lines, columns, theme):
    plain, ground = THEMES[theme]
    width, height = columns * WIDTH + 16, len(lines) * HEIGHT + 16
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}">',
        f'<rect width="100%" height="100%" fill="{ground}"/>',
        '<g font-family="monospace" font-size="14" xml:space="preserve">',
    ]
    for row, line in enumerate(lines):
        at, runs = 0, []
        for character, style in cells(line):
            size = columns_of(character)
            if runs and runs[-1][2] == style and size == 1 and runs[-1][3] == 1:
                runs[-1][1] += character
            else:
                runs.append([at, character, style, size])
            at += size
        for begin, text, (colour, bold, dim, inverse, underlined), size in runs:
            front, back = colour or plain, None
            if inverse:
                front, back = ground, front
            if dim:
                front = mixed(front, ground)
            x, y = 8 + begin * WIDTH, 8 + row * HEIGHT
            length = len(text) * size * WIDTH
            if back:
                out.append(f'<rect x="{x:.1f}" y="{y}" width="{length:.1f}" height="{HEIGHT}" fill="{back}"/>')
            if not text.strip():
                continue
            extra = (' font-weight="bold"' if bold else "") + (' text-decoration="underline"' if underlined else "")
            out.append(
                f'<text x="{x:.1f}" y="{y + 14}" fill="{front}" textLength="{length:.1f}"{extra}>{escape(text)}</text>'
            )
    return "\n".join(out + ["</g></svg>", ""])


def main():
    capture, columns, to = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    lines = open(capture, encoding="utf-8").read().rstrip("\n").split("\n")
    while lines and not re.sub("\x1b\\[[0-9;]*m", "", lines[-1]).strip():
        lines.pop()
    texts = ["".join(character for character, _ in cells(line)).rstrip() for line in lines]
    with open(to + ".txt", "w", encoding="utf-8") as out:
        out.write("\n".join(texts) + "\n")
    for theme in THEMES:
        with open(f"{to}-{theme}.svg", "w", encoding="utf-8") as out:
            out.write(picture(lines, columns, theme))


main()
