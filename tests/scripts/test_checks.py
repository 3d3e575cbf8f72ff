"""Each rule of scripts/check finds a planted violation, and leaves the same code without it alone."""

import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from checks import docs, formatting, functions, includes, layers, tidy, tree  # noqa: E402

HEADER = "// What it is for.\n#pragma once\n"


def make_tree(**files: str) -> tree.Tree:
    """make_tree(core__a_h=...) is a tree with core/a.h."""
    text = {}
    for key, content in files.items():
        stem, _, suffix = key.replace("__", "/").rpartition("_")
        text[f"{stem}.{suffix}"] = content
    return tree.Tree(text, frozenset(text))


class Layers(unittest.TestCase):
    def findings(self, **files: str) -> list[str]:
        return layers.check(make_tree(**files))

    def test_upward_include_is_found(self):
        files = {"engine__b_h": HEADER, "core__a_h": HEADER + '#include "engine/b.h"\n'}
        self.assertEqual(len(self.findings(**files)), 1)
        self.assertIn("core/a.h:3", self.findings(**files)[0])

    def test_downward_and_own_includes_pass(self):
        include = '#include "core/a.h"\n#include "kernels/c.h"\n'
        self.assertEqual(self.findings(core__a_h=HEADER, kernels__c_h=HEADER, kernels__b_h=HEADER + include), [])

    def test_same_level_is_not_lower(self):
        self.assertEqual(len(self.findings(comm__a_h=HEADER, data__b_h=HEADER + '#include "comm/a.h"\n')), 1)

    def test_single_headers_are_allowed_one_by_one(self):
        files = {"kernels__crop_h": HEADER, "kernels__backend_h": HEADER}
        self.assertEqual(self.findings(**files, data__b_h=HEADER + '#include "kernels/crop.h"\n'), [])
        self.assertEqual(len(self.findings(**files, data__b_h=HEADER + '#include "kernels/backend.h"\n')), 1)

    def test_nothing_uses_tests(self):
        self.assertEqual(len(self.findings(tests__a_h=HEADER, apps__b_cpp='#include "tests/a.h"\n')), 1)
        self.assertEqual(self.findings(apps__a_h=HEADER, tests__b_cpp='#include "apps/a.h"\n'), [])

    def test_include_without_folder_is_found(self):
        self.assertIn("no file of the project", self.findings(core__a_h=HEADER, core__b_cpp='#include "a.h"\n')[0])

    def test_vendor_headers_stay_at_home(self):
        homes = {"dnnl.hpp": "kernels", "oneapi/dnnl/dnnl.hpp": "kernels", "cuda_runtime.h": "kernels"}
        homes |= {"mpi.h": "comm", "nccl.h": "comm", "stb_image_write.h": "data", "omp.h": "kernels"}
        homes |= {"archive.h": "data", "archive_entry.h": "data", "curl/curl.h": "data__fetch", "md5.h": "data__fetch"}
        for header, home in homes.items():
            with self.subTest(header):
                line = f"#include <{header}>\n"
                self.assertEqual(self.findings(**{f"{home}__a_cpp": line}), [])
                self.assertEqual(len(self.findings(**{"train__a_cpp": line})), 1)
        self.assertEqual(len(self.findings(data__a_cpp="#include <curl/curl.h>\n")), 1, "a folder above its home")

    def test_threads_are_spread_in_launchers_only(self):
        loop = "#pragma omp parallel for\n"
        self.assertEqual(self.findings(kernels__launch__for_each_h=loop), [])
        self.assertEqual(len(self.findings(kernels__cpu__maps_cpp=loop)), 1)
        self.assertEqual(self.findings(kernels__cpu__maps_cpp="// no #pragma omp here\n"), [])

    def test_files_are_opened_in_core_only(self):
        for code in ("std::ifstream file(path);", "FILE* f = fopen(path, mode);", "::open(path, O_RDONLY | O_SYNC);"):
            self.assertEqual(len(self.findings(data__a_cpp=code + "\n")), 1, code)
            self.assertEqual(self.findings(core__a_cpp=code + "\n"), [])
        for code in ("open_regular_file(path, O_RDWR);", "gate.open(first, last);", "std::istringstream in(text);"):
            self.assertEqual(self.findings(data__a_cpp=code + "\n"), [], code)

    def test_threads_are_started_in_core_only(self):
        for code in ("std::vector<std::jthread> threads;", "std::thread(run).join();", "auto a = std::async(run);"):
            self.assertEqual(len(self.findings(comm__a_cpp=code + "\n")), 1, code)
            self.assertEqual(self.findings(core__a_cpp=code + "\n"), [])
        self.assertEqual(self.findings(comm__a_cpp='thread_ = start_thread("a watch", run);\n'), [])

    def test_unknown_folder_is_found(self):
        self.assertIn("no place in the order", self.findings(misc__a_cpp="int a;\n")[0])

    def test_rooms_of_train_have_an_order(self):
        def findings(room: str, header: str) -> list[str]:
            files = {f"train/{room}a.cpp": f'#include "{header}"\n', header: HEADER}
            return layers.check(tree.Tree(files, frozenset(files)))

        for room, header in (
            ("schedule/", "train/config/b.h"),
            ("checkpoint/", "train/step/b.h"),
            ("runs/", "train/config/b.h"),
            ("runs/", "core/b.h"),
            ("step/", "engine/b.h"),
            ("", "train/runs/b.h"),
        ):
            self.assertEqual(findings(room, header), [])
        for room, header in (
            ("config/", "train/schedule/b.h"),
            ("step/", "train/checkpoint/b.h"),
            ("step/", "train/b.h"),
            ("runs/", "train/schedule/b.h"),
            ("runs/", "kernels/b.h"),
        ):
            self.assertEqual(len(findings(room, header)), 1, (room, header))

    def test_links_follow_the_same_order(self):
        linked = {"core/CMakeLists.txt": "drift_library(drift_core PUBLIC drift_engine)\n"}
        self.assertEqual(len(layers.check(tree.Tree(linked, frozenset(linked)))), 1)
        linked = {"engine/CMakeLists.txt": "drift_library(drift_engine PUBLIC drift_kernels drift_flags)\n"}
        self.assertEqual(layers.check(tree.Tree(linked, frozenset(linked))), [])


