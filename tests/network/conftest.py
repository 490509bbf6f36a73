from tests.stacks import one_thread

__all__ = ["one_thread"]
