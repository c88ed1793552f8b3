//! Definitions that ask for more than there is: ranges, windows, folders outside, texts that are too long or too deep.
use crate::play::Project;

#[test]
fn folders_of_the_archive_and_of_logs_lead_nowhere_by_dots() {
    let project = Project::new();
    for dir in ["..", "../raw", "raw/../../x", "/tmp/../etc", "raw/..", "''", "' '"] {
        project
            .write("pipelines.yaml", format!("archive: {{dir: {dir}}}\npipelines:\n  - {{name: p, sources: [s]}}\n"));
        let said = project.say(&["check"]);
        assert!(said.code == Some(1) && said.err.contains("pipelines.yaml:1:"), "{dir}: {said:?}");
        let sinks = format!("pipelines:\n  - {{name: p, sources: [s], sinks: [files: {{dir: {dir}}}]}}\n");
        project.write("pipelines.yaml", sinks);
        let said = project.say(&["check"]);
        assert!(said.code == Some(1) && said.err.contains("pipelines.yaml:2:"), "{dir}: {said:?}");
    }
    for dir in ["raw", "./raw", "/mnt/raw", "a/b", "..raw"] {
        project
            .write("pipelines.yaml", format!("archive: {{dir: {dir}}}\npipelines:\n  - {{name: p, sources: [s]}}\n"));
        project.says(&["check"], 0, "0 findings");
    }
}

/// An address with all that is declared.
fn address(more: &str) -> String {
    let names = [("{n:", "for.n"), (" m:", "for.m"), ("windows", "window.start")];
    let used = names.iter().filter(|(key, _)| more.contains(key)).map(|(_, name)| format!("/${{{name}}}"));
    format!("http://127.0.0.1:9/a{}", used.collect::<String>())
}

#[test]
fn a_source_has_so_many_pages_in_flight_and_no_more() {
    let project = Project::new();
    for (number, code) in [("256", 0), ("257", 1), ("9223372036854775807", 1)] {
        let text =
            project.text("http://127.0.0.1:9/a", "").replace("limits: {", &format!("limits: {{parallel: {number}, "));
        project.write("sources/s.yaml", text);
        project.says(&["check"], code, if code == 0 { "0 findings" } else { "256 at most" });
        let text = project.text("http://127.0.0.1:9/a", "").replace("limits: {", "limits: {parallel: \"${env.N}\", ");
        project.write("sources/s.yaml", text);
        project.write(".env", format!("N={number}\n"));
        project.says(&["run", "s"], 1, if code == 0 { "cannot be reached" } else { "256 at most" });
    }
}

#[test]
fn ranges_and_windows_are_made_as_they_are_read_and_too_many_are_told() {
    let project = Project::new();
    let many = [
        ("for: {n: {range: {from: 0, to: 1000000000000}}}", "has 1000000000001 values: 1000000 at most"),
        ("for: {n: {range: {from: 0, to: 1000000}}}", "has 1000001 values: 1000000 at most"),
        ("for: {n: {range: {from: 0, to: -9223372036854775808, step: -1}}}", "values: 1000000 at most"),
        ("for: {n: {range: {from: -9223372036854775808, to: 9223372036854775807}}}", "values: 1000000 at most"),
        (
            "for: {n: {range: {from: 1, to: 100000}}, m: {range: {from: 1, to: 100000}}}",
            "make 10000000000 combinations: 1000000 at most",
        ),
        ("windows: {first: 300000d, step: 1s}", "are 25920000000: 1000000 at most"),
        ("windows: {first: 999999w, step: 1s}", "1000000 at most"),
        ("windows: {from: '1970-01-01T00:00:00Z', until: '2026-01-01T00:00:00Z', step: 1s}", "1000000 at most"),
        ("windows: {from: '+262142-01-01T00:00:00Z', step: 1d}", "is not an instant"),
        ("windows: {from: '2026-01-01T00:00:00Z', until: '-262142-01-01T00:00:00Z', step: 1d}", "is not an instant"),
    ];
    for (more, expect) in many {
        project.source_asking(&address(more), more);
        project.says(&["check"], 1, expect);
        let said = project.say(&["run", "s"]);
        assert!(said.code == Some(1) && said.err.contains(expect), "{more}: {said:?}");
    }
    let kept = [
        "for: {n: {range: {from: 0, to: 999999}}}",
        "for: {n: {range: {from: 1, to: 1000}}, m: {range: {from: 1, to: 1000}}}",
        "for: {n: {range: {from: 9223372036854775807, to: 9223372036854775807}}}",
        "for: {n: {range: {from: 9223372036854775807, to: 9223372036854775800, step: -9223372036854775808}}}",
    ];
    for more in kept {
        project.source_asking(&address(more), more);
        project.says(&["check"], 0, "0 findings");
    }
    // Where the windows begin is known when they are read: without `until`, or between two dates of the command line.
    project.source_asking("http://127.0.0.1:9/a/${window.start}", "windows: {from: '1970-01-01T00:00:00Z', step: 1s}");
    project.says(&["check"], 0, "0 findings");
    project.says(&["run", "s"], 1, "1000000 at most");
    project.says(&["run", "s", "--from", "1970-01-01", "--to", "2100-01-01"], 1, "1000000 at most");
}
