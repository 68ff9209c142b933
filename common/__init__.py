"""What train.py, predict.py and monitor.py share.

In the order in which a message meets them: `data` reads files, `models` turn text into
probabilities, `evaluation` measures, `registry` keeps versions in MLflow; on these stand the three
subjects `training`, `scoring` and `monitoring`, then `reports` for people and machines, and
`pipelines`, which has one run of each script as a function. The files beside these folders are the
ground that all of them stand on. `make lint` checks that imports point one way.
"""

from pathlib import Path

# The project's folder: cron's working directory does not matter.
ROOT = Path(__file__).resolve().parent.parent
