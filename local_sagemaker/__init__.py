"""A local SageMaker: one process on loopback that speaks the AWS API and really executes every job."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local_sagemaker.application import LocalSageMaker, serve

__all__ = ["LocalSageMaker", "serve"]


def __getattr__(name: str) -> Any:
    # At first use: the package's small modules are imported where all of it would be too much.
    if name in __all__:
        from local_sagemaker import application

        return getattr(application, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