class Includes(unittest.TestCase):
    def findings(self, **files: str) -> list[str]:
        return includes.check(make_tree(**files))

    def test_what_is_used_is_included(self):
        for header, use in (
            ("fmt/format.h", 'fmt::format("{}", 1)'),
            ("array", "std::array<int, 2> a;"),
            ("utility", "std::move(a)"),
            ("cstdint", "uint64_t a;"),
        ):
            found = self.findings(core__a_cpp=f"int b;\n{use}\n")
            self.assertEqual(len(found), 1, use)
            self.assertIn("core/a.cpp:2", found[0])
            self.assertEqual(self.findings(core__a_cpp=f"#include <{header}>\n{use}\n"), [])
            self.assertEqual(self.findings(core__a_cpp=f"// {use}\n"), [])

    def test_a_header_of_the_project_may_include_it(self):
        use = '#include "core/a.h"\nstd::vector<int> b;\n'
        through = '#include "core/c.h"\n#include "core/a.h"\n'
        self.assertEqual(
            self.findings(core__a_h=through, core__c_h="#include <vector>\n", core__b_cpp=use), [], "even in a ring"
        )
        self.assertEqual(len(self.findings(core__a_h=through, core__c_h="#include <array>\n", core__b_cpp=use)), 1)


class Tidy(unittest.TestCase):
    def assert_finds(self, text: str, **files: str):
        findings = tidy.check(make_tree(**files))
        self.assertEqual(len(findings), 1, findings)
        self.assertIn(text, findings[0])

    def test_clean_files_pass(self):
        source = '#include "core/a.h"\n'
        self.assertEqual(tidy.check(make_tree(core__a_h=HEADER, core__a_cpp=source, README_md="# A page\n")), [])

    def test_sizes(self):
        self.assert_finds("401 lines", core__a_h=HEADER + "int a;\n" * 399)
        self.assert_finds("121 columns", core__a_h=HEADER + "//" + "x" * 119 + "\n")
        body = "  f();\n" * 69
        self.assert_finds("g has 71 lines", core__a_h=HEADER + "void g() {\n" + body + "}\n")
        self.assert_finds("g has 71 lines", scripts__a_py='"""Doc."""\n\n\ndef g():\n' + "    f()\n" * 70)

    def test_white_space(self):
        self.assert_finds("tab", core__a_h=HEADER + "\tint a;\n")
        self.assert_finds("white space", core__a_h=HEADER + "int a; \n")
        self.assert_finds("no newline", core__a_h=HEADER + "int a;")

    def test_head(self):
        self.assert_finds("no comment", core__a_h="#pragma once\n")
        self.assert_finds("no #pragma once", core__a_h="// What it is for.\n")
        self.assert_finds("no comment", core__a_cpp="int a;\n")
        self.assert_finds("no comment", scripts__a_sh="#!/bin/sh\nset -e\n")

    def test_words(self):
        for line in ("int client;", "int comm_round;", "int iterations;", "using namespace std;", "// TODO: this"):
            with self.subTest(line):
                self.assert_finds("write", core__a_h=HEADER + line + "\n")
        self.assertEqual(tidy.check(make_tree(core__a_h=HEADER + "int clientele;\n")), [])

    def test_printing(self):
        for line in ("std::cout << 1;", 'std::printf("1");', 'fmt::print("1");', "fmt::print(stderr, a);"):
            with self.subTest(line):
                self.assert_finds("core/log.h", apps__a_h=HEADER + line + "\n")
                self.assertEqual(tidy.check(make_tree(bench__a_h=HEADER + line + "\n")), [])
        for line in ("snprintf(a);", 'print("1");'):
            self.assertEqual(tidy.check(make_tree(train__a_h=HEADER + line + "\n")), [])


