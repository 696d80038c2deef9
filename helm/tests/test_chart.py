"""The chart, without a cluster: linted, rendered with each file of ci/, validated against Kubernetes' own schemas, and
refused where it must be. `make chart` runs it; helm and kubernetes-validate come from deploy/local/setup.sh chart."""

import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "deploy" / "tests"))
from binary import check_configuration  # noqa: E402

CHART = ROOT / "helm" / "ampwarden"
VALUES = sorted((CHART / "ci").glob("*.yaml"))
VERSIONS = ["1.25", "1.34"]
# Of the Prometheus Operator, for which Kubernetes has no schema; checked by hand below.
CUSTOM = {"ServiceMonitor", "PrometheusRule"}


def helm(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["helm", *map(str, words)], capture_output=True, text=True, check=False)


def render(*words: str | Path, release: str = "prod") -> list[dict]:
    done = helm("template", release, CHART, "--namespace", "charging", *words)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(documents: list[dict], kind: str) -> list[dict]:
    return [document for document in documents if document["kind"] == kind]


def pods(documents: list[dict]) -> list[tuple[str, dict]]:
    """Name and pod template of all that runs pods."""
    return [
        (document["metadata"]["name"], document["spec"]["template"])
        for document in documents
        if document["kind"] in {"StatefulSet", "Deployment", "Job"}
    ]


class Renders(unittest.TestCase):
    def test_lint(self) -> None:
        for values in VALUES:
            with self.subTest(values.name):
                done = helm("lint", "--strict", CHART, "--values", values)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_kubernetes_would_take_it(self) -> None:
        for values in VALUES:
            for document in render("--values", values):
                if document["kind"] in CUSTOM:
                    continue
                for version in VERSIONS:
                    name = f"{document['kind']}/{document['metadata']['name']}"
                    with self.subTest(values=values.name, document=name, kubernetes=version):
                        kubernetes_validate.validate(document, version, strict=True)

    def test_names_are_unique(self) -> None:
        for values in VALUES:
            names = [(d["kind"], d["metadata"]["name"]) for d in render("--values", values)]
            self.assertEqual(len(names), len(set(names)), values.name)


class Refuses(unittest.TestCase):
    def refused(self, *words: str, because: str) -> None:
        done = helm("template", "prod", CHART, "--values", CHART / "ci" / "minimal.yaml", *words)
        self.assertNotEqual(done.returncode, 0, f"{words} was taken")
        self.assertIn(because, done.stderr)

    def test_more_than_one_gateway(self) -> None:
        for replicas in (0, 2, 3):
            self.refused("--set", f"gateway.replicas={replicas}", because=f"gateway.replicas is {replicas}, and must be 1")

    def test_no_secret(self) -> None:
        self.refused("--set", "existingSecret=", because="existingSecret is not set")

    def test_values_that_do_not_exist(self) -> None:
        self.refused("--set", "gatway.replicas=1", because="gatway")
        self.refused("--set", "gateway.replica=1", because="replica")
        self.refused("--set", "settings.LOG_LEVEL=debug", because="LOG_LEVEL")


