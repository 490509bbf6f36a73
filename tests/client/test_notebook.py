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


def test_a_report_shows_its_verdict_and_its_arms_best_first():
    html = Report.model_validate(REPORT)._repr_html_()

    assert "&lt;b&gt;better&lt;/b&gt;" in html
    assert html.index(">l1<") < html.index(">none<") < html.index(">broken<")
    assert "λ = 0.001 (edge of its range)" in html
    assert "50.0%" in html
    assert "0.95 ± 0.01 [0.93, 0.97]" in html


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
