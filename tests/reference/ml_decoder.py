"""ML-Decoder one sample, one group, one attention head and one place at a time, in float64."""

import math

import numpy as np


def ml_decoder(state, feature_map, *, heads, num_labels):
    """Logits; ``state`` holds numpy arrays by the names of the module."""
    groups, width = state["queries"].shape
    size = width // heads
    w_query, w_key, w_value = np.split(state["attention.in_proj_weight"], 3)
    b_query, b_key, b_value = np.split(state["attention.in_proj_bias"], 3)
    logits = np.zeros((len(feature_map), num_labels))
    for sample, grid in enumerate(feature_map):
        places = []
        for row in range(grid.shape[1]):
            for column in range(grid.shape[2]):
                place = state["embed.0.weight"] @ grid[:, row, column] + state["embed.0.bias"]
                places.append(np.maximum(place, 0))
        label = 0
        for group in range(groups):
            query = normalised(state["queries"][group], state, "query_norm")
            asked, found = w_query @ query + b_query, []
            for head in range(heads):
                part = slice(head * size, (head + 1) * size)
                keys = [(w_key @ place + b_key)[part] for place in places]
                weights = np.exp([asked[part] @ key / math.sqrt(size) for key in keys])
                values = [(w_value @ place + b_value)[part] for place in places]
                found.extend(sum(w * v for w, v in zip(weights / weights.sum(), values, strict=True)))
            found = state["attention.out_proj.weight"] @ np.array(found) + state["attention.out_proj.bias"]
            answer = normalised(query + found, state, "attention_norm")
            hidden = np.maximum(state["feed_forward.0.weight"] @ answer + state["feed_forward.0.bias"], 0)
            hidden = state["feed_forward.3.weight"] @ hidden + state["feed_forward.3.bias"]
            answer = normalised(answer + hidden, state, "feed_forward_norm")
            for member in range(num_labels // groups + (group < num_labels % groups)):
                logits[sample, label] = answer @ state["labels.weight"][group, :, member] + state["labels.bias"][label]
                label += 1
    assert label == num_labels
    return logits


def normalised(values, state, name):
    scaled = (values - values.mean()) / np.sqrt(values.var() + 1e-5)
    return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]
