"""Command lines that the page and the help show can be typed; those of clouds are well formed."""

import json
import re
import shlex
import subprocess

import pytest
from helpers import ROOT

from flows import __main__ as main

PAGE = (ROOT / "docs" / "orchestration.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
FLOWS = ".venv-flows/bin/python -m flows "


def shown():
    commands = [line for _, block in BLOCKS for line in block.splitlines()]
    return [command.removeprefix(FLOWS) for command in commands if command.startswith(FLOWS)]


def examples():
    return re.findall(r"^    python -m flows *(.*)$", main.__doc__, re.MULTILINE)


@pytest.mark.parametrize("flags", [*shown(), *examples()])
def test_a_command_line_that_is_shown_is_valid(flags):
    main.build_parser().parse_args(shlex.split(flags))


def test_there_are_some():
    assert len(shown()) == 3
    assert len(examples()) == 4


def test_a_single_flag_of_a_script_can_be_given():
    assert main.build_parser().parse_args(["--train=--dry-run"]).train == ["--dry-run"]


def test_a_quote_that_stays_open_is_told(capsys):
    with pytest.raises(SystemExit) as raised:
        main.main(["--predict", "new 'files"])
    assert raised.value.code == 2
    assert 'No closing quotation in "new \'files"' in capsys.readouterr().err


def test_without_prefect_it_is_said_where_it_is(capsys):
    assert main.main([]) == 1
    assert "make flow" in capsys.readouterr().err


@pytest.mark.parametrize("block", [block for language, block in BLOCKS if language == "sh"])
def test_what_is_not_run_here_is_at_least_shell_with_json(block):
    done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    documents = re.findall(r"'([\[{].*?[\]}])'", block, re.DOTALL)
    documents += re.findall(r"\.json << 'END'\n(.*?)\nEND", block, re.DOTALL)
    for document in documents:
        json.loads(document)
    assert bool(documents) == ("aws" in block or "workflow.json" in block)
