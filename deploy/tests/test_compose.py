"""deploy/compose without Docker: what it names exists, and Ampwarden takes its configuration."""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml
from binary import ROOT, check_configuration

COMPOSE = ROOT / "deploy" / "compose"


def variables(path: Path) -> set[str]:
    return {line.split("=", 1)[0] for line in path.read_text().splitlines() if "=" in line and not line.startswith("#")}


class Compose(unittest.TestCase):
    text = (COMPOSE / "compose.yaml").read_text()
    file = yaml.safe_load(text)
    services = file["services"]

    def test_every_variable_has_a_value_in_the_example(self) -> None:
        used = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", self.text))
        self.assertEqual(used, variables(COMPOSE / ".env.example"))

    def test_every_mounted_file_exists_and_every_volume_is_declared(self) -> None:
        for name, service in self.services.items():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                with self.subTest(service=name, volume=source):
                    if source.startswith("."):
                        self.assertTrue((COMPOSE / source).exists(), "does not exist")
                    else:
                        self.assertIn(source, self.file["volumes"])

    def test_services_wait_for_services_that_exist_and_can_tell(self) -> None:
        for name, service in self.services.items():
            for other, how in service.get("depends_on", {}).items():
                with self.subTest(service=name, waits_for=other):
                    self.assertIn(other, self.services)
                    if how["condition"] == "service_healthy":
                        self.assertIn("healthcheck", self.services[other])

    def test_every_server_has_a_health_check(self) -> None:
        for name, service in self.services.items():
            if service["restart"] != "no":
                self.assertIn("healthcheck", service, name)

    def test_only_what_stations_need_is_published_to_others(self) -> None:
        for name, service in self.services.items():
            for port in service.get("ports", []):
                if not port.startswith("127.0.0.1:"):
                    self.assertRegex(port, r"^\$\{(OCPP|MQTT|BROKER)_PORT\}:", name)

    def test_prepare_makes_every_secret_once(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for file in ("prepare.sh", ".env.example"):
                shutil.copy(COMPOSE / file, folder)
            subprocess.run([f"{folder}/prepare.sh"], check=True, capture_output=True)
            paths = [Path(folder) / secret["file"] for secret in self.file["secrets"].values()]
            made = [path.read_text() for path in paths]
            self.assertTrue(all(re.fullmatch("[0-9a-f]{64}", secret) for secret in made))
            self.assertEqual(len(set(made)), len(made))
            self.assertEqual((Path(folder) / "secrets").stat().st_mode & 0o777, 0o700)
            subprocess.run([f"{folder}/prepare.sh"], check=True, capture_output=True)
            self.assertEqual(made, [path.read_text() for path in paths])

    def test_prometheus_scrapes_the_same_jobs_as_on_one_machine(self) -> None:
        ours = yaml.safe_load((COMPOSE / "prometheus.yml").read_text())
        theirs = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text())

        def jobs(file: dict) -> list[tuple[str, str]]:
            return [
                (job["job_name"], target.rsplit(":", 1)[1])
                for job in file["scrape_configs"]
                for static in job["static_configs"]
                for target in static["targets"]
            ]

        self.assertEqual(jobs(ours), jobs(theirs))
        for table in ("global", "rule_files"):
            self.assertEqual(ours[table], theirs[table])
        hosts = {t.rsplit(":", 1)[0] for job in ours["scrape_configs"] for s in job["static_configs"] for t in s["targets"]}
        self.assertLessEqual(hosts - {"127.0.0.1"}, set(self.services))

    def test_ampwarden_takes_the_configuration(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for file in ("prepare.sh", ".env.example"):
                shutil.copy(COMPOSE / file, folder)
            subprocess.run([f"{folder}/prepare.sh"], check=True, capture_output=True)
            name, _, value = (Path(folder) / "secrets" / "api-tokens.env").read_text().strip().partition("=")
        check_configuration(self, (COMPOSE / "ampwarden.toml").read_text(), {name: value})


if __name__ == "__main__":
    unittest.main()
