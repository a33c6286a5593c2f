"""The definition of ModelRollouts: what may be asked for, and what the controller says of it."""

from typing import Any, Final

from workloads.contract import ROLLOUT_API, ROLLOUT_KIND, ROLLOUTS

_TEXT: Final = {"type": "string", "maxLength": 1024}
_NUMBER: Final = {"type": "number"}
_COUNT: Final = {"type": "integer", "minimum": 0}
_NAME: Final = {"type": "string", "pattern": "^[a-z]([a-z0-9-]*[a-z0-9])?$", "maxLength": 40}
_FIXED: Final = (
    "modelName",
    "version",
    "digest",
    "reason",
    "requestedBy",
    "steps",
    "shadowRows",
    "minimumAgreement",
    "maxErrorRatio",
    "experiment",
)


def _column(name: str, path: str, kind: str = "string") -> dict[str, str]:
    return {"name": name, "jsonPath": path, "type": kind}


def _unchanged(name: str) -> str:
    now, before = f"self.{name}", f"oldSelf.{name}"
    return f"has({now}) == has({before}) && (!has({now}) || {now} == {before})"


def _steps() -> dict[str, Any]:
    step = {
        "type": "object",
        "required": ["weight"],
        "properties": {
            "weight": {
                "type": "integer",
                "minimum": 1,
                "maximum": 99,
                "description": "Percent of the requests that the version gets.",
            },
            "seconds": {
                "type": "integer",
                "minimum": 0,
                "maximum": 86400,
                "description": "Least time for which it has them.",
            },
        },
    }
    return {
        "type": "array",
        "maxItems": 20,
        "items": step,
        "description": "Shares before it gets every request; none: at once. Left out: those of the stack.",
        "x-kubernetes-validations": [
            {
                "rule": "self.all(i, self.filter(j, j.weight == i.weight).size() == 1)",
                "message": "two steps have the same weight: each is a larger share than the one before",
            },
            {
                "rule": "self.map(i, i.weight).isSorted()",
                "message": "the weights are out of order: each step is a larger share than the one before",
            },
        ],
    }


def _experiment() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["metric", "minimumEffect"],
        "properties": {
            "metric": {
                "type": "string",
                "enum": ["accuracy", "squaredError", "absoluteError"],
                "description": "What is compared, by labels that callers upload.",
            },
            "minimumEffect": {
                "type": "number",
                "minimum": 0,
                "exclusiveMinimum": True,
                "description": "Smallest difference of the means that matters.",
            },
            "share": {
                "type": "integer",
                "minimum": 1,
                "maximum": 99,
                "description": "Percent of the requests that the version gets meanwhile; 50 by default.",
            },
            "maxSeconds": {
                "type": "integer",
                "minimum": 60,
                "maximum": 7776000,
                "description": "Without a verdict by then it ends; six days by default.",
            },
            "onNoDifference": {
                "type": "string",
                "enum": ["keep", "promote"],
                "description": "Which version serves then: keep the one that does (default), or promote.",
            },
        },
        "description": "A comparison with the version that serves, by labels of live requests.",
        "x-kubernetes-validations": [
            {
                "rule": "self.metric != 'accuracy' || self.minimumEffect < 1.0",
                "message": "minimumEffect is no difference of accuracies, from 0 to 1: give 0.02 for two "
                "points in a hundred",
            }
        ],
    }


