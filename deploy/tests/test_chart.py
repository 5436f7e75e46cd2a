"""`deploy/helm/feast-server`: what it renders from values, what it refuses, and that the rendered containers run.

`chart_values/` has values, each with the yaml of a repository behind it, and `golden/` the manifests of each. UPDATE_GOLDEN=1 records
them, and the table of values in docs/kubernetes.md.
"""

import os
import re
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import kubernetes_validate
import yaml

from artefacts import REPOSITORY, run
from charts import CHART, NO_SETTINGS, Case, attempt, helm, manifests, needs_helm, notes, of_kind, read_case, refusal, template
from misfits import misfits

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
CASES = {path.stem: read_case(path) for path in sorted((HERE / "chart_values").glob("*.yaml"))}
DOCUMENTATION = REPOSITORY / "docs/kubernetes.md"
#: The oldest that the chart accepts, and the newest that the package knows.
KUBERNETES = ("1.28", "1.33", "1.37")
#: Kinds of operators, which are not Kubernetes' own.
WITHOUT_SCHEMA = {"ServiceMonitor"}
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))

EMBEDDED: dict[str, Any] = {"project": "shop", "registry": "data/registry.db", "online_store": {"type": "rocksdb"}}
REDIS: dict[str, Any] = {"project": "shop", "registry": "data/registry.db", "online_store": {"type": "redis"}}
#: The registry in the image.
BAKED: dict[str, Any] = REDIS | {"registry": "/repository/r.db"}
#: Something else puts the registry into an empty directory.
FETCHED: dict[str, Any] = {"initContainers": [{"name": "fetch", "image": "fetch"}]}
ABROAD: list[str] = ["feast", "serve", "-h", "0.0.0.0"]
BATCHES: dict[str, Any] = {"feature_server": {"offline_push_batching_enabled": True}}
#: Values of Feast's chart may mount a volume of that name there.
DATA_OF_OTHERS: dict[str, Any] = {
    "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
    "volumeMounts": [{"name": "data", "mountPath": "/data/"}],
}
TLS: dict[str, Any] = {"tls": {"secretName": "tls"}}
KEY: list[str] = ["--key", "/etc/feast/tls/tls.key", "--cert", "/etc/feast/tls/tls.crt"]
SHARED: dict[str, Any] = {"persistence": {"enabled": True, "accessModes": ["ReadWriteMany"]}}


def setUpModule() -> None:
    needs_helm()


