"""What no field can know alone: whether model, loss, data and limits fit together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.datasets import DatasetFacts
from core.datasets.divisible import faults_of
from core.layers import Layer
from core.metrics import Metric
from core.network import LayerFault, Network, build, noise_of
from core.regularizers import Regularizer
from core.regularizers.hooks import HOOKS, ON_WEIGHTS
from core.regularizers.regularizer import Ground, Noise, Penalty, Procedure, Target
from core.spec.arms import Found
from core.spec.experiment import Experiment
from core.spec.faults import unknown
from core.spec.job import JobSpec
from core.spec.limits import Limits
from core.spec.pointer import Path
from core.spec.protocol import protocol_of
from core.spec.vary import dimensions_of, with_values
from core.term import LinearRange, LogRange, Task, Values

IMBALANCED = 0.8  # of the examples in one class: accuracy then tells little about the others
VALIDATION = "val_"  # only validation data may choose: the test part is looked at once, at the end


def metric_names(facts: DatasetFacts) -> tuple[str, ...]:
    """Metrics of one part that this dataset's task has, `loss` first."""
    members = [member for member in Metric.members().values() if facts.task in member.tasks]
    return ("loss", *(member.wire_kind() for member in members))


def default_metric(task: Task, class_counts: Sequence[int] = ()) -> str:
    """A measure that is the same whatever the loss: losses differ in their own units.

    Where one class has most of the examples, accuracy is high for whoever always answers it.
    """
    if task != "classification":
        return "val_mse"
    if not is_imbalanced(class_counts):
        return "val_accuracy"
    ranked = len(class_counts) == 2 and "roc_auc" in Metric.members()
    return "val_roc_auc" if ranked else "val_balanced_accuracy"


def is_imbalanced(class_counts: Sequence[int]) -> bool:
    """Whether one class has so many of the examples that accuracy says little."""
    return max(class_counts, default=0) > IMBALANCED * sum(class_counts)


def measure_fault(metric: str, experiments: Sequence[Experiment], task: Task) -> str | None:
    """Why this metric cannot choose between these arms, else None."""
    if fault := _unscored(metric, experiments, task):
        return fault
    if not (metric.endswith("_loss") and _measures_differ(experiments)):
        return None
    return (
        f"{metric} is not the same measure for all arms and settings, since their losses "
        f"differ; choose by one that is, such as {default_metric(task)}"
    )


def _unscored(metric: str, experiments: Sequence[Experiment], task: Task) -> str | None:
    """Why one of these experiments never has this metric, else None."""
    member = Metric.members().get(metric.removeprefix(VALIDATION))
    if member is None or not member.of_probabilities:
        return None
    silent = (e.loss.kind for e in experiments if not e.loss.gives_probabilities)
    return next(
        (
            f"{metric} is of probabilities, and the loss {kind} gives none; "
            f"use a metric that needs none, such as {default_metric(task)}"
            for kind in silent
        ),
        None,
    )


def _measures_differ(experiments: Sequence[Experiment]) -> bool:
    """Whether `loss` means something else for some of these arms, or settings of one."""
    losses = {_measure(experiment) for experiment in experiments}
    varied = any(isinstance(v, Values | LinearRange | LogRange) for m in losses for _, v in m)
    return varied or len(losses) > 1


def _measure(experiment: Experiment) -> tuple[tuple[str, object], ...]:
    """What the loss's value depends on, besides the predictions."""
    targets = [r for r in experiment.regularizers if isinstance(r, Target)]
    return tuple(
        (f"{term.kind}/{name}", getattr(term, name))
        for term in (experiment.loss, *targets)
        for name in type(term).model_fields
    )


def check_experiment(
    experiment: Experiment, facts: DatasetFacts, limits: Limits
) -> Iterator[Found]:
    """Everything wrong with one arm that its fields could not tell."""
    if reason := experiment.loss.fits(facts.task, len(facts.classes)):
        yield ("loss",), reason
    else:
        yield from _check_network(experiment, facts, limits)
    if experiment.epochs > limits.epochs_max:
        yield ("epochs",), f"{experiment.epochs} epochs; at most {limits.epochs_max} are allowed"
    yield from _check_regularizers(experiment, facts)


def check_job(spec: JobSpec, facts: DatasetFacts, limits: Limits) -> Iterator[Found]:
    """Everything wrong with what the arms share."""
    if spec.name is not None and len(spec.name) > limits.name_max:
        yield ("name",), f"a name of {len(spec.name)} characters; at most {limits.name_max}"
    if spec.select.metric is not None:
        yield from _check_metric(("select", "metric"), spec.select.metric, facts)
    yield from faults_of(facts, protocol_of(spec))


def _check_network(experiment: Experiment, facts: DatasetFacts, limits: Limits) -> Iterator[Found]:
    dimensions = dimensions_of(experiment)
    largest = with_values(experiment, {d.pointer: max(d.range.grid()) for d in dimensions})
    outputs = experiment.loss.outputs(len(facts.classes), facts.outputs)
    noise = noise_of(experiment.regularizers)
    try:
        network = build(largest.architecture, facts.inputs, outputs, noise=noise)
    except ValueError as error:
        path = error.path if isinstance(error, LayerFault) else ()
        yield ("architecture", *path), f"{error}"
        return
    yield from _check_layers(network, limits)
    if network.parameters == 0:
        yield ("architecture",), "a network without weights learns nothing; add a dense layer"
    if not any(node.noise for node in network.nodes):
        for i, regularizer in enumerate(experiment.regularizers):
            if isinstance(regularizer, Noise):
                words = "acts after hidden activations, and this network has none; leave it out"
                yield ("regularizers", i), f"{regularizer.kind} {words}"
    if network.parameters > limits.parameters_max:
        yield (
            ("architecture",),
            (
                f"a network of {network.parameters:,} parameters; "
                f"at most {limits.parameters_max:,} are allowed, so make it narrower"
            ),
        )