def _spec() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["modelName", "version", "digest", "reason"],
        "properties": {
            "modelName": {**_NAME, "description": "Registered model."},
            "version": {
                "type": "string",
                "pattern": "^[1-9][0-9]{0,8}$",
                "description": "Version that shall serve.",
            },
            "digest": {
                "type": "string",
                "pattern": "^[0-9a-f]{64}$",
                "description": "Digest of its files, which its pods must answer with.",
            },
            "reason": {**_TEXT, "description": "Why it is rolled out."},
            "requestedBy": {**_TEXT, "description": "Who asks for it."},
            "steps": _steps(),
            "shadowRows": {
                "type": "integer",
                "minimum": 0,
                "maximum": 5000,
                "description": "Recorded rows that it answers before it meets any caller; 0 for none.",
            },
            "minimumAgreement": {
                "type": "number",
                "minimum": 0.5,
                "maximum": 0.999,
                "description": "Share of those rows that it must answer as the version does that serves.",
            },
            "maxErrorRatio": {
                "type": "number",
                "minimum": 0.0001,
                "maximum": 0.5,
                "description": "Share of failed requests that is too much for any version.",
            },
            "experiment": _experiment(),
            "deadlineSeconds": {
                "type": "integer",
                "minimum": 10,
                "maximum": 604800,
                "description": "Without a verdict by then it is rolled back.",
            },
            "bakeSeconds": {
                "type": "integer",
                "minimum": 10,
                "maximum": 604800,
                "description": "Time for which the version before it runs on, for a way back.",
            },
            "approval": {
                "type": "object",
                "properties": {
                    "required": {
                        "type": "boolean",
                        "description": "Waits for somebody's approval even where the stack demands none.",
                    },
                    "by": {**_TEXT, "description": "Who lets it go on."},
                },
            },
            "abort": {"type": "boolean", "description": "Ends it: the version before it gets every request."},
        },
        "x-kubernetes-validations": [
            {
                "rule": " && ".join(_unchanged(name) for name in _FIXED),
                "message": f"{', '.join(_FIXED)} cannot be changed: abort this rollout and ask for another",
            },
            {
                "rule": "!(oldSelf.?approval.?required.orValue(false)) || "
                "self.?approval.?required.orValue(false)",
                "message": "approval.required cannot be taken back: abort this rollout and ask for another",
            },
            {
                "rule": "!has(oldSelf.abort) || !oldSelf.abort || (has(self.abort) && self.abort)",
                "message": "abort cannot be taken back: ask for another rollout",
            },
        ],
    }


def _state_of_experiment() -> dict[str, Any]:
    arm = {
        "type": "object",
        "properties": {
            "rows": _COUNT,
            "units": _COUNT,
            "total": _NUMBER,
            "totalOfSquares": _NUMBER,
            "mean": _NUMBER,
        },
    }
    return {
        "type": "object",
        "properties": {
            "needed": {"type": "string"},
            "begunAt": {"type": "string"},
            "challenger": {**arm, "description": "Labelled rows of the new version."},
            "champion": {**arm, "description": "Labelled rows of the version before it."},
            "low": {**_NUMBER, "description": "Lower end of the interval of new version minus former one."},
            "high": {**_NUMBER, "description": "Upper end of it."},
            "verdict": {"type": "string"},
            "says": {"type": "string"},
        },
        "description": "What the labels say so far.",
    }


def _status() -> dict[str, Any]:
    counts = {name: _COUNT for name in ("weight", "canary", "canaryFailed", "stable", "stableFailed")}
    condition = {name: {"type": "string"} for name in ("type", "status", "reason", "message")}
    return {
        "type": "object",
        "properties": {
            "phase": {"type": "string"},
            "weight": _COUNT,
            "stableVersion": {"type": "string"},
            "step": _COUNT,
            "stepSeconds": _NUMBER,
            "elapsedSeconds": _NUMBER,
            "conditions": {
                "type": "array",
                "items": {"type": "object", "required": ["type", "status"], "properties": condition},
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
                "description": "What it has proven: GoldenRows, Agreement, Experiment.",
            },
            "shadow": {
                "type": "object",
                "properties": {"rows": _COUNT, "different": _COUNT},
                "description": "Recorded rows that it has answered, and those that it answered otherwise.",
            },
            "counts": {"type": "array", "items": {"type": "object", "properties": counts}},
            "comparisons": _COUNT,
            "slower": _COUNT,
            "evidence": {"type": "object", "additionalProperties": _NUMBER},
            "experiment": _state_of_experiment(),
            "reason": {"type": "string"},
            "endedAt": {"type": "string"},
            "recorded": {"type": "boolean"},
        },
    }


def definition() -> dict[str, Any]:
    """Return the manifest of the CustomResourceDefinition."""
    group, version = ROLLOUT_API
    properties = {"spec": _spec(), "status": _status()}
    schema = {"type": "object", "required": ["spec"], "properties": properties}
    columns = [
        _column("Model", ".spec.modelName"),
        _column("Version", ".spec.version"),
        _column("Phase", ".status.phase"),
        _column("Weight", ".status.weight", "integer"),
        _column("Reason", ".status.reason"),
        _column("Age", ".metadata.creationTimestamp", "date"),
    ]
    names = {"kind": ROLLOUT_KIND, "plural": ROLLOUTS, "singular": ROLLOUT_KIND.lower(), "shortNames": ["mr"]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{ROLLOUTS}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": names,
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                }
            ],
        },
    }
