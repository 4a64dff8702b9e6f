"""The former place of ``lopsided.inference.exports.hub_folder``: names that people import stay."""

from lopsided.inference.exports.hub_folder import Published as Published
from lopsided.inference.exports.hub_folder import push as push
from lopsided.inference.exports.hub_folder import write_hub_folder as write_hub_folder
