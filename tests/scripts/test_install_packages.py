"""scripts/install_packages.sh against a made-up machine: a PATH with nothing but recording fakes of what it calls."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "install_packages.sh"


class InstallPackages(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.bin = Path(directory.name)
        self.calls = self.bin / "calls"
        for program in ("bash", "env"):
            os.symlink(shutil.which(program), self.bin / program)
        self.fake("apt-get", f'echo "$@" >> {self.calls}')

    def fake(self, name: str, body: str):
        path = self.bin / name
        path.write_text(f"#!{shutil.which('bash')}\n{body}\n")
        path.chmod(0o755)

    def machine(self, user: int, missing: str, sudo: bool):
        """missing: the one package that is not installed, or "" for none."""
        self.fake("id", f"echo {user}")
        self.fake("dpkg-query", f'[ "${{@: -1}}" = "{missing}" ] && exit 1; echo -n installed')
        if sudo:
            self.fake("sudo", f'echo "sudo" >> {self.calls}; exec "$@"')

    def run_script(self, *arguments: str) -> subprocess.CompletedProcess:
        command = [str(self.bin / "bash"), str(SCRIPT), *arguments]
        return subprocess.run(command, env={"PATH": str(self.bin)}, capture_output=True, text=True)

    def apt_calls(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def test_nothing_missing_does_nothing_and_needs_no_rights(self):
        self.machine(user=1000, missing="", sudo=False)
        result = self.run_script("tests")
        self.assertEqual((result.returncode, len(result.stdout.splitlines())), (0, 1))
        self.assertEqual(self.apt_calls(), [])

    def test_root_updates_then_installs_what_is_missing_only(self):
        self.machine(user=0, missing="libcli11-dev", sudo=False)
        self.assertEqual(self.run_script("run").returncode, 0)
        update, install = self.apt_calls()
        self.assertTrue(update.endswith(" update"))
        self.assertTrue(install.endswith(" libcli11-dev"))
        self.assertNotIn("cmake", install)

    def test_what_no_repository_offers_is_left_out(self):
        self.machine(user=1000, missing="chromium", sudo=False)
        self.fake("apt-cache", 'echo "  Candidate: (none)"')
        self.assertEqual(self.run_script("tests").returncode, 0)
        self.assertEqual(self.apt_calls(), [])
        self.machine(user=0, missing="chromium", sudo=False)
        self.fake("apt-cache", 'echo "  Candidate: 156.0"')
        self.assertEqual(self.run_script("tests").returncode, 0)
        self.assertTrue(self.apt_calls()[1].endswith(" chromium"))

    def test_user_goes_through_sudo(self):
        self.machine(user=1000, missing="libgtest-dev", sudo=True)
        self.assertEqual(self.run_script("tests").returncode, 0)
        self.assertEqual(self.apt_calls()[0::2], ["sudo", "sudo"])

    def test_user_without_sudo_is_told_the_command(self):
        self.machine(user=1000, missing="cmake", sudo=False)
        result = self.run_script("run")
        self.assertEqual(result.returncode, 1)
        self.assertIn("apt-get install -y cmake", result.stderr)
        self.assertEqual(self.apt_calls(), [])

    def test_packages_of_the_tests_are_not_needed_to_run(self):
        self.machine(user=0, missing="libgtest-dev", sudo=False)
        self.assertEqual(self.run_script("run").returncode, 0)
        self.assertEqual(self.apt_calls(), [])

    def test_wrong_usage(self):
        self.machine(user=0, missing="", sudo=False)
        for arguments in ((), ("everything",)):
            self.assertEqual(self.run_script(*arguments).returncode, 2)


if __name__ == "__main__":
    unittest.main()
