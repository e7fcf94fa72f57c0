"""What can be wrong with the data that a flow is given."""


class FlowError(ValueError):
    """The data does not allow what the flow asks for: where, what, and what would be right."""
