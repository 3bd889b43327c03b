"""Holds the harness to what README.md says of it, in two seconds: `python3 Benchmarks/tests.py`. No server, no peer."""

import os
import sys
import tempfile
import unittest

from harness import measure, results, rows, scripts

GOAL = rows.Goal("dump", 1.35, "raw", reason="the read back is not free")
HERE = os.path.dirname(os.path.abspath(__file__))


def judged(*rounds):
    """The verdict over GOAL of a dump that took so many times what the peer took, a round each."""
    return rows.judge([rows.checked(rows.compare("dump", list(rounds), "raw", [1.0] * len(rounds), "s"))], [GOAL])[0]


class Judgement(unittest.TestCase):
    def test_a_goal_is_missed_only_by_more_than_its_spread(self):
        self.assertEqual(judged(1.3, 1.35, 2).word, "met")
        self.assertEqual(judged(1.3, 1.5, 1.6).word, "missed by less than its spread")
        self.assertFalse(judged(1.3, 1.5, 1.6).is_missed)
        self.assertEqual(judged(1.7, 1.8, 1.9).word, "**missed**")
        self.assertTrue(judged(1.7, 1.8, 1.9).is_missed)

    def test_what_was_measured_once_is_not_judged(self):
        self.assertEqual(judged(9).word, "missed, measured once")
        self.assertFalse(judged(9).is_missed)

    def test_what_was_not_measured_stays_in_the_table(self):
        verdict = rows.judge([], [GOAL])[0]
        self.assertEqual(verdict.word, "not measured")
        self.assertIn("not measured", results.page([], [verdict], [], 3, "today"))
        self.assertIn("the read back is not free", results.page([], [verdict], [], 3, "today"))

    def test_the_table_wins_over_the_goal_of_a_script(self):
        row = rows.checked({"row": "dump", "ours": 1.3, "peer": 1, "peer_name": "raw", "unit": "s", "ratio": 1.3,
                            "spread": [1.3, 1.3], "goal": 1.1})
        self.assertEqual([verdict.word for verdict in rows.judge([row], [GOAL])], ["met"])
        self.assertEqual([verdict.word for verdict in rows.judge([row], [])], ["**missed**"])

    def test_differences_and_bounds_have_spreads_of_their_own(self):
        row = rows.checked(rows.compare("small", [0.20, 0.25, 0.3], "raw", [0.1, 0.1, 0.1], "s"))
        of = rows.Goal("small", 0.15, "raw", "difference", "s")
        self.assertAlmostEqual(rows.judge([row], [of])[0].figure, 0.15)
        own = rows.judge([rows.checked(rows.bound("ready", [2, 4, 5], "s"))], [rows.Goal("ready", 3, of="ours", unit="s")])[0]
        self.assertEqual((own.figure, own.spread, own.word), (4, [2, 5], "missed by less than its spread"))

    def test_a_row_that_is_none_is_refused(self):
        for bad in ([], {"row": "dump", "unit": "s"}, {"row": "dump", "ours": "1", "unit": "s"},
                    {"row": "dump", "ours": 1, "unit": "s", "goal_of": "speed"}):
            self.assertRaises(rows.Malformed, rows.checked, bad)

    def test_a_word_that_the_table_of_goals_does_not_know_is_refused(self):
        rows.goals(f"{HERE}/goals.toml")
        for bad in ('row = "dump"\nmost = 1\npeers = "raw"', 'row = "dump"\nmost = 1', 'row = "dump"\nmost = 1\nof = "speed"'):
            with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
                file.write(f"[[goal]]\n{bad}\n")
                file.flush()
                self.assertRaises(rows.Malformed, rows.goals, file.name)