class Rendered(unittest.TestCase):
    maxDiff = None

    def test_helm_finds_nothing_to_remark(self) -> None:
        for name, case in CASES.items():
            with self.subTest(name), tempfile.NamedTemporaryFile("w", suffix=".yaml") as values:
                yaml.safe_dump(case.all_values(), values)
                values.flush()
                linted = run(helm(), "lint", "--strict", CHART, "--values", values.name, environment=NO_SETTINGS)
                remarks = [line for line in linted.stdout.splitlines() if line.startswith("[") and "icon is recommended" not in line]
                self.assertEqual(remarks, [])

    def test_manifests_are_those_that_were_recorded(self) -> None:
        for name, case in CASES.items():
            with self.subTest(name):
                golden = GOLDEN / f"{name}.yaml"
                text = template(case)
                if UPDATE:
                    GOLDEN.mkdir(exist_ok=True)
                    golden.write_text(text)
                self.assertEqual(text, golden.read_text(), "UPDATE_GOLDEN=1 records what is rendered now")
        self.assertEqual({path.stem for path in GOLDEN.glob("*.yaml")}, set(CASES), "manifests of values that there are not")

    def test_kubernetes_accepts_the_manifests(self) -> None:
        for name, case in CASES.items():
            for manifest in manifests(template(case)):
                if manifest["kind"] in WITHOUT_SCHEMA:
                    continue
                for version in KUBERNETES:
                    with self.subTest(f"{name}: {manifest['kind']} {manifest['metadata']['name']} in {version}"):
                        self.assertEqual(kubernetes_validate.validate(manifest, version, strict=True), version)

    def test_manifests_fit_each_other(self) -> None:
        for name, case in CASES.items():
            for release in ("features", "x" * 53):
                with self.subTest(name, release=release):
                    self.assertEqual(list(misfits(manifests(template(case, release=release)))), [])

    def test_long_names_are_those_of_feast_and_differ(self) -> None:
        # Feast's chart cuts at 63. What has an ending is cut before, and is told apart by its hash.
        long = "features-" * 7
        names = set()
        for fullname in (long + "a", long[:-1] + "b", long[:-1] + "c"):
            text = template(Case({"fullnameOverride": fullname, "materialize": {"enabled": True}}, EMBEDDED))
            self.assertEqual(list(misfits(manifests(text))), [])
            self.assertEqual(of_kind(text, "Deployment")["metadata"]["name"], fullname[:63].removesuffix("-"))
            names.add(of_kind(text, "CronJob")["metadata"]["name"])
        self.assertEqual(len(names), 3)
        self.assertEqual({len(name) for name in names}, {52})
        short = template(Case({"fullnameOverride": "x" * 40, "materialize": {"enabled": True}}, EMBEDDED))
        self.assertEqual(of_kind(short, "CronJob")["metadata"]["name"], "x" * 40 + "-materialize")

    def test_a_pod_waits_for_the_one_before_it_where_one_has_the_store(self) -> None:
        for values, repository, seconds in [
            ({}, EMBEDDED, "45"),
            ({"drainSeconds": 20}, EMBEDDED, "65"),
            ({"terminationGracePeriodSeconds": 7200}, EMBEDDED, "3600"),
            ({}, BAKED, None),
            ({"persistence": {"enabled": True}}, REDIS, "45"),
        ]:
            with self.subTest(str((values, repository))):
                pod = of_kind(template(Case(values, repository)), "Deployment")["spec"]["template"]["spec"]
                command = pod["containers"][0]["command"]
                waits = command[command.index("--lock-wait-seconds") + 1] if "--lock-wait-seconds" in command else None
                self.assertEqual(waits, seconds)

    def test_a_volume_at_the_place_of_the_data_is_used(self) -> None:
        text = template(Case(DATA_OF_OTHERS, EMBEDDED))
        pod = of_kind(text, "Deployment")["spec"]["template"]["spec"]
        self.assertEqual([volume["name"] for volume in pod["volumes"]], ["feast-tmp", "data"])
        temporary = {"name": "feast-tmp", "mountPath": "/tmp"}
        self.assertEqual(pod["containers"][0]["volumeMounts"], [temporary, *DATA_OF_OTHERS["volumeMounts"]])
        self.assertNotIn("PersistentVolumeClaim", {manifest["kind"] for manifest in manifests(text)})

    def test_pods_follow_each_other_where_files_belong_to_one(self) -> None:
        for values, repository, strategy in [
            ({}, EMBEDDED, "Recreate"),
            ({}, EMBEDDED | {"online_store": "sqlite"}, "Recreate"),
            ({}, None, "Recreate"),
            ({}, BAKED, "RollingUpdate"),
            ({"persistence": {"enabled": True}}, REDIS, "Recreate"),
            (DATA_OF_OTHERS, REDIS, "Recreate"),
            ({"existingSecret": {"name": "s"}, "onlineStore": "redis"}, None, "RollingUpdate"),
            ({"existingSecret": {"name": "s"}, "onlineStore": "redis", "persistence": {"enabled": True}}, None, "Recreate"),
            ({"persistence": {"enabled": True}}, REDIS | {"serving": {"push_log_path": "data/${HOSTNAME}"}}, "Recreate"),
            ({"replicaCount": 2, **SHARED}, REDIS, "RollingUpdate"),
        ]:
            with self.subTest(str((values, repository))):
                deployment = of_kind(template(Case(values, repository)), "Deployment")
                self.assertEqual(deployment["spec"]["strategy"]["type"], strategy)

    def test_a_changed_yaml_starts_pods_anew(self) -> None:
        before, after = (template(Case({}, EMBEDDED | change)) for change in ({}, {"entity_key_serialization_version": 3}))
        self.assertNotEqual(*(of_kind(text, "Deployment")["spec"]["template"] for text in (before, after)))

    def test_passwords_of_the_yaml_are_in_the_secret_alone(self) -> None:
        case = CASES["redis"]
        text = template(case)
        encoded = case.all_values()["feature_store_yaml_base64"]
        self.assertEqual(text.count(encoded), 1)
        self.assertEqual(of_kind(text, "Secret")["stringData"], {"feature_store_yaml_base64": encoded})

    def test_line_breaks_in_base64_mean_nothing(self) -> None:
        broken = template(CASES["feast"])
        self.assertNotRegex(of_kind(broken, "Secret")["stringData"]["feature_store_yaml_base64"], r"\s")

    def test_the_image_is_that_of_this_version(self) -> None:
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
        workspace = re.search(r'^version = "(.+)"$', (REPOSITORY / "Cargo.toml").read_text(), re.MULTILINE)
        assert workspace
        self.assertEqual(chart["appVersion"], workspace[1])

    def test_it_can_be_packed(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            run(helm(), "package", CHART, "--destination", directory, environment=NO_SETTINGS)
            self.assertEqual(len(list(Path(directory).glob("feast-server-*.tgz"))), 1)

    def test_notes_say_what_has_no_effect(self) -> None:
        remarks: list[tuple[dict[str, Any], str]] = [
            ({"image": {"repository": "feastdev/feature-server"}}, "Feast's own image"),
            ({"route": {"enabled": True}}, "route.enabled has no effect"),
            ({"metrics": {"otelCollector": {"endpoint": "collector"}}}, "metrics.otelCollector has no effect"),
            ({"persistence": {"enabled": False}, **FETCHED}, "a new pod has none of the rows"),
            ({"persistence": {"enabled": False}, **FETCHED}, "a new pod has what apply or initContainers make"),
            ({"commandArgs": ABROAD}, "The command is that of commandArgs"),
        ]
        for values, sentence in remarks:
            with self.subTest(sentence):
                self.assertIn(sentence, notes(Case(values, EMBEDDED)))
                self.assertNotIn(sentence, notes(Case({}, EMBEDDED)))

    def test_notes_say_where_pods_have_one_log_of_pushes(self) -> None:
        own = REDIS | {"serving": {"push_log_path": "data/push_log/${HOSTNAME}"}}
        several = {"replicaCount": 2, **SHARED}
        for values, repository, told in [(several, REDIS, True), (several, own, False), ({}, BAKED, False)]:
            with self.subTest(str((values, repository))):
                self.assertEqual("refuse pushes to both stores" in notes(Case(values, repository)), told)


class Documentation(unittest.TestCase):
    def test_values_that_it_shows_are_rendered(self) -> None:
        shown = [yaml.safe_load(block) for block in blocks("yaml") if "project:" not in block]
        self.assertGreater(len(shown), 1)
        for values in shown:
            with self.subTest(str(values)):
                template(Case(values))

    def test_the_yaml_that_it_shows_goes_with_its_values(self) -> None:
        (repository,) = (yaml.safe_load(block) for block in blocks("yaml") if "project:" in block)
        template(Case({"materialize": {"enabled": True}}, repository))

    def test_the_refusal_that_it_shows_is_what_helm_says(self) -> None:
        (shown,) = (block for block in blocks("console") if block.startswith("$ helm template"))
        said = refusal(Case({"replicaCount": 3}, EMBEDDED))
        self.assertEqual(shown.splitlines()[1], said.splitlines()[0])


def blocks(language: str) -> list[str]:
    """The examples of the documentation in that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENTATION.read_text(), re.DOTALL | re.MULTILINE)


class Refused(unittest.TestCase):
    """What would not work, or lose rows, says so and what to do."""

    def test_refusals(self) -> None:
        for values, repository, *message in REFUSALS:
            with self.subTest(message[0]):
                said = refusal(Case(values, repository))
                for part in message:
                    self.assertIn(part, said)

    def test_what_is_beside_a_refusal_is_rendered(self) -> None:
        for values, repository in ACCEPTED:
            with self.subTest(str(values)):
                template(Case(values, repository))


class Refusal(NamedTuple):
    values: dict[str, Any]
    repository: dict[str, Any] | None
    message: str
    remedy: str = ""


REFUSALS = [
    # One process has the store open.
    Refusal({"replicaCount": 2}, EMBEDDED, "replicaCount is 2, but the online store is embedded", "{type: redis}"),
    Refusal({"autoscaling": {"enabled": True}}, EMBEDDED, "autoscaling.enabled, but the online store is embedded"),
    Refusal(
        {"replicaCount": 2},
        EMBEDDED | {"online_store": {"type": "feast_server.RustOnlineStore", "path": "http://features"}},
        "the online store is embedded",
    ),
    Refusal({"replicaCount": 2}, EMBEDDED | {"online_store": "sqlite"}, "the online store is a SQLite file"),
    Refusal({"replicaCount": 2}, {"project": "shop", "registry": "r.db"}, "the online store is a SQLite file"),
    Refusal({"replicaCount": 2}, REDIS | {"serving": {"online_store": {"type": "rocksdb"}}}, "the online store is embedded"),
    Refusal({"replicaCount": 2, "onlineStore": "embedded"}, None, "the online store is embedded"),
    Refusal({"replicaCount": 2}, None, "it is not known whether the online store is Redis", "set onlineStore"),
    Refusal({"replicaCount": 2}, REDIS | {"online_store": {"type": "${STORE}"}}, "it is not known whether", "set onlineStore"),
    # All pods read one registry.
    Refusal({"replicaCount": 2}, REDIS, "the registry data/registry.db is in an empty directory of each pod", "ReadWriteMany"),
    Refusal({"replicaCount": 2, "persistence": {"enabled": True}}, REDIS, "is mounted by one node", "ReadWriteMany"),
    Refusal(
        {
            "replicaCount": 2,
            "volumes": [{"name": "scratch", "emptyDir": {}}],
            "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
        },
        REDIS | {"registry": {"path": "/scratch/r.db"}},
        "the registry /scratch/r.db is in an empty directory of each pod",
    ),
    Refusal({"replicaCount": 2, "onlineStore": "redis"}, None, "would read the same registry", "set registryPath"),
    Refusal({"replicaCount": 2, **SHARED}, REDIS | {"registry": "${REGISTRY}"}, "would read the same registry", "set registryPath"),
    Refusal(
        {"replicaCount": 2, "securityContext": {"readOnlyRootFilesystem": False}},
        REDIS | {"registry": "/repository/r.db"},
        "each pod could change its own",
    ),
    # What was answered is not lost.
    Refusal({"replicaCount": 2, **SHARED}, REDIS | BATCHES, "a pod that does not come back would take with it", "push without batches"),
    Refusal({}, REDIS | BATCHES, "would go with the pod", "(persistence.enabled)"),
    Refusal({"persistence": {"enabled": False}}, EMBEDDED | BATCHES, "would go with the pod", "(persistence.enabled)"),
    Refusal({}, REDIS, "the registry data/registry.db is in an empty directory that goes with the pod", "one of initContainers"),
    Refusal({"persistence": {"enabled": False}}, EMBEDDED, "the registry data/registry.db is in an empty directory", "(persistence.enabled,"),
    Refusal(
        {"onlineStore": "redis", "registryPath": "/data/r.db", "materialize": {"enabled": True}, "apply": {"enabled": True}},
        None,
        "a run is recorded in the registry, and /data/r.db is in an empty directory",
        "on a volume",
    ),
    Refusal({"materialize": {"enabled": True}, **FETCHED}, REDIS, "while the rows stay", "materialize from elsewhere"),
    Refusal({}, EMBEDDED | {"online_store": {"type": "rocksdb", "path": "/srv/store"}}, "the online store is at /srv/store", "below /data"),
    Refusal({}, EMBEDDED | {"serving": {"online_store": {"path": "/srv/store"}}}, "the online store is at /srv/store", "below /data"),
    Refusal({"terminationGracePeriodSeconds": 30}, EMBEDDED, "it must be 40 more than drainSeconds (0)"),
    Refusal({"drainSeconds": 30, "terminationGracePeriodSeconds": 60}, EMBEDDED, "it must be 40 more than drainSeconds (30)"),
    # What cannot be.
    Refusal({"feast_mode": "offline"}, EMBEDDED, 'feast_mode is "offline": this server serves online features only', "Feast's own chart"),
    Refusal({"feast_mode": "ui", "route": {"enabled": True}}, EMBEDDED, 'feast_mode is "ui"'),
    Refusal({}, EMBEDDED | {"online_store": {"type": "dynamodb"}}, "no online store of the type dynamodb", "serving: {online_store:"),
    Refusal({}, EMBEDDED | {"registry": "s3://features/registry.db"}, "and not s3://....", "serving: {registry: PATH}"),
    Refusal({}, EMBEDDED | {"registry": "postgresql://feast:secret@db/feast"}, "and not postgresql://....", "serving: {registry: PATH}"),
    Refusal({}, EMBEDDED | {"registry": {"registry_type": "sql", "path": "x"}}, "and not sql", "serving: {registry: PATH}"),
    Refusal({"feature_store_yaml_base64": "a:b"}, None, "feature_store_yaml_base64 is not base64", "base64 -w0"),
    Refusal({"feature_store_yaml_base64": "W10="}, None, "is not the base64 of a feature_store.yaml"),
    Refusal({}, {"registry": "r.db"}, "the yaml has no `project`"),
    Refusal({"onlineStore": "redis"}, EMBEDDED, "onlineStore is redis, but the yaml says embedded"),
    Refusal({"registryPath": "other.db"}, EMBEDDED, "registryPath is other.db, but the yaml has data/registry.db"),
    Refusal({"existingSecret": {"name": "yaml"}}, EMBEDDED, "both give the yaml"),
    Refusal({"serveArgs": ["--drain-seconds", "60"]}, EMBEDDED, "serveArgs has --drain-seconds", "use drainSeconds"),
    Refusal({"serveArgs": ["--key=k"]}, EMBEDDED, "serveArgs has --key=k", "tls"),
    Refusal({"serveArgs": ["-m"]}, EMBEDDED, "serveArgs has -m", "use drainSeconds, tls and metrics.enabled"),
    Refusal({"serveArgs": ["--lock-wait-seconds=5"]}, EMBEDDED, "serveArgs has --lock-wait-seconds=5"),
    Refusal({"serveArgs": ["--port", "8080"]}, EMBEDDED, "serveArgs has --port", "service.port"),
    Refusal({"serveArgs": ["-p8080"]}, EMBEDDED, "serveArgs has -p8080", "service.port"),
    Refusal({"serveArgs": ["--read-only"], "materialize": {"enabled": True}}, EMBEDDED, "a server with --read-only refuses"),
    # The whole command, and values that say otherwise.
    Refusal({"commandArgs": ["feast", "serve"]}, EMBEDDED, "commandArgs has no --host", "add -h, 0.0.0.0"),
    Refusal({"commandArgs": [*ABROAD, "-p", "8080"]}, EMBEDDED, "commandArgs has --port 8080", "service.port"),
    Refusal({"commandArgs": [*ABROAD, "--port=8080"]}, EMBEDDED, "commandArgs has --port 8080", "service.port"),
    Refusal({"commandArgs": ABROAD, **TLS}, EMBEDDED, "commandArgs has no --key", "add --key, /etc/feast/tls/tls.key"),
    Refusal({"commandArgs": [*ABROAD, *KEY]}, EMBEDDED, "commandArgs has --key", "set tls.secretName"),
    Refusal(
        {"commandArgs": [*ABROAD, *KEY], "tls": {"secretName": "tls", "clientCaSecretName": "clients"}},
        EMBEDDED,
        "commandArgs has no --client-ca",
        "add --client-ca, /etc/feast/client-ca/ca.crt",
    ),
    Refusal({"commandArgs": [*ABROAD, *KEY, "--client-ca=c"], **TLS}, EMBEDDED, "commandArgs has --client-ca", "set tls.clientCaSecretName"),
    Refusal(
        {"commandArgs": [*ABROAD, *KEY, "--tls-min-version", "1.2"], "tls": {"secretName": "tls", "minVersion": "1.3"}},
        EMBEDDED,
        "tls.minVersion is 1.3, but commandArgs does not say so",
        'add --tls-min-version, "1.3"',
    ),
    Refusal({"commandArgs": ABROAD, "metrics": {"enabled": True}}, EMBEDDED, "commandArgs has no --metrics", "add --metrics"),
    Refusal({"commandArgs": [*ABROAD, "-m"]}, EMBEDDED, "commandArgs has --metrics", "set metrics.enabled"),
    Refusal(
        {"commandArgs": [*ABROAD, "--drain-seconds", "30"]},
        EMBEDDED,
        "commandArgs has --drain-seconds 30, and terminationGracePeriodSeconds is 45",
        "Set drainSeconds",
    ),
    Refusal({"commandArgs": ["--workers", "2"]}, EMBEDDED, 'it must begin with "feast"', "serveArgs"),
    Refusal({"commandArgs": ["feast", "serve"], "serveArgs": ["--workers", "2"]}, EMBEDDED, "write all arguments in commandArgs"),
    Refusal({"repositoryDir": "/repository"}, EMBEDDED, "repositoryDir is where the image has its yaml"),
    Refusal(
        {"apply": {"enabled": True}, "onlineStore": "redis", "repositoryDir": "/repository", "registryPath": "data/registry.db"},
        None,
        "apply.enabled: data/registry.db is in the image, and cannot be written",
        "when the image is built",
    ),
    Refusal({"apply": {"enabled": True}}, EMBEDDED, "reads definitions and the yaml from the repository in the image"),
    Refusal(
        {"materialize": {"enabled": True}},
        REDIS | {"registry": "/repository/r.db"},
        "a run is recorded in the registry, and /repository/r.db is in the image",
    ),
    # Values that need each other.
    Refusal({"serviceMonitor": {"enabled": True}}, EMBEDDED, "set metrics.enabled"),
    Refusal({"rbac": {"create": True}}, EMBEDDED, "set serviceAccount.create"),
    Refusal({"tls": {"clientCaSecretName": "clients"}}, EMBEDDED, "tls.clientCaSecretName", "set tls.secretName"),
    Refusal({"tls": {"minVersion": "1.3"}}, EMBEDDED, "tls.minVersion", "set tls.secretName"),
    Refusal(
        {"tls": {"secretName": "tls", "clientCaSecretName": "clients"}, "materialize": {"enabled": True}},
        EMBEDDED,
        "set materialize.clientCertSecretName",
    ),
    Refusal({"materialize": {"enabled": True, "caSecretName": "ca"}}, EMBEDDED, "which the server does not speak", "set tls.secretName"),
    Refusal({"materialize": {"tokenSecretName": "key", "serviceAccountName": "job"}}, EMBEDDED, "both say what to sign in with"),
    Refusal({"ingress": {"enabled": True}}, EMBEDDED, "set ingress.hosts"),
    Refusal({"autoscaling": {"enabled": True}, **SHARED}, REDIS, "resources.requests.cpu, which is not set"),
    Refusal(
        {"autoscaling": {"enabled": True, "minReplicas": 6}, "resources": {"requests": {"cpu": "1"}}, **SHARED},
        REDIS,
        "autoscaling.minReplicas is 6, which is more than maxReplicas, 5",
    ),
    # The schema.
    Refusal({"replicas": 2}, EMBEDDED, "replicas"),
    Refusal({"persistence": {"storageClass": "fast"}}, EMBEDDED, "storageClass"),
    Refusal({"image": {"tag": 1.5}}, EMBEDDED, "/image/tag", "want string"),
    Refusal({"livenessProbe": {"failureTreshold": 3}}, EMBEDDED, "failureTreshold"),
    Refusal({"onlineStore": "rocksdb"}, EMBEDDED, "/onlineStore", "'embedded'"),
]

ACCEPTED: list[tuple[dict[str, Any], dict[str, Any] | None]] = [
    ({}, None),
    ({"replicaCount": 0}, EMBEDDED),
    ({"replicaCount": 2, **SHARED}, REDIS),
    ({"replicaCount": 2}, REDIS | {"registry": "/repository/r.db"}),
    ({"replicaCount": 2, "onlineStore": "redis", "registryPath": "/repository/r.db"}, None),
    ({"replicaCount": 2, "onlineStore": "redis", "repositoryDir": "/repository", "registryPath": "r.db"}, None),
    ({"replicaCount": 2, "registryPath": "/repository/r.db", "onlineStore": "redis"}, REDIS | {"registry": "$R", "online_store": "$S"}),
    ({"replicaCount": 2, **SHARED}, EMBEDDED | {"serving": {"online_store": {"type": "redis"}}}),
    ({"replicaCount": 2, **SHARED}, EMBEDDED | {"serving": {"online_store": "redis"}}),
    ({}, EMBEDDED | {"registry": "s3://features/registry.db", "serving": {"registry": "data/registry.db"}}),
    ({"replicaCount": 2}, REDIS | {"registry": "data/r.db", "serving": {"registry": "/repository/r.db"}}),
    ({"persistence": {"enabled": True}}, REDIS | BATCHES),
    (DATA_OF_OTHERS, REDIS | BATCHES),
    (DATA_OF_OTHERS, EMBEDDED),
    ({"replicaCount": 2, **DATA_OF_OTHERS}, REDIS),
    ({}, EMBEDDED | BATCHES),
    ({"persistence": {"mountPath": "/srv"}}, EMBEDDED | {"online_store": {"type": "rocksdb", "path": "/srv/store"}}),
    ({"commandArgs": ["feast", "-c", "/repository", "serve", "-h0.0.0.0", "--port=6566"]}, EMBEDDED),
    ({"commandArgs": ["feast", "serve", "--socket", "/tmp/feast.sock"]}, EMBEDDED),
    ({"commandArgs": [*ABROAD, *KEY, "-m"], **TLS, "metrics": {"enabled": True}}, EMBEDDED),
    ({"commandArgs": ABROAD}, EMBEDDED | {"feature_server": {"metrics": {"enabled": True}}}),
    ({"commandArgs": [*ABROAD, "--drain-seconds=30"], "drainSeconds": 30}, EMBEDDED),
    ({"onlineStore": "redis", "registryPath": "/data/r.db", "apply": {"enabled": True}}, None),
    (FETCHED, REDIS),
    # The rows go with the pod too, and are loaded again.
    ({"persistence": {"enabled": False}, "materialize": {"enabled": True}, **FETCHED}, EMBEDDED),
    ({"terminationGracePeriodSeconds": 40}, EMBEDDED),
    ({"global": {"of": "another chart"}}, EMBEDDED),
]


class Values(unittest.TestCase):
    """Each value changes manifests or is refused, or is documented as accepted without effect."""

    def test_each_value_has_an_effect(self) -> None:
        known = {name for name, _, _ in documented_values()}
        self.assertEqual(known, set(EFFECTS) | set(WITHOUT_EFFECT))
        for name, (context, value) in EFFECTS.items():
            with self.subTest(name):
                case = CASES[context]
                changed = case._replace(values=with_value(case.values, name, value))
                self.assertNotEqual(template(case), attempt(changed, code=None).stdout)

    def test_what_has_no_effect_is_documented(self) -> None:
        case = CASES["minimal"]
        documented = {name for name, _, text in documented_values() if "without effect" in text}
        self.assertEqual(documented, set(WITHOUT_EFFECT))
        for name in WITHOUT_EFFECT:
            changed = case._replace(values=with_value(case.values, name, WITHOUT_EFFECT[name]))
            self.assertEqual(template(case), template(changed))

    def test_the_schema_knows_the_defaults(self) -> None:
        schema = yaml.safe_load((CHART / "values.schema.json").read_text())
        defaults = yaml.safe_load((CHART / "values.yaml").read_text())
        self.assertEqual(set(schema["properties"]), set(defaults) | {"global"})

    def test_the_documentation_has_them(self) -> None:
        rows = ["| value | default | |", "|---|---|---|"]
        for name, default, text in documented_values():
            shown = yaml.safe_dump(default, default_flow_style=True, width=1000, sort_keys=False).removesuffix("...\n").strip()
            rows.append(f"| `{name}` | `{shown}` | {text} |")
        text = DOCUMENTATION.read_text()
        parts = re.fullmatch(r"(.*\n## Values\n\n.*?\n\n)(\|.*?\n)(\n## .*)", text, re.DOTALL)
        assert parts, "no table in a chapter `## Values`"
        table = "\n".join(rows) + "\n"
        if UPDATE:
            DOCUMENTATION.write_text(parts[1] + table + parts[3])
        else:
            self.assertEqual(parts[2], table, "UPDATE_GOLDEN=1 writes the table")


WITHOUT_EFFECT: dict[str, Any] = {
    "metrics.otelCollector.endpoint": "collector",
    "metrics.otelCollector.port": 4318,
    "route.enabled": True,
}

#: For each value, recorded values in which it counts, and another value that it is given there.
EFFECTS: dict[str, tuple[str, Any]] = {
    "replicaCount": ("baked-redis", 3),
    "image.repository": ("minimal", "registry.example.com/features"),
    "image.tag": ("minimal", "1.0.0"),
    "image.pullPolicy": ("minimal", "Always"),
    "imagePullSecrets": ("minimal", [{"name": "password"}]),
    "nameOverride": ("minimal", "other"),
    "fullnameOverride": ("minimal", "other"),
    "logLevel": ("minimal", "debug"),
    "metrics.enabled": ("minimal", True),
    "feature_store_yaml_base64": ("feast", "cHJvamVjdDogc2hvcA=="),
    "existingSecret.name": ("client-certificates", "other"),
    "existingSecret.key": ("client-certificates", "other"),
    "onlineStore": ("client-certificates", "redis"),
    "registryPath": ("baked-redis", ""),
    "feast_mode": ("minimal", "offline"),
    "commandArgs": ("minimal", ABROAD),
    "serveArgs": ("minimal", ["--no-access-log"]),
    "workingDir": ("minimal", "/data/here"),
    "repositoryDir": ("baked-embedded", "/other"),
    "apply.enabled": ("baked-redis", True),
    "podAnnotations": ("minimal", {"a": "b"}),
    "podLabels": ("minimal", {"a": "b"}),
    "podSecurityContext": ("minimal", {"fsGroup": 1}),
    "securityContext": ("minimal", {"runAsUser": 1}),
    "service.type": ("minimal", "LoadBalancer"),
    "service.port": ("minimal", 8080),
    "service.annotations": ("minimal", {"a": "b"}),
    "ingress.enabled": ("redis", False),
    "ingress.className": ("redis", "other"),
    "ingress.annotations": ("redis", {"a": "b"}),
    "ingress.hosts": ("redis", ["other.example.com"]),
    "ingress.tls": ("redis", []),
    "resources": ("minimal", {"limits": {"memory": "1Gi"}}),
    "nodeSelector": ("minimal", {"a": "b"}),
    "tolerations": ("minimal", [{"operator": "Exists"}]),
    "affinity": ("minimal", {"nodeAffinity": {}}),
    "topologySpreadConstraints": ("redis", []),
    "serviceAccount.name": ("minimal", "other"),
    "serviceAccount.create": ("minimal", True),
    "serviceAccount.annotations": ("redis", {"a": "b"}),
    "serviceAccount.automountToken": ("minimal", True),
    "rbac.create": ("redis", False),
    "startupProbe": ("minimal", {"failureThreshold": 9}),
    "livenessProbe": ("minimal", {"exec": {"command": ["true"]}}),
    "readinessProbe": ("minimal", {"successThreshold": 2}),
    "drainSeconds": ("minimal", 5),
    "terminationGracePeriodSeconds": ("minimal", 90),
    "persistence.enabled": ("minimal", False),
    "persistence.existingClaim": ("minimal", "other"),
    "persistence.accessModes": ("minimal", ["ReadWriteOncePod"]),
    "persistence.size": ("minimal", "1Gi"),
    "persistence.storageClassName": ("minimal", "-"),
    "persistence.mountPath": ("minimal", "/srv"),
    "persistence.annotations": ("minimal", {"a": "b"}),
    "persistence.keep": ("minimal", False),
    "volumes": ("minimal", [{"name": "a", "emptyDir": {}}]),
    "volumeMounts": ("minimal", [{"name": "feast-data", "mountPath": "/b"}]),
    "extraEnvs": ("minimal", [{"name": "A", "value": "b"}]),
    "initContainers": ("minimal", [{"name": "a", "image": "b"}]),
    "tls.secretName": ("minimal", "tls"),
    "tls.clientCaSecretName": ("client-certificates", ""),
    "tls.minVersion": ("embedded", "1.2"),
    "serviceMonitor.enabled": ("embedded", False),
    "serviceMonitor.interval": ("embedded", "1m"),
    "serviceMonitor.labels": ("embedded", {"a": "b"}),
    "networkPolicy.enabled": ("minimal", True),
    "networkPolicy.from": ("embedded", []),
    "networkPolicy.metricsFrom": ("embedded", []),
    "networkPolicy.egress": ("embedded", [{}]),
    "podDisruptionBudget.enabled": ("minimal", True),
    "podDisruptionBudget.maxUnavailable": ("embedded", 0),
    "autoscaling.enabled": ("redis", False),
    "autoscaling.minReplicas": ("redis", 4),
    "autoscaling.maxReplicas": ("redis", 4),
    "autoscaling.targetCPUUtilizationPercentage": ("redis", 50),
    "materialize.enabled": ("minimal", True),
    "materialize.schedule": ("embedded", "@daily"),
    "materialize.featureViews": ("embedded", []),
    "materialize.timeoutSeconds": ("embedded", 60),
    "materialize.image.repository": ("embedded", "other"),
    "materialize.image.tag": ("embedded", "other"),
    "materialize.image.pullPolicy": ("embedded", "Never"),
    "materialize.tokenSecretName": ("embedded", ""),
    "materialize.tokenSecretKey": ("embedded", "other"),
    "materialize.serviceAccountName": ("redis", ""),
    "materialize.caSecretName": ("embedded", "other"),
    "materialize.clientCertSecretName": ("client-certificates", "other"),
    "materialize.serverName": ("embedded", "other"),
    "materialize.resources": ("embedded", {"limits": {"memory": "64Mi"}}),
}


def with_value(values: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """Values with one more, or another one."""
    first, _, rest = name.partition(".")
    return values | {first: with_value(values.get(first, {}), rest, value) if rest else value}


def documented_values() -> list[tuple[str, Any, str]]:
    """The values of values.yaml: name, default, and what the comment above says. A map is one value if it has such a comment."""
    text = (CHART / "values.yaml").read_text()
    return list(documented(yaml.compose(text), yaml.safe_load(text), text.splitlines(), ""))


def documented(node: Any, default: dict[str, Any], lines: list[str], prefix: str) -> Iterator[tuple[str, Any, str]]:
    for key, value in node.value:
        name = prefix + key.value
        comment = re.fullmatch(r" *# -- (.+)", lines[key.start_mark.line - 1])
        if comment:
            yield name, default[key.value], comment[1]
        elif isinstance(value, yaml.MappingNode) and value.value:
            yield from documented(value, default[key.value], lines, f"{name}.")
        else:
            raise AssertionError(f"values.yaml: {name} has no comment that begins with `# -- `")


if __name__ == "__main__":
    unittest.main()
