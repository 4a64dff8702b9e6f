"""One thread: suites of small tensors run many times faster without a thread pool."""

import torch

torch.set_num_threads(1)
