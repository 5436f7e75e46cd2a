"""What Kubernetes would accept of manifests, and what would not work."""

from collections.abc import Iterator

from charts import Manifest


def misfits(all_manifests: list[Manifest]) -> Iterator[str]:
    """Names that nothing has or that are too long, and selectors that find too much or nothing."""
    names = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in all_manifests}
    pods = {(manifest["kind"], manifest["metadata"]["name"]): pod for manifest in all_manifests if (pod := pod_of(manifest))}
    (server,) = (pod for (kind, _), pod in pods.items() if kind == "Deployment")
    ports = {port["name"] for container in server["spec"]["containers"] for port in container["ports"]}
    for (kind, name), pod in pods.items():
        volumes = [volume["name"] for volume in pod["spec"].get("volumes", [])]
        if len(set(volumes)) != len(volumes):
            yield f"{kind} {name}: two volumes of one name"
        for container in pod["spec"].get("initContainers", []) + pod["spec"]["containers"]:
            for mount in container.get("volumeMounts", []):
                if mount["name"] not in volumes:
                    yield f"{kind} {name}: no volume {mount['name']}"
        for volume in pod["spec"].get("volumes", []):
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            if volume["name"] == "feast-data" and claim not in (
                None,
                "features",
                *(name for kind, name in names if kind.endswith("Claim")),
            ):
                yield f"{kind} {name}: no claim {claim}"
    for manifest in all_manifests:
        kind, name, spec = manifest["kind"], manifest["metadata"]["name"], manifest.get("spec", {})
        if len(name) > (52 if kind == "CronJob" else 63) and not kind.startswith("ClusterRole"):
            yield f"{kind} {name}: the name is too long"
        for label, value in manifest["metadata"]["labels"].items():
            if len(value) > 63:
                yield f"{kind} {name}: the label {label} is too long"
        if kind == "Service":
            if [owner for owner, pod in pods.items() if selects(spec["selector"], pod)] != [("Deployment", server["name"])]:
                yield f"Service {name}: does not find the server alone"
            if not {port["targetPort"] for port in spec["ports"]} <= ports:
                yield f"Service {name}: no such port"
        if kind in ("Deployment", "PodDisruptionBudget") and not selects(spec["selector"]["matchLabels"], server):
            yield f"{kind} {name}: does not find the pods"
        if kind == "NetworkPolicy":
            if not selects(spec["podSelector"]["matchLabels"], server):
                yield f"{kind} {name}: does not find the pods"
            if not {port["port"] for rule in spec["ingress"] for port in rule["ports"]} <= ports:
                yield f"{kind} {name}: no such port"
        if kind == "ServiceMonitor":
            found = [other for other in all_manifests if other["kind"] == "Service" and selects(spec["selector"]["matchLabels"], other)]
            if [port["name"] for port in found[0]["spec"]["ports"] if port["name"] == "metrics"] != ["metrics"] or len(found) > 1:
                yield f"{kind} {name}: does not find the metrics"
        if kind == "HorizontalPodAutoscaler" and ("Deployment", spec["scaleTargetRef"]["name"]) not in names:
            yield f"{kind} {name}: nothing to scale"


def pod_of(manifest: Manifest) -> Manifest | None:
    """The pod that a manifest makes, with its name."""
    spec = manifest.get("spec", {})
    pod = spec.get("template") or spec.get("jobTemplate", {}).get("spec", {}).get("template")
    return {**pod, "name": manifest["metadata"]["name"]} if pod else None


def selects(labels: dict[str, str], thing: Manifest) -> bool:
    return set(labels.items()) <= set(thing["metadata"]["labels"].items())
