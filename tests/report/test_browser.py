"""The page in a real browser: headless Chromium, without any network."""

import json
import shutil
from importlib.resources import files

import pytest

import nasbench_kit as nbk
from nasbench_kit.report import html_page, report_of

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
C100 = "nasbench201/cifar100"
AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FOCUSED = """() => {
    const { tagName, id } = document.activeElement;
    return [tagName, id, getComputedStyle(document.activeElement).outlineStyle];
}"""
VALUES = "(options) => options.map((one) => one.value)"
TOO_WIDE = """() => [...document.querySelectorAll("main *")]
    .filter((one) => !one.closest(".scroll, thead") && one.getBoundingClientRect().right > 361)
    .map((one) => one.outerHTML.slice(0, 80))"""

pytestmark = [
    pytest.mark.skipif(
        BROWSER is None, reason="THE PAGE WAS NOT TESTED: there is no Chromium (apt-get install chromium)"
    ),
    pytest.mark.xdist_group("browser"),
]


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture
def shown(browser, page):
    """The page in a new tab, which fails the test if the page has any error or asks for anything."""
    tabs, complaints = [], []

    def show(address="", page=page, **how):
        context = browser.new_context(**how)
        tab = context.new_page()
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on(
            "request",
            lambda request: (
                None if request.url.startswith(("file:", "data:", "blob:")) else complaints.append(request.url)
            ),
        )
        tab.goto(page.as_uri() + address)
        tabs.append(context)
        return tab

    yield show
    for context in tabs:
        context.close()
    assert complaints == []


def words(tab, figure="regret"):
    return tab.locator(f"#{figure}-words").inner_text()


def values(tab):
    return tab.locator("#legend .value").all_inner_texts()


def listed(tab, only=""):
    """Names in the legend; with `only=":checked"` those that are."""
    return tab.locator(f"#legend label:has(input{only}) span:not(.value)").all_inner_texts()


def picture(tab, figure="regret"):
    return tab.evaluate(f"document.querySelector('#{figure}-plot canvas').toDataURL()")


def violations(tab, *rules, within="html"):
    """What axe-core finds in a part of the page, by all rules or some, after it looked at enough."""
    tab.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text())
    found = tab.evaluate("([part, runOnly]) => axe.run(part, { runOnly })", [within, list(rules) or AA])
    assert len(found["passes"]) > (0 if rules else 20 if within == "html" else 5)
    return [(one["id"], [node["target"] for node in one["nodes"]]) for one in found["violations"]]


def test_nothing_that_a_user_gave_runs(shown):
    tab = shown()
    assert tab.evaluate("window.hacked") is None
    assert tab.locator("img").count() == 0


def test_optimizers_may_be_called_like_anything_that_objects_have(browser, tmp_path):
    for bench, name in (("nasbench201/cifar10", "__proto__"), (C100, "constructor")):
        optimizers = [("random_search", {}, name), ("local_search", {}, "toString")]
        nbk.compare(bench, optimizers, runs=2, n_evaluations=4, study=tmp_path / "odd.db", n_processes=1)
    page = tmp_path / "odd.html"
    page.write_text(html_page(report_of(tmp_path / "odd.db")), encoding="utf-8")
    tab, complaints = browser.new_page(), []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(page.as_uri() + "#statistic=toString&axis=constructor")
    assert (listed(tab), "" in values(tab)) == (["proto", "toString"], False)
    tab.select_option("#panel", C100)
    assert (listed(tab), "" in values(tab)) == (["toString", "constructor"], False)
    tab.close()
    assert complaints == []


