"""Who computes the cells of a sweep: processes of this machine, or the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pkgutil import resolve_name
from typing import Any

from validation.experiments.sweeps import provenance
from validation.experiments.sweeps.provenance import package_digest

__all__ = ["pool", "require_this_code"]


@contextmanager
def pool(cluster: str | None, jobs: int) -> Iterator[Any]:
    """Open a joblib pool that hands over each result as it finishes.

    Parameters
    ----------
    cluster : str, optional
        Address of a Dask scheduler; its workers then do the work in place of ``jobs`` processes.
    jobs : int
        Processes on this machine.

    Raises
    ------
    ValueError
        If Dask is not installed, or the cluster cannot be reached or does not have this code of the package.

    Examples
    --------
    >>> from joblib import delayed
    >>> with pool(None, jobs=1) as parallel:
    ...     list(parallel(delayed(abs)(x) for x in (-1, -2)))
    [1, 2]
    """
    import joblib

    options = {"return_as": "generator_unordered", "batch_size": 1}
    if cluster is None:
        yield joblib.Parallel(n_jobs=jobs, **options)
        return
    try:
        from distributed import Client
    except ImportError:
        raise ValueError("cluster: expected Dask to be installed (pip install fa-ref[dask])") from None
    try:
        client = Client(cluster, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"cluster: expected the address of a Dask scheduler, got {cluster!r} ({reason})") from None
    with client, joblib.parallel_config(backend="dask", client=client):
        require_this_code(client)
        yield joblib.Parallel(n_jobs=-1, **options)


def require_this_code(client: Any) -> None:
    """Refuse a cluster without the package: its scheduler would only log that it cannot read a task, and we wait.

    Raises
    ------
    ValueError
        If the scheduler lacks it, or a worker lacks it or has other code.
    """
    try:
        client.run_on_scheduler(resolve_name, "fa_ref:__version__")
        found = set(client.run(provenance.package_digest).values())
    except ImportError as error:
        raise ValueError(f"cluster: expected fa-ref on its scheduler and workers, got {error}") from None
    here = package_digest()
    if found != {here}:
        there = ", ".join(sorted(found))
        raise ValueError(f"cluster: expected this code of fa-ref ({here}) everywhere, got {there}")
