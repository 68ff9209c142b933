"""Excel files made by hand, so that tests need no library to write them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
# Styles: 0 as it comes, 1 a date with its time, 2 a date, 3 hours beyond 24.
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><numFmts count="3">'
    '<numFmt numFmtId="164" formatCode="yyyy-mm-dd hh:mm:ss"/>'
    '<numFmt numFmtId="165" formatCode="yyyy-mm-dd"/>'
    '<numFmt numFmtId="166" formatCode="[h]:mm:ss"/>'
    '</numFmts><cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="165"/>'
    '<xf numFmtId="166"/></cellXfs></styleSheet>'
)


def text(value: str) -> str:
    """A cell that holds text, as it stands in the file."""
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def number(value: float | str, style: int = 0) -> str:
    return f'<c s="{style}"><v>{value}</v></c>'


def boolean(value: bool) -> str:
    return f'<c t="b"><v>{int(value)}</v></c>'


def write(path: Path, sheets: Mapping[str, Sequence[Sequence[str]]], hidden: str = "") -> Path:
    """Write sheets, each rows of cells as `text` and the like make them; one may be hidden."""
    names = list(sheets)
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{at}" r:id="r{at}"'
        f"{' state=' + chr(34) + 'hidden' + chr(34) if name == hidden else ''}/>"
        for at, name in enumerate(names, 1)
    )
    related = "".join(
        f'<Relationship Id="r{at}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{at}.xml"/>'
        for at in range(1, len(names) + 1)
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{_PACKAGE}/content-types">'
            '<Default Extension="xml" ContentType="application/xml"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
            f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships">{related}<Relationship Id="s" '
            f'Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
        )
        archive.writestr("xl/styles.xml", _STYLES)
        for at, rows in enumerate(sheets.values(), 1):
            body = "".join(f"<row>{''.join(row)}</row>" for row in rows)
            archive.writestr(
                f"xl/worksheets/sheet{at}.xml",
                f'<worksheet xmlns="{_MAIN}"><sheetData>{body}</sheetData></worksheet>',
            )
    return path


def texts(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Rows of cells that all hold text."""
    return [[text(cell) for cell in row] for row in rows]