@pytest.fixture(scope="module")
def many_page(beside_many, tmp_path_factory):
    """Two searches beside an archive of ten, of which one has runs on the second benchmark."""
    path = tmp_path_factory.mktemp("page") / "many.html"
    path.write_text(html_page(report_of(beside_many[0], against=beside_many[1])), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def alone_page(tmp_path_factory):
    """Two optimizers on one benchmark, one of them alone on another, the other alone where no run has an incumbent."""
    place = tmp_path_factory.mktemp("alone")
    how = {"runs": 2, "n_evaluations": 5, "study": place / "alone.db", "n_processes": 1}
    nbk.compare("nasbench201/cifar10", ["random_search", "local_search"], **how)
    nbk.compare(C100, "local_search", **how)
    nowhere = nbk.load("nasbench201/imagenet16-120", constraints=["params_m<=0.081"])
    nbk.compare(nowhere, "random_search", **how | {"n_evaluations": 2})
    path = place / "alone.html"
    path.write_text(html_page(report_of(place / "alone.db")), encoding="utf-8")
    return path


def test_random_search_and_what_is_set_beside_an_archive_are_checked_however_they_end(shown, many_page):
    tab = shown(page=many_page)
    assert len(listed(tab)) == 12
    checked = listed(tab, ":checked")
    assert len(checked) == 8
    assert {"random search", "ours"} <= set(checked)
    last = dict(zip(listed(tab), map(float, values(tab)), strict=True))
    assert last["ours"] == max(last.values())  # by how it ended it would not be
    rest = sorted(last[name] for name in last if name not in ("ours", "random search"))
    assert sorted(last[name] for name in checked if name not in ("ours", "random search")) == rest[:6]


def test_the_legend_lists_who_has_runs_on_the_benchmark_and_says_who_has_none(shown, many_page):
    tab = shown(page=many_page)
    assert not tab.locator("#absent").is_visible()
    tab.select_option("#panel", C100)
    there = {"random search", "ours", "local search 1"}
    assert set(listed(tab)) == set(listed(tab, ":checked")) == there
    absent = ", ".join(f"local search {k}" for k in range(2, 11))
    assert tab.locator("#absent").inner_text() == f"No runs on this benchmark: {absent}."
    tab.select_option("#panel", "nasbench201/cifar10")
    assert len(listed(tab, ":checked")) == 8


def test_what_was_unchecked_stays_so_on_other_benchmarks_and_when_the_page_is_opened_again(shown, many_page):
    tab = shown(page=many_page)
    tab.locator("#legend label", has_text="ours").locator("input").uncheck()
    tab.select_option("#panel", C100)
    assert "ours" not in listed(tab, ":checked")
    tab.click("#none")
    assert listed(shown(tab.evaluate("location.hash"), page=many_page), ":checked") == []
    tab.click("#all")
    again = shown(tab.evaluate("location.hash").replace("cifar100", "cifar10"), page=many_page)
    assert len(listed(again, ":checked")) == 12


def test_where_nothing_that_is_checked_has_runs_what_there_is_gets_checked(shown, many_page):
    tab = shown("#optimizer=local+search+9&optimizer=nobody", page=many_page)
    assert listed(tab, ":checked") == ["local search 9"]
    assert len(listed(shown("#optimizer=nobody", page=many_page), ":checked")) == 8
    tab.select_option("#panel", C100)
    assert len(listed(tab, ":checked")) == 3


def test_a_plot_that_would_be_empty_is_a_sentence(shown, alone_page):
    tab = shown(page=alone_page)
    assert tab.locator("#rank-plot canvas").count() == 1
    tab.select_option("#panel", C100)
    assert (listed(tab), tab.locator("#rank-plot canvas").count()) == (["local search"], 0)
    assert tab.locator("#rank-plot").inner_text() == "Ranks take two optimizers that have runs on this benchmark."
    assert words(tab, "rank") == tab.locator("#rank-table").inner_text() == ""
    assert tab.locator("#regret-plot canvas").count() == 1


def test_a_benchmark_without_incumbents_keeps_nothing_of_the_one_before(shown, alone_page):
    tab = shown(page=alone_page)
    (nowhere,) = (value for value in tab.locator("#panel option").evaluate_all(VALUES) if "imagenet" in value)
    tab.select_option("#panel", nowhere)
    assert listed(tab) == ["random search"]
    assert tab.locator("#regret-plot").inner_text() == "No run on this benchmark has an incumbent."
    assert words(tab) == tab.locator("#regret-table").inner_text() == ""
    assert all(tab.locator(f"#{name}").is_disabled() for name in ("csv", "json"))
    tab.select_option("#panel", C100)
    assert tab.locator("#csv").is_enabled()


def test_all_columns_of_a_table_fit_on_paper(shown, many_page):
    tab = shown(page=many_page, viewport={"width": 680, "height": 900})
    tab.click("#all")
    tab.emulate_media(media="print")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.evaluate("document.documentElement.scrollWidth") == 680


def test_what_is_chosen_changes_the_curve_and_its_words(shown):
    tab = shown()
    for control, choice in (("panel", C100), ("axis", "epochs"), ("statistic", "iqm"), ("scale", "linear")):
        before = picture(tab), words(tab), values(tab)
        tab.select_option(f"#{control}", choice)
        assert picture(tab) != before[0], control
        if control != "scale":
            assert words(tab) != before[1], control
        if control in ("panel", "statistic"):
            assert values(tab) != before[2], control


def test_several_objectives_are_drawn_by_their_hypervolume(shown, fronts_page):
    tab = shown(page=fronts_page)
    before = picture(tab), values(tab)
    tab.select_option("#quantity", "hypervolume")
    assert tab.locator("#regret-title").inner_text() == "Hypervolume"
    assert "of the true front" in words(tab)
    assert (picture(tab), values(tab)) != before
    address = tab.evaluate("location.hash")
    assert words(shown(address, page=fronts_page)) == words(tab)
    with tab.expect_download() as saved:
        tab.click("#json")
    assert json.loads(saved.value.path().read_text())["quantity"] == "hypervolume"
    tab.select_option("#panel", C100)  # of one objective
    assert tab.locator("#quantity").is_disabled()
    assert tab.locator("#regret-title").inner_text() == "Regret"
    tab.select_option("#panel", "nasbench201/cifar10")
    assert tab.locator("#regret-title").inner_text() == "Hypervolume"
    tab.emulate_media(color_scheme="dark")
    assert violations(tab, within="section:has(> #fronts)") == []


def test_the_legend_is_linked_to_all_plots(shown):
    tab = shown()
    plots = ("regret", "rank", "shares")
    before = [picture(tab, one) for one in plots]
    tab.locator("#legend input").first.uncheck()
    assert all(picture(tab, one) != old for one, old in zip(plots, before, strict=True))
    assert "random search 0" not in words(tab)
    tab.click("#none")
    assert "no optimizer chosen" in words(tab)
    tab.click("#all")
    assert [picture(tab, one) for one in plots] == before


def test_values_are_read_by_mouse_and_by_keyboard(shown):
    tab = shown()
    last = values(tab)
    tab.focus("#reader")
    tab.keyboard.press("Home")
    assert values(tab) != last
    assert tab.locator("#reader").get_attribute("aria-valuetext") == "1 evaluations"
    tab.keyboard.press("End")
    assert values(tab) == last
    tab.locator("#rank-plot .u-over").hover(position={"x": 90, "y": 20})
    assert values(tab) != last


def test_every_control_is_reached_by_the_keyboard_and_shows_it(shown):
    tab = shown()
    wanted = {"panel", "axis", "statistic", "scale", "band", "reader", "all", "none", "csv", "json"}
    seen = set()
    for _ in range(60):
        tab.keyboard.press("Tab")
        tag, id_, outline = tab.evaluate(FOCUSED)
        assert tag == "BODY" or outline != "none"  # the body, once all were reached
        seen.add(id_)
    assert wanted <= seen


def test_what_is_shown_can_be_saved(shown, report):
    tab = shown(f"#benchmark={C100}&axis=evaluations&statistic=mean")
    with tab.expect_download() as saved:
        tab.click("#json")
    found = json.loads(saved.value.path().read_text())
    assert (found["benchmark"], found["axis"], found["statistic"], len(found["times"])) == (
        C100,
        "evaluations",
        "mean",
        200,
    )
    assert [one["optimizer"] for one in found["curves"]] == report.optimizers
    with tab.expect_download() as saved:
        tab.click("#csv")
    lines = saved.value.path().read_text().splitlines()
    assert lines[0] == '"optimizer","evaluations","mean","low","high"'
    assert len(lines) == 1 + 3 * 200
    assert lines[200].split(",")[2] == str(found["curves"][0]["middle"][-1])


def test_a_choice_is_in_the_address(shown):
    tab = shown()
    tab.select_option("#panel", C100)
    tab.locator("#legend input").last.uncheck()
    address = tab.evaluate("location.hash")
    again = shown(address)
    assert (words(again), values(again)) == (words(tab), values(tab))


def test_numbers_stand_in_tables_and_axe_finds_no_violation(shown):
    tab = shown(color_scheme="light")
    tab.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert tab.locator("#regret-table tbody tr").count() > 10
    assert violations(tab) == []
    tab.emulate_media(color_scheme="dark")  # in which nothing but colors is another
    assert violations(tab, "color-contrast") == []


def test_dark_and_light_differ_and_the_curves_follow_at_once(shown):
    tab = shown(color_scheme="light")
    paper, drawn = tab.evaluate("getComputedStyle(document.body).backgroundColor"), picture(tab)
    tab.emulate_media(color_scheme="dark")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") != paper
    for _ in range(600):  # a busy browser draws when it comes to it
        if picture(tab) != drawn:
            return
        tab.wait_for_timeout(50)
    raise AssertionError("the curves are as they were")


def test_a_phone_needs_no_sideways_scrolling(shown):
    tab = shown(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    tab.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert tab.evaluate("document.documentElement.scrollWidth") == 360
    assert tab.evaluate(TOO_WIDE) == []
    assert tab.locator("#regret-plot canvas").bounding_box()["width"] <= 332


def test_nothing_moves_where_motion_is_not_wanted(shown):
    tab = shown(reduced_motion="reduce")
    assert tab.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_it_prints_with_all_tables_open(shown):
    tab = shown()
    assert tab.pdf()[:5] == b"%PDF-"
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator("details:not([open])").count() == 0
    tab.emulate_media(media="print", color_scheme="dark")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not tab.locator(".controls").is_visible()
