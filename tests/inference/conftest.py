"""The same small runs as in the tests of training."""

from tests.training.conftest import config as config
from tests.training.conftest import make_manifest as make_manifest
from tests.training.conftest import table as table
