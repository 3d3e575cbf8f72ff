"""scripts/gpu_check.sh on a made-up machine: a copy of the script where the build, the GPU and the tools are fakes. Its
report tells of what ran, what failed and what is not there, and the exit code agrees."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "gpu_check.sh"

# Writes the records of as many steps as it is asked for, and says what a run ends with.
DRIFT = """
case " $* " in
  *" --version "*) echo "drift 1.2.3"; exit 0 ;;
  *" --batch-norm cudnn "*) [ -z "$CUDNN_FAILS" ] || exit 5 ;;
esac
[ "$1" = train ] || exit 0
out= steps=400
while [ $# -gt 0 ]; do
  case $1 in --out) out=$2 ;; --steps) steps=$2 ;; esac
  shift
done
mkdir -p "$out"
times='"t_step": 0.0042, "t_fwd": 0.001, "t_bwd": 0.002, "t_opt": 0.0003, "t_enqueue": 0.0001, "t_comm": 0.0005'
for ((i = 0; i < steps; ++i)); do echo '{"kind": "step", '"$times"', "img_s": 31000}'; done > "$out/metrics.jsonl"
echo "top1 0.9300"
"""

# What the report makes of them.
ROW = "| K = 32 | 4.200 | 1.000 | 2.000 | 0.300 | 0.100 | 0.500 | 31000 |"


class GpuCheck(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.project = Path(directory.name)
        self.tools = self.project / "tools"
        for folder in ("scripts", "build/bin", "tools"):
            (self.project / folder).mkdir(parents=True)
        shutil.copy(SCRIPT, self.project / "scripts")
        for script in ("install_packages", "fetch_cudnn_frontend"):
            self.fake(self.project / "scripts" / f"{script}.sh", "true")
        self.fake(self.project / "build/bin/drift", DRIFT)
        self.fake(self.project / "build/bin/bench_floor", "echo '| **step** | 287 |'")
        self.fake(self.tools / "cmake", "true")
        self.fake(self.tools / "git", "echo abc1234")
        self.fake(self.tools / "nvidia-smi", "case $* in *name*) echo 'NVIDIA X1' ;; *) echo 580.1 ;; esac")
        self.fake(self.tools / "ctest", "echo '100% tests passed, 0 tests failed out of 243'")
        self.fake(self.tools / "compute-sanitizer", 'while [ "$1" != build/bin/drift ]; do shift; done; exec "$@"')

    @staticmethod
    def fake(path: Path, body: str):
        path.write_text(f"#!{shutil.which('bash')}\n{body}\n")
        path.chmod(0o755)

    def check(self, **environment: str) -> tuple[int, str]:
        path = f"{self.tools}:{os.environ['PATH']}"
        done = subprocess.run(["bash", "scripts/gpu_check.sh"], cwd=self.project, capture_output=True, text=True,
                              env=os.environ | {"PATH": path} | environment)
        report = self.project / "build/gpu_report.md"
        if report.exists():
            self.assertIn(report.read_text(), done.stdout)
        return done.returncode, report.read_text() if report.exists() else done.stderr

    def test_where_all_is_well_the_report_says_so_on_a_page(self):
        code, report = self.check()
        self.assertEqual(code, 0, report)
        self.assertLess(len(report.splitlines()), 50)
        for part in (ROW, "NVIDIA X1", "580.1", "drift 1.2.3", "abc1234", "passed", "out of 243", "top1 0.9300",
                     "| racecheck | found nothing |", "| synccheck | found nothing |"):
            self.assertIn(part, report)

    def test_what_a_sanitizer_finds_fails_the_check(self):
        self.fake(self.tools / "compute-sanitizer", 'case $* in *racecheck*) echo "RACE" ; exit 86 ;; esac')
        code, report = self.check()
        self.assertEqual(code, 1)
        self.assertIn("| racecheck | FOUND SOMETHING", report)
        self.assertIn("| memcheck | found nothing |", report)

    def test_a_failed_test_or_run_fails_the_check_and_the_others_still_run(self):
        self.fake(self.tools / "ctest", "exit 8")
        code, report = self.check(CUDNN_FAILS="1")
        self.assertEqual(code, 1)
        self.assertIn("Tests labelled gpu: failed", report)
        self.assertIn("| K = 1, cuDNN's batch norms | failed | | | | | | |", report)
        self.assertIn(ROW, report)

    def test_without_a_gpu_nothing_is_built(self):
        self.fake(self.tools / "nvidia-smi", "exit 9")
        code, text = self.check()
        self.assertEqual(code, 5)
        self.assertIn("no NVIDIA GPU answers here", text)


if __name__ == "__main__":
    unittest.main()
