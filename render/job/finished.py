"""Whether a dataset is there already as a config asks for it, told without drawing anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from render.asset_checks import check_used
from render.build import build, settle_engine
from render.config.run_config import RunConfig
from render.dataset.description import Description, read_description
from render.dataset.folder import check_same, drawn_by
from render.dataset.layout import DESCRIPTION, RECORD_FILES
from render.dataset.manifest import Manifest
from render.errors import DatasetError
from render.job.run_job import identity_of
from render.job.top_up import entries_of

__all__ = ["finished"]


def finished(config: Mapping[str, Any], *, plugins: Sequence[str] = ()) -> Description | None:
    """What a complete dataset says of itself; None: there is none, or it is to get longer.

    Nothing is written. Its frames are believed to be there, as dataset.yaml is written last; models
    and pictures are compared with those that it was made of.

    Args:
        config: Resolved.
        plugins: Packages with classes of their own that the user has named, not a file.

    Raises:
        DatasetError: The folder holds a complete dataset of another config; what differs is named.

    """
    run = RunConfig.of(config)
    if run.overwrite or not (run.output_dir / DESCRIPTION).is_file():
        return None
    try:
        description = read_description(run.output_dir)
        identity = Manifest(run.output_dir).identity()
    except DatasetError:  # told, or made again, by the run
        return None
    if identity is None or description.n_frames != run.n_frames:
        return None
    shards = description.sharding.shards_of(range(run.n_frames))
    if len(RECORD_FILES["frames"].shards_in(run.output_dir)) < len(shards):
        return None  # records are gone: the run makes them again
    config = settle_engine(config, plugins, drew=drawn_by(run))
    config = {**config, "top_ups": entries_of(config, None)}
    plan = build(config, plugins=plugins, check_assets=False)
    check_used(plan.space, plan.assets)
    check_same(run.output_dir, identity, identity_of(plan))
    return description
