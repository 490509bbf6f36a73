import copy
import pickle  # noqa: TID251, users' caches may; no artifact is one

from starlette.responses import JSONResponse, Response

from occam import Job, Report


def chosen(mean, **more):
    score = {"mean": mean, "sd": 0.01, "ci95": [mean - 0.02, mean + 0.02], "n": 5}
    return {"setting": {}, "scores": {"val_accuracy": score, "test_accuracy": score}, **more}


REPORT = {
    "object": "report",
    "verdict": "Use l1 at λ = 0.001: <b>better</b> than none.",
    "metric": "val_accuracy",
    "direction": "max",
    "arms": [
        {"name": "none", "chosen": {"min": chosen(0.90)}},
        {
            "name": "l1",
            "chosen": {
                "min": {
                    **chosen(0.95, zeros=0.5, at_edge="low"),
                    "setting": {"/regularizers/0/lambda": 0.001},
                    "label": "λ = 0.001",
                }
            },
        },
        {"name": "broken", "chosen": {"min": None}},
    ],
}


def test_a_job_is_one_line_and_its_name_is_escaped():
    job = Job(id="job_1", status="running", name="<script>")

    assert "&lt;script&gt;" in job._repr_html_()
    assert "<script>" not in job._repr_html_()
    assert "\n" not in job._repr_html_()
    assert repr(job) == "<job job_1 <script>: running, 0/0 runs>"


def test_a_report_shows_its_verdict_and_its_arms_best_first():
    html = Report.model_validate(REPORT)._repr_html_()

    assert "&lt;b&gt;better&lt;/b&gt;" in html
    assert html.index(">l1<") < html.index(">none<") < html.index(">broken<")
    assert "λ = 0.001 (edge of its range)" in html
    assert "50.0%" in html
    assert "0.95 ± 0.01 [0.93, 0.97]" in html


def test_a_report_is_printed_as_its_verdict_and_plain_columns():
    report = Report.model_validate(REPORT)

    assert repr(report) == str(report)
    assert str(report).splitlines() == [
        REPORT["verdict"],
        "",
        "arm     chosen                         validation accuracy  "
        "test accuracy             exact zeros",
        "l1      λ = 0.001 (edge of its range)  0.95 ± 0.01          "
        "0.95 ± 0.01 [0.93, 0.97]  50.0%",
        "none                                   0.9 ± 0.01           0.9 ± 0.01 [0.88, 0.92]   –",
        "broken  –                              –                    –                         –",
    ]


def test_a_report_leads_with_its_headline_and_ends_with_what_to_know():
    report = Report.model_validate(
        REPORT
        | {
            "headline": "l1 beats none.",
            "verdict": "l1 beats none. Use l1.",
            "notes": ["none: 2 of 5 runs diverged."],
        }
    )
    report.arms[0].__dict__.update(baseline=True)

    lines = str(report).splitlines()
    assert lines[:3] == ["l1 beats none.", "Use l1.", ""]
    assert lines[-1] == "note: none: 2 of 5 runs diverged."
    assert any(line.startswith("none (baseline)") for line in lines)
    html = report._repr_html_()
    assert "<b>l1 beats none.</b> Use l1." in html
    assert "<li>none: 2 of 5 runs diverged.</li>" in html


def test_an_arm_is_listed_with_the_scores_that_its_folds_promise():
    arms = [{**REPORT["arms"][0], "scores": {"test_accuracy": {"mean": 0.5, "n": 5}}}]
    assert "0.5" in str(Report.model_validate(REPORT | {"arms": arms}))


def test_a_report_shows_its_figures_as_images_with_titles(service, client):
    figure = {"name": "score", "title": "l1 > none", "links": {"svg": "/figures/score.svg"}}
    service.on("GET /v1/jobs/job_1/report", JSONResponse({**REPORT, "figures": [figure]}))
    service.on("GET /figures/score.svg", Response("<svg/>"))

    html = client.report("job_1")._repr_html_()

    assert '<img alt="l1 &gt; none" src="data:image/svg+xml;base64,PHN2Zy8+"' in html


def test_a_report_is_a_value_that_is_compared_copied_and_pickled(service, client):
    service.on("GET /v1/jobs/job_1/report", JSONResponse(REPORT))
    report = client.report("job_1")

    assert report == Report.model_validate(REPORT)
    assert copy.deepcopy(report) == report
    assert pickle.loads(pickle.dumps(report)) == report


def test_a_report_whose_figures_cannot_be_drawn_still_shows_its_table(service, client):
    figure = {"name": "score", "title": "t", "links": {"svg": "/figures/gone.svg"}}
    service.on("GET /v1/jobs/job_1/report", JSONResponse({**REPORT, "figures": [figure]}))

    html = client.report("job_1")._repr_html_()

    assert "<table>" in html
    assert "<img" not in html


def test_a_list_shows_its_first_rows_and_asks_for_no_more(service, client):
    runs = [{"id": f"run_<{i}>", "status": "queued", "setting": {"/x": i}} for i in range(11)]
    service.on("GET /v1/jobs/job_1/runs", JSONResponse({"data": runs, "has_more": False}))

    html = client.runs("job_1")._repr_html_()

    assert service.seen[0].query == {"limit": "11"}
    assert "the first 10 runs of job_1" in html
    assert "run_&lt;9&gt;" in html
    assert "run_&lt;10&gt;" not in html
    assert ">/x<" in html


def test_an_empty_list_says_so(service, client):
    service.on("GET /v1/jobs", JSONResponse({"data": [], "has_more": False}))

    assert "no jobs" in client.jobs()._repr_html_()


def test_a_partial_report_says_so():
    html = Report.model_validate({**REPORT, "partial": True})._repr_html_()

    assert "Partial" in html


def test_the_rule_of_the_job_decides_which_setting_is_shown():
    arm = {"name": "l2", "chosen": {"min": chosen(0.96), "1se": chosen(0.94)}}
    method = {"rule": "1se"}
    html = Report.model_validate({**REPORT, "arms": [arm], "method": method})._repr_html_()

    assert "0.94" in html
    assert "0.96 ±" not in html


def test_a_loss_ranks_the_smaller_first():
    loss = {**REPORT, "direction": "min"}
    html = Report.model_validate(loss)._repr_html_()

    assert html.index(">none<") < html.index(">l1<")


def test_the_best_setting_is_the_first_arms():
    best = Report.model_validate(REPORT).best()

    assert best is not None
    assert best.label == "λ = 0.001"
    assert Report.model_validate({**REPORT, "arms": []}).best() is None
