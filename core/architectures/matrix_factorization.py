from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.architectures.architecture import Architecture
from core.layers.dense import Dense, Units
from core.layers.dot import Dot
from core.layers.embedding import Embedding
from core.layers.layer import Example, Ref, Wiring
from core.layers.merge import Add


class MatrixFactorization(Architecture):
    """A rating as the product of a user's and an item's vector, plus what each adds on its own.

    Formula: y = u_user . v_item + b_user + c_item + a

    Convention: `a` and a scale of the product are one dense layer of one input.

    Reference: Koren, Bell and Volinsky 2009, "Matrix factorization techniques for recommender
    systems"
    """

    kind: Literal["matrix_factorization"] = "matrix_factorization"
    width: Annotated[Units, Field(description="numbers for each user and each item")] = 16

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [Example(((), ()), {"width": 4}, coded=True)]

    def wire(self, graph: Wiring, inputs: Mapping[str, Ref], outputs: int) -> Ref:
        if len(inputs) != 2 or not all(graph.coded(ref) for ref in inputs.values()):
            raise ValueError(
                "matrix_factorization reads interactions: ids of users and of items, and the data "
                f"has {', '.join(inputs)}"
            )
        vectors, own = [], []
        for name, ref in inputs.items():
            vectors.append(graph(Embedding(units=self.width), ref, name=f"of_{name}"))
            own.append(graph(Embedding(units=1), ref, name=f"bias_of_{name}"))
        rating = graph(Add(), graph(Dot(), *vectors), *own)
        return graph(Dense(units=outputs), rating)
