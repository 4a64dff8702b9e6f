"""What each figure of a page shows, what to look for in it, and which equation it is."""

MAP = (
    "Mean over labels of the average precision on the validation split, after each epoch and with averaged weights. "
    "Higher is better; the epoch that is kept is chosen by it, so that the highest value of a line is optimistic. Look "
    "at where the lines end, and whether they still rise there. It depends on the order of the "
    "scores alone, so it compares losses that place their probabilities differently."
)
GAP = (
    "Mean probability of being right on positives minus that on negatives, Δp of eq. 7 and 8. Below zero the network "
    "serves negatives better than positives, as cross-entropy does under imbalance; near zero it treats them alike. "
    "Faint lines are single steps, strong ones their mean over a fortieth of the run."
)
GAP_TARGET = " The dotted line is the target of the adaptive rule."
ASYMMETRY = (
    "Eq. 9 at work: γ− ← γ− + λ (target − Δp). Above, the focusing power γ−; below, the gap Δp that it follows. See "
    "whether the gap settles on its dotted target and γ− comes to rest."
)
ASYMMETRY_PRINTED = (
    " With the sign as the paper prints it, γ− ← γ− + λ (Δp − target), each step leads further from the target; at "
    "the end {ends}."
)
CROSS_ENTROPY = (
    "Eq. 2 with γ = 0, summed over the labels of a sample, whichever loss was trained: the values of two losses cannot "
    "be compared, these can. Validation that rises while training falls means overfitting. The scale "
    "is logarithmic."
)
CROSS_ENTROPY_OF_OTHERS = (
    " Other losses than cross-entropy may end higher here, because they move probabilities away from the true ones; "
    "their order of scores may still be better."
)
RELIABILITY = (
    "All labels pooled, by the probability that was predicted: on the diagonal, three in ten of what got 0.3 are true. "
    "Strong lines are the probabilities of predict and export; faint ones are the sigmoid of the same outputs."
)
CLOSED = (
    " For {runs} the bias of the sigmoid is undone without data: the correction follows from the settings of the loss, "
    "and holds as far as the network is well fitted."
)
CEILING = " A line that ends early has met its ceiling, above which a margin hides the truth."
FITTED = " For {runs} the probabilities were fitted to {split} ({method})."
PLAIN = " For {runs} they are the sigmoid itself, uncorrected."
LOSS_CURVES = (
    "Eq. 1 to 5. A negative should be given a low probability: the flatter a curve starts on the left, the less the "
    "many easy negatives count. Where γ+ = 0 a positive costs the same as with cross-entropy, so those lines lie on "
    "each other."
)
GRADIENT_CURVES = (
    "Eq. 6, by the logit. The regimes are those of {loss}: below m a negative counts nothing (hard threshold), then "
    "little while it is easy (soft threshold); beyond the peak p*, found by search, the gradient falls again, so that "
    "a negative that looks very positive is taken for mislabelled."
)
LEFT_OUT = " {count} further settings of these runs are left out."
OTHER_LOSSES = " Losses outside the asymmetric family are not drawn."