class Docs(unittest.TestCase):
    SOURCES = {
        "core/a.h": HEADER + "struct Thing {\n  int size() const;\n};\nenum class Kind { kOne };\nvoid make_it(int);\n",
        "core/b.h": HEADER + "class Thing;  // Forgotten is gone\n",
        "train/config/a.cpp": 'f(row("period", "H", "local steps"), with_alias("wd", on_off(row("graphs"))));\n',
        "apps/a.cpp": 'command.add_switch("-q,--quiet", quiet, "no progress");\n',
        "scripts/a.py": 'parser.add_argument("--title")\n',
        "scripts/a.sh": "cmake --build build\n",
        "core/CMakeLists.txt": "option(DRIFT_CUDA)\n",
    }

    def findings(self, page: str, path: str = "docs/a.md") -> list[str]:
        files = {**self.SOURCES, path: page + "\n"}
        return docs.check(tree.Tree(files, frozenset(files)))

    def assert_finds(self, text: str, page: str):
        findings = self.findings(page)
        self.assertEqual(len(findings), 1, findings)
        self.assertTrue(findings[0].startswith("docs/a.md:1: "), findings)
        self.assertIn(text, findings[0])

    def test_links(self):
        self.assertEqual(self.findings("# The page\n[a](../core/a.h) [b](..) [c](#the-page) [d](https://x.org/#y)"), [])
        self.assert_finds("leads nowhere", "[a](../core/c.h)")
        self.assert_finds("no heading for #that-page", "[a](#that-page)")

    def test_paths(self):
        for path in ("core/a.h", "core/", "a.h", "config/a.cpp", "train/*/a.cpp", "runs/x/y.h", "build/bin/drift"):
            self.assertEqual(self.findings(f"`{path}`"), [], path)
        for path in ("core/c.h", "analysis/", "c.h", "train/*/b.cpp"):
            self.assert_finds("there is no", f"`{path}`")
        self.assertEqual(self.findings("`a.sh`", path="scripts/a.md"), [])

    def test_names(self):
        for name in ("Thing", "Thing::size()", "Kind::kOne", "kOne", "make_it", "make_it(3)", "all right", "PATH", "H"):
            self.assertEqual(self.findings(f"`{name}`"), [], name)
        for name in ("Forgotten", "Thing::count()", "Kind::kTwo", "kTwo", "made_it", "made(3)"):
            self.assert_finds("nothing in the sources is called", f"`{name}`")

    def test_homes(self):
        self.assertEqual(self.findings("`Thing`, `Kind` (`core/a.h`), `Thing` in `core/a.h`"), [])
        self.assert_finds("core/b.h does not declare Thing", "`Thing` (`core/b.h`)")
        self.assert_finds("core/b.h does not declare Kind", "| `Kind` in `core/b.h` |")

    def test_flags_and_variables(self):
        known = "--period 8`, `--wd`, `--no-graphs`, `--[no-]graphs`, `--quiet`, `--title`, `--build`, `--help"
        self.assertEqual(self.findings(f"`{known}`, `-DDRIFT_CUDA=ON`"), [])
        for flag in ("periods", "no-period-at-all", "loud"):
            self.assert_finds(f"no command has the flag --{flag}", f"`drift train --{flag}`")
        self.assert_finds("nothing reads DRIFT_CUDNN", "`-DDRIFT_CUDNN=ON`")

    def test_blocks_of_commands(self):
        page = "```\nbash scripts/a.sh build/bin/drift --period 8 core/{}\n```"
        self.assertEqual(self.findings(page.format("a.h")), [])
        self.assertIn("docs/a.md:2: there is no core/c.h", self.findings(page.format("c.h"))[0])
        self.assertEqual(len(self.findings("```\ndrift train --periods 8\n```")), 1)

    def test_quotes(self):
        page = "```cpp core/a.h\n{}\n```"
        size, end = "    int size() const;  // said here alone", "};"
        first, last = "struct Thing {", "void make_it(int);"
        for quote in (size, f"{size}\n{end}", f"{first}\n\n{size}", f"{first}\n...\n{last}"):
            self.assertEqual(self.findings(page.format(quote)), [], quote)
        for quote, line in (("int count();", 2), (f"{first}\n{end}", 3), (f"{end}\n...\n{size}", 4)):
            findings = self.findings(page.format(quote))
            self.assertEqual(len(findings), 1, findings)
            self.assertTrue(findings[0].startswith(f"docs/a.md:{line}: core/a.h does not go on with "), findings)
        self.assertEqual(len(self.findings("```cpp core/c.h\nint a;\n```")), 1)
        self.assertEqual(self.findings("```cpp\nint of_the_reader = 1;\n```"), [])
        self.assertEqual(self.findings(f"```text\nlower --rate {'x' * 121}\n```"), [])

    def test_sources_name_pages_that_exist(self):
        for name, count in (("docs/a.md", 0), ("docs/b.md", 1)):
            files = {"core/a.h": HEADER + f"// Why: {name}.\n", "docs/a.md": "# A page\n"}
            self.assertEqual(len(docs.check(tree.Tree(files, frozenset(files)))), count, name)

    def test_shape(self):
        self.assert_finds("121 columns", "x" * 121)
        self.assertEqual(self.findings("https://x.org/" + "x" * 121), [])
        self.assert_finds("a cell of 201 characters", f"| a | {'x' * 201} |")
        self.assertEqual(self.findings(f"| {'x' * 199} | {'x' * 199} |"), [])
        self.assertEqual(self.findings("| a | b |\n|---|---|\n| c \\| d | e |\n\n| f |\n|---|"), [])
        self.assertEqual(self.findings("| a | b |\n|---|---|\n| c |"), ["docs/a.md:3: 1 cell(s) below 2"])
        self.assert_finds("does not end on its line", "`make_it\n")