class Promises(unittest.TestCase):
    """What the values file promises, and what charts get wrong."""

    def test_selectors_hold_nothing_that_an_upgrade_changes(self) -> None:
        before = render("--values", CHART / "ci" / "minimal.yaml")
        with tempfile.TemporaryDirectory() as folder:
            chart = Path(folder) / "ampwarden"
            subprocess.run(["cp", "-rL", CHART, chart], check=True)
            meta = chart / "Chart.yaml"
            meta.write_text(re.sub(r'(?m)^(version|appVersion): .*', r'\1: "9.9.9"', meta.read_text()))
            done = helm("template", "prod", chart, "--namespace", "charging", "--values", CHART / "ci" / "minimal.yaml")
            self.assertEqual(done.returncode, 0, done.stderr)
            after = [document for document in yaml.safe_load_all(done.stdout) if document]

        def fixed(documents: list[dict]) -> dict:
            return {
                (d["kind"], d["metadata"]["name"]): (d["spec"]["selector"], d["spec"].get("volumeClaimTemplates"))
                for d in documents
                if d["kind"] in {"StatefulSet", "Deployment", "Service"}
            }

        self.assertEqual(fixed(before), fixed(after))

    def test_selectors_find_their_pods_and_no_others(self) -> None:
        for values in VALUES:
            documents = render("--values", values)
            templates = {name: template["metadata"]["labels"] for name, template in pods(documents)}
            for document in documents:
                if document["kind"] not in {"StatefulSet", "Deployment", "Service", "PodDisruptionBudget"}:
                    continue
                selector = document["spec"]["selector"]
                selector = selector.get("matchLabels", selector)
                found = [name for name, labels in templates.items() if selector.items() <= labels.items()]
                with self.subTest(values=values.name, document=document["metadata"]["name"]):
                    self.assertEqual(len(found), 1, found)

    def test_pods_are_locked_down_and_limited(self) -> None:
        for values in VALUES:
            for name, template in pods(render("--values", values)):
                pod = template["spec"]
                with self.subTest(values=values.name, pod=name):
                    self.assertTrue(pod["securityContext"]["runAsNonRoot"])
                    self.assertFalse(pod["automountServiceAccountToken"])
                    for container in pod["containers"]:
                        context = container["securityContext"]
                        self.assertTrue(context["readOnlyRootFilesystem"])
                        self.assertFalse(context["allowPrivilegeEscalation"])
                        self.assertEqual(context["capabilities"]["drop"], ["ALL"])
                        self.assertIn("memory", container["resources"]["limits"])
                        self.assertIn("cpu", container["resources"]["requests"])

    def test_servers_have_probes_on_ports_that_exist(self) -> None:
        for name, template in pods(render("--values", CHART / "ci" / "minimal.yaml")):
            for container in template["spec"]["containers"]:
                if container["name"] == "migrate":
                    continue
                with self.subTest(name):
                    ports = {port["name"] for port in container["ports"]}
                    for probe, path in (("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
                        self.assertEqual(container[probe]["httpGet"]["path"], path)
                        self.assertIn(container[probe]["httpGet"]["port"], ports)

    def test_monitors_select_the_metrics_services(self) -> None:
        documents = render("--values", CHART / "ci" / "everything.yaml")
        (monitor,) = of_kind(documents, "ServiceMonitor")
        self.assertEqual(monitor["metadata"]["labels"]["release"], "kube-prometheus-stack")
        wanted = monitor["spec"]["selector"]["matchLabels"]
        label = monitor["spec"]["jobLabel"]
        jobs = set()
        for service in of_kind(documents, "Service"):
            labels = service["metadata"]["labels"]
            if wanted.items() <= labels.items() and label in labels:
                jobs.add(labels[label])
                self.assertIn(monitor["spec"]["endpoints"][0]["port"], [port["name"] for port in service["spec"]["ports"]])
        self.assertEqual(jobs, {"ampwarden-gateway", "ampwarden-exporter", "ampwarden-anomaly"})

    def test_rules_are_those_of_the_project(self) -> None:
        rules = of_kind(render("--values", CHART / "ci" / "everything.yaml"), "PrometheusRule")
        files = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / "prometheus" / "rules").glob("*.yml")}
        rendered = {rule["metadata"]["name"].removeprefix("prod-ampwarden-"): rule["spec"] for rule in rules}
        self.assertEqual(rendered, files)
        with tempfile.TemporaryDirectory() as folder:
            for name, spec in rendered.items():
                path = Path(folder) / f"{name}.yml"
                path.write_text(yaml.safe_dump(spec))
                done = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_boards_are_those_of_the_project(self) -> None:
        documents = render("--values", CHART / "ci" / "everything.yaml")
        boards = [d for d in of_kind(documents, "ConfigMap") if d["metadata"]["labels"].get("grafana_dashboard") == "1"]
        rendered = {name: json.loads(text) for board in boards for name, text in board["data"].items()}
        files = {p.name: json.loads(p.read_text()) for p in (ROOT / "grafana" / "dashboards").glob("*.json")}
        self.assertTrue(files)
        self.assertEqual(rendered, files)

    def test_a_changed_configuration_rolls_the_pods(self) -> None:
        def checksums(*words: str) -> set[str]:
            documents = render("--values", CHART / "ci" / "minimal.yaml", *words)
            return {t["metadata"]["annotations"]["checksum/config"] for n, t in pods(documents) if not n.endswith("migrate")}

        self.assertEqual(len(checksums()), 1)
        self.assertNotEqual(checksums(), checksums("--set", "log.level=debug"))


class Configuration(unittest.TestCase):
    def test_ampwarden_takes_the_configuration(self) -> None:
        """The real binary reads what the chart renders, with the secrets' paths moved to where they are here."""
        for values in VALUES:
            documents = render("--values", values)
            texts = {d["data"]["ampwarden.toml"] for d in of_kind(documents, "ConfigMap") if "ampwarden.toml" in d["data"]}
            self.assertEqual(len(texts), 1, "the migration's configuration differs from the servers'")
            settings = {
                variable["name"]: variable["value"]
                for _, template in pods(documents)
                for container in template["spec"]["containers"]
                for variable in container.get("env", [])
            }
            with self.subTest(values.name):
                check_configuration(self, texts.pop(), settings)


if __name__ == "__main__":
    unittest.main()
