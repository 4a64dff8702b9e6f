"""Let torchvision be imported beside a torch without CUDA, in the virtual environment that runs this script.

The torchvision of the package index is built for CUDA. Beside a CPU-only torch its operators don't load, and its import
fails because the schemas of two of them are missing; timm, torchmetrics and Lightning, which import it when it is
there, then fail too. This writes a `.pth` file, which Python reads at every start, and a module, which defines the two
schemas when torchvision is first asked for. Nothing in the package itself knows about it.

    .venv/bin/python tools/allow_cpu_torchvision.py
"""

import sysconfig
from pathlib import Path

MODULE = '''"""Defines the operator schemas that torchvision wants, where its own library does not load."""

import sys
from importlib.abc import MetaPathFinder


class _BeforeTorchvision(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            import torch

            if torch.version.cuda is None:
                global library  # kept alive: the schemas live as long as it does
                library = torch.library.Library("torchvision", "DEF")
                for operator in ("nms", "qnms"):
                    library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return None


sys.meta_path.insert(0, _BeforeTorchvision())
'''


def main() -> None:
    """Write both files into the site-packages of the Python that runs this."""
    packages = Path(sysconfig.get_path("purelib"))
    (packages / "lopsided_cpu_torchvision.py").write_text(MODULE, encoding="utf-8")
    (packages / "lopsided_cpu_torchvision.pth").write_text("import lopsided_cpu_torchvision\n", encoding="utf-8")
    print(f"torchvision can be imported without CUDA in {packages}")


if __name__ == "__main__":
    main()