class Trees(unittest.TestCase):
    def test_without_git_only_what_builds_and_runs_make_is_left_out(self):
        with tempfile.TemporaryDirectory() as folder:
            names = {"train/runs/a.h", "scripts/a.py"}
            for name in names | {"runs/x/a.py", "build/a.h", "build-asan/a.h", "scripts/__pycache__/a.py"}:
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("")
            self.assertEqual(tree.project(Path(folder)).names, names)


class Functions(unittest.TestCase):
    def names(self, text: str) -> dict[str, int]:
        return {function.name: function.lines for function in functions.find(text)}

    def test_free_functions_and_methods(self):
        text = "namespace a {\nint f(int x) {\n  return x;\n}\n"
        text += "class B : public C {\n public:\n  void m() const {}\n};\n}\n"
        self.assertEqual(self.names(text), {"f": 3, "m": 1})

    def test_constructor_with_initialisers(self):
        self.assertEqual(self.names("A::A(int x)\n    : x_{x},\n      y_{1} {\n  f();\n}\n"), {"A::A": 5})

    def test_lambdas_and_blocks_belong_to_their_function(self):
        text = "void f() {\n  auto g = [](int x) {\n    return x;\n  };\n  if (a) {\n  }\n}\n"
        self.assertEqual(self.names(text), {"f": 7})

    def test_strings_comments_and_macros_do_not_confuse(self):
        text = "#define X(a) do { \\\n  } while (0)\n// {\n"
        text += "void f() {\n  g(\"}\", '{', R\"(}})\");  /* } */\n}\nvoid h() {}\n"
        self.assertEqual(self.names(text), {"f": 3, "h": 1})

    def test_tables_are_no_functions(self):
        text = "const int kTable[] = {\n  f(1),\n};\nenum class E : int { kA };\nstruct S {\n};\n"
        self.assertEqual(self.names(text), {})

    def test_templates(self):
        text = "template <class T, class = std::enable_if_t<g<T>()>>\nvoid f(T x) {\n}\n"
        text += "template <class T>\nstruct S {};\n"
        self.assertEqual(self.names(text), {"f": 3})


class Formatting(unittest.TestCase):
    def test_another_version_is_a_visible_skip(self):
        answer = mock.Mock(stdout="clang-format version 18.1.3")
        with mock.patch("subprocess.run", return_value=answer), mock.patch("shutil.which", return_value="/bin/x"):
            self.assertRaises(tree.Skipped, formatting.check, make_tree(core__a_h=HEADER))

    def test_findings_are_one_per_file(self):
        errors = "a.h:1:2: error: code should be formatted\na.h:9:2: error: code should be formatted\n"
        with mock.patch("subprocess.run", return_value=mock.Mock(stderr=errors)):
            with mock.patch.object(formatting, "find_clang_format", return_value="clang-format"):
                self.assertEqual(len(formatting.check(make_tree(core__a_h=HEADER))), 1)


if __name__ == "__main__":
    unittest.main()
