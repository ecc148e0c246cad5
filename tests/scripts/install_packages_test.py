# SPDX-License-Identifier: MIT
"""scripts/install_packages installs what is missing and nothing else, among false commands."""
import os
import stat
import subprocess

import bad_tree

SCRIPT = os.path.join(bad_tree.ROOT, "scripts", "install_packages")
FALSE_DPKG_QUERY = """#!/bin/bash
shift 3 2>/dev/null
for name in "$@"; do
  case " $INSTALLED " in *" $name "*) echo "$name ii " ;; esac
done
echo "no packages found" >&2
exit 1
"""
FALSE_APT_GET = """#!/bin/bash
echo "$*" >>"$LOG"
exit "${APT_STATUS:-0}"
"""


class InstallPackages(bad_tree.TreeTest):
    def setUp(self):
        super().setUp()
        self.log = os.path.join(self.root, "log")
        for name, text in (("dpkg-query", FALSE_DPKG_QUERY), ("apt-get", FALSE_APT_GET),
                           ("id", "#!/bin/bash\necho ${USER_ID:-0}\n")):
            self.command(name, text)
        for name in ("bash", "env", "sed", "tr", "mktemp", "rm", "cat", "dirname"):
            os.symlink(subprocess.check_output(["which", name], text=True).strip(),
                       os.path.join(self.root, "bin", name))

    def command(self, name, text):
        self.write(f"bin/{name}", text)
        path = os.path.join(self.root, "bin", name)
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)

    def run_script(self, *args, **variables):
        environment = {"PATH": os.path.join(self.root, "bin"), "LOG": self.log, "HOME": self.root,
                       **variables}
        done = subprocess.run([SCRIPT, *args], env=environment, capture_output=True, text=True,
                              check=False)
        calls = []
        if os.path.exists(self.log):
            with open(self.log, encoding="utf-8") as file:
                calls = file.read().splitlines()
        return done.returncode, done.stderr, calls

    def all_packages(self, *groups):
        return subprocess.check_output([SCRIPT, "--list", *groups], text=True).split()

    def test_every_group_has_packages_and_each_stands_once(self):
        names = [name for group in ("run", "test") for name in self.all_packages(group)]
        self.assertEqual(len(names), len(set(names)))
        for group in ("run", "test"):
            self.assertTrue(self.all_packages(group))

    def test_nothing_is_called_when_everything_is_there(self):
        status, error, calls = self.run_script("run", INSTALLED=" ".join(self.all_packages("run")))
        self.assertEqual((status, error, calls), (0, "", []))

    def test_only_what_is_missing_is_installed(self):
        names = self.all_packages("run", "test")
        status, error, calls = self.run_script("run", "test", INSTALLED=" ".join(names[2:]))
        self.assertEqual(status, 0, error)
        self.assertEqual(len(calls), 2)
        self.assertTrue(calls[0].endswith(" update"))
        self.assertTrue(calls[1].endswith(f" {names[0]} {names[1]}"), calls[1])
        self.assertIn(f"Installing 2 Debian packages: {names[0]} {names[1]}", error)

    def test_without_rights_the_error_says_what_to_install(self):
        status, error, calls = self.run_script("run", INSTALLED="", USER_ID="1000")
        self.assertEqual((status, calls), (1, []))
        self.assertIn("needs root or sudo", error)
        self.assertIn("apt-get install " + " ".join(self.all_packages("run")), error)

    def test_a_user_with_sudo_installs_through_it(self):
        self.command("sudo", '#!/bin/bash\necho "sudo" >>"$LOG"\nexec "$@"\n')
        status, error, calls = self.run_script("run", INSTALLED="", USER_ID="1000")
        self.assertEqual(status, 0, error)
        self.assertEqual(calls.count("sudo"), 2)

    def test_a_failing_apt_is_an_error_with_its_words(self):
        status, error, _ = self.run_script("run", INSTALLED="", APT_STATUS="100")
        self.assertEqual(status, 1)
        self.assertIn("apt-get update failed", error)

    def test_an_unknown_group_is_wrong_use(self):
        self.assertEqual(self.run_script("nonsense")[0], 2)


bad_tree.main()
