def average_precision(
    scores: int,
    score_bytes: int,
    targets: int,
    target_bytes: int,
    floating_targets: bool,
    known: int,
    samples: int,
    labels: int,
    values: int,
    threads: int,
    /,
) -> bool: ...
