"""The one place that knows which extra this package needs."""

try:
    import jinja2 as jinja2
    import matplotlib as matplotlib
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f'reports and figures need {error.name}: pip install "lopsided[report]"', name=error.name
    ) from error
