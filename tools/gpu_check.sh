#!/usr/bin/env bash
# What a GPU has to say about lopsided, in one command of at most eight minutes: tools/gpu_check.sh
#
# Five steps, each with its own time limit; a step that fails or runs out of time does not stop the next one, and what it
# found until then is kept. Results, one JSON object a line, and the steps' output go to $OUT, else to
# benchmarks/results/gpu. Nothing has to be installed but what the steps import: PyTorch, Triton, timm and torchvision,
# and for the last one what the extra `train` names. PYTHON names the interpreter (python3).
#
# Without a GPU the same steps run on the CPU, with small sizes and Triton's interpreter, so that they don't rot.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PYTHON=${PYTHON:-python3}
OUT=${OUT:-benchmarks/results/gpu}
mkdir -p "$OUT"
: >"$OUT/gpu_check.log"
export PYTHONPATH="$PWD/src:$PWD/benchmarks:$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
if ! "$PYTHON" -c "import torch, sys; sys.exit(not torch.cuda.is_available())"; then
    echo "no GPU: small sizes on the CPU, Triton's interpreter, and no figure counts"
    export TRITON_INTERPRET=1
fi

failed=0
step() { # name, seconds
    echo "== $1 (at most $2 s)"
    timeout --kill-after=5 "$2" "$PYTHON" -m "tools.gpu_check.$1" --out "$OUT" 2>&1 | tee -a "$OUT/gpu_check.log"
    local code=${PIPESTATUS[0]}
    [ "$code" = 0 ] || { echo "== $1 ended with code $code"; failed=1; }
}
step correctness 80
step speed 160
step many_labels 40
step adaptive 40
step trainer 155
exit "$failed"