def _check_layers(network: Network, limits: Limits) -> Iterator[Found]:
    count = sum(not node.noise for node in network.nodes)
    if count > limits.layers_max:
        yield (
            ("architecture",),
            f"{count} layers; at most {limits.layers_max} are allowed",
        )
    for node in network.nodes[:-1]:
        if node.layer.last_only:
            field, sentence = node.layer.last_only
            yield ("architecture", *node.path, field), sentence


def _check_regularizers(experiment: Experiment, facts: DatasetFacts) -> Iterator[Found]:
    no_prox = experiment.optimizer.no_prox
    for path, regularizer in _placed(experiment):
        if no_prox and isinstance(regularizer, Penalty) and regularizer.proximal:
            way_out = 'or set this penalty\'s "method" to "subgradient"'
            yield path, f"{regularizer.kind} needs a proximal step: {no_prox}, {way_out}"
    seen: set[str] = set()
    for i, regularizer in enumerate(experiment.regularizers):
        path = ("regularizers", i)
        if not isinstance(regularizer, HOOKS):
            yield path, f"{regularizer.kind} acts in no part of training; leave it out"
            continue
        if regularizer.kind in seen and not isinstance(regularizer, ON_WEIGHTS):
            yield path, f"{regularizer.kind} is listed twice; keep one of them"
        elif fault := _clash(regularizer, experiment.regularizers[:i]):
            yield path, fault
        seen.add(regularizer.kind)
        if fault := regularizer.fits(_ground(experiment, facts)):
            yield path, fault
        if isinstance(regularizer, Target):
            yield from _check_target(path, regularizer, experiment)
        if isinstance(regularizer, Procedure):
            at = (*path, "metric") if "metric" in type(regularizer).model_fields else path
            yield from _check_metric(at, regularizer.watched, facts)
            if fault := _unscored(regularizer.watched, [experiment], facts.task):
                yield at, fault


def _clash(regularizer: Regularizer, before: Sequence[Regularizer]) -> str | None:
    """Why it cannot act on the same run as one listed before it, else None."""
    if regularizer.claim is None:
        return None
    return next(
        (
            f"{regularizer.kind} {regularizer.claim}, as {other.kind} does; "
            "keep one of them, or compare them as arms"
            for other in before
            if other.claim == regularizer.claim
        ),
        None,
    )


def _ground(experiment: Experiment, facts: DatasetFacts) -> Ground:
    """For a minibatch size that is a range its smallest value, with which least can be done."""
    size = experiment.batch_size
    smallest = min(size.grid()) if isinstance(size, Values | LinearRange | LogRange) else size
    return Ground(
        facts.shape if facts.only else None,
        tuple(field.name for field in facts.inputs if field.coded),
        facts.task,
        None if smallest == "full" else int(smallest),
    )


def _placed(experiment: Experiment) -> Iterator[tuple[Path, Regularizer]]:
    """Every regularizer of an experiment, those that layers carry included."""
    for i, regularizer in enumerate(experiment.regularizers):
        yield ("regularizers", i), regularizer
    yield from _of_layers(experiment.architecture.listed, ("architecture", "layers"))


def _of_layers(layers: tuple[Layer, ...], path: Path) -> Iterator[tuple[Path, Regularizer]]:
    for i, layer in enumerate(layers):
        for j, regularizer in enumerate(getattr(layer, "regularizers", ())):
            yield (*path, i, "regularizers", j), regularizer
        yield from _of_layers(layer.listed, (*path, i, "layers"))


def _check_target(path: Path, regularizer: Target, experiment: Experiment) -> Iterator[Found]:
    loss, kind = experiment.loss, regularizer.kind
    if loss.kind not in regularizer.loss_kinds:
        kinds = " or ".join(regularizer.loss_kinds)
        yield path, f"{kind} works with the loss {kinds}, and this one is {loss.kind}"
        return
    others = [r for r in experiment.regularizers if isinstance(r, Target)]
    before = others[: next(i for i, other in enumerate(others) if other is regularizer)]
    for name in regularizer.loss_knobs():
        knob, given = type(loss).knobs().get(name), getattr(loss, name, None)
        twice = [other.kind for other in before if name in other.loss_knobs()]
        if knob is None or knob.structural:
            yield path, f"the loss {loss.kind} has no {name} for {kind} to set; leave it out"
        elif given != type(loss).model_fields[name].default:
            words = "which the loss gives too; keep one of them"
            yield path, f"{kind} sets the loss's {name}, {words}"
        elif twice:
            yield path, f"{kind} sets the loss's {name}, as {twice[0]} does; keep one of them"


def _check_metric(path: Path, metric: str, facts: DatasetFacts) -> Iterator[Found]:
    names = metric_names(facts)
    known = [VALIDATION + name for name in names]
    part, _, name = metric.partition("_")
    if metric in known:
        return
    if part in ("train", "test") and name in names:
        yield (
            path,
            (
                f'"{metric}" cannot choose or stop a model, since only validation data may; '
                f'use "{VALIDATION}{name}"'
            ),
        )
    else:
        yield path, unknown(metric, known, f"a metric of {facts.task}", "the metrics are")