class Scripts(unittest.TestCase):
    def test_what_restores_say_becomes_rows(self):
        one = {"seconds": 6, "fastest": 5, "slowest": 7, "ratio": 1, "ratioLowest": 1, "ratioHighest": 1, "goal": None}
        hand = one | {"seconds": 5, "ratio": 1.2, "ratioLowest": 1.1, "ratioHighest": 1.3, "goal": 1.1}
        said = {"format": "custom", "rounds": 3, "databaseBytes": 10**9,
                "rows": {"restore": one, "pg_restore -j2": hand, "best by hand": hand, "comparingSeconds": 0.4}}
        found = [rows.checked(row) for row in scripts.restore_rows(said)]
        self.assertEqual([row["peer_name"] for row in found], ["pg_restore -j2", scripts.HAND])
        self.assertEqual([(row["ours"], row["peer"], row["ratio"], row["spread"]) for row in found], [(6, 5, 1.2, [1.1, 1.3])] * 2)

    def test_what_sixty_dumps_say_becomes_rows(self):
        said = {"dumps": 60, "tables": 100, "listSeconds": 0.1, "tools": [
            {"name": "ours", "first": 10e6, "all": 40e6, "seconds": 1}, {"name": "borg", "first": 9e6, "all": 50e6, "seconds": 4}]}
        found = [rows.checked(row) for row in scripts.space_rows(said)]
        goal = [goal for goal in rows.goals(f"{HERE}/goals.toml") if goal.peer == "one dump"]
        self.assertEqual([(verdict.word, verdict.figure) for verdict in rows.judge(found, goal)], [("met", 4)])
        self.assertEqual([row["ratio"] for row in found], [4, 0.8, 0.25, None])

    def test_a_slot_that_never_came_makes_lateness_no_figure(self):
        one = {"slots": "over one second", "jobs": 1000, "lost": 0, "p50Milliseconds": 5, "p99Milliseconds": 20}
        found = [rows.checked(row) for row in scripts.lateness_rows([one, one | {"p99Milliseconds": 30}])]
        goal = [goal for goal in rows.goals(f"{HERE}/goals.toml") if goal.unit == "ms"]
        self.assertEqual([verdict.figure for verdict in rows.judge(found, goal)], [25])
        self.assertRaises(measure.Failed, scripts.lateness_rows, [one, one | {"lost": 1}])

    def test_what_a_large_root_says_becomes_rows(self):
        row = {"command": "list job_05000", "seconds": 0.1, "fastest": 0.1, "slowest": 0.2, "goalSeconds": 0.3}
        said = {"jobs": 10_000, "dumpsEach": 100, "sweepSeconds": 9, "peakKilobytes": 100_000, "foldersTouchedByPrune": None,
                "rows": [row, row | {"command": "status"}, row | {"command": "status --json"}, row | {"command": "prune job_05000"}]}
        found = [rows.checked(row) for row in scripts.storage_rows(said)]
        goals = [goal for goal in rows.goals(f"{HERE}/goals.toml") if goal.row.endswith("over 10,000 jobs")]
        self.assertEqual([verdict.word for verdict in rows.judge(found, goals)], ["met", "met"])
        self.assertEqual(len({row["row"] for row in found}), 6)

    def test_a_script_that_says_nothing_has_failed(self):
        for words in (["exit(1)"], ["print('[]'); exit(2)"]):
            self.assertRaises(measure.Failed, scripts.run, [sys.executable, "-c", *words])
        self.assertEqual(scripts.run([sys.executable, "-c", "print('[]'); exit(1)"]), "[]\n")


class Measuring(unittest.TestCase):
    def test_cpu_and_memory_are_those_of_the_whole_tree(self):
        child = "held = bytearray(60_000_000); [number * number for number in range(5_000_000)]; time.sleep(1)"
        parent = f"import subprocess, sys; held = bytearray(60_000_000); " \
                 f"subprocess.run([sys.executable, '-c', 'import time; {child}'], check=True)"
        cost = measure.run(measure.Command("tree", f"{sys.executable} -c \"{parent}\""))
        self.assertGreater(cost.peak, 100_000_000)
        self.assertGreater(cost.cpu, 0.2)
        self.assertEqual(cost.server_cpu, 0)

    def test_a_peer_that_fails_is_left_out_and_ours_is_not(self):
        told = []
        measure.talk, talk = told.append, measure.talk
        try:
            costs = measure.interleave([measure.Command("ours", "true"), measure.Command("peer", "exit 3", optional=True)], 2)
            self.assertEqual([(name, len(found)) for name, found in costs.items()], [("ours", 2)])
            self.assertIn("left out", "".join(told))
            with self.assertRaises(measure.Failed):
                measure.interleave([measure.Command("ours", "exit 3")], 1)
        finally:
            measure.talk = talk

    def test_rounds_are_in_turn_and_what_comes_before_is_not_timed(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/order"

            def note(word):
                with open(path, "a") as file:
                    file.write(word)

            commands = [measure.Command("a", f"printf a >> {path}", lambda: note("<")), measure.Command("b", f"printf b >> {path}")]
            measure.interleave(commands, 2, each_round=lambda number: note(str(number)))
            with open(path) as file:
                self.assertEqual(file.read(), "0<ab1<ab")


if __name__ == "__main__":
    unittest.main()
