//! Numbers and dates of the command line.
use crate::play::Project;

/// What is no number of anything.
const STRANGE: [&str; 10] = [
    "-1",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1000000000000",
    "nan",
    "inf",
    "1e3",
    "0x10",
    "",
];

#[test]
fn each_number_of_a_command_has_its_bounds_and_says_them() {
    let project = Project::new();
    let numbers: [(&[&str], &str); 6] = [
        (&["try", "s", "--limit"], "a whole number from 0 to 100000 is wanted"),
        (&["quarantine", "list", "--limit"], "a whole number from 1 to 100000 is wanted"),
        (&["demo", "--offers"], "a whole number from 1 to 1000000 is wanted"),
        (&["quarantine", "show"], "a whole number from 1 to 9223372036854775807 is wanted"),
        (&["quarantine", "retry", "1"], "a whole number from 1 to 9223372036854775807 is wanted"),
        (&["quarantine", "drop"], "a whole number from 1 to 9223372036854775807 is wanted"),
    ];
    for (command, bounds) in numbers {
        let least = u8::from(bounds.contains("from 1"));
        let strange = STRANGE.iter().copied().chain((least == 1).then_some("0"));
        for text in strange.filter(|text| !(bounds.contains("9223372036854775807") && *text == "1000000000000")) {
            let words: Vec<&str> = command.iter().copied().chain([text]).collect();
            project.says(&words, 2, bounds);
        }
    }
    for text in STRANGE {
        // The search itself says how many it gives at most.
        let said = project.say(&["search", "--limit", text]);
        let bounded =
            said.code == Some(2) && said.err.contains("a whole number from 0 to 18446744073709551615 is wanted");
        let told = said.code == Some(1) && said.err.contains("an answer holds 10000 offers at most");
        assert!(bounded || told, "{text}: {said:?}");
    }
    for kept in ["0", "1", "10000"] {
        // It is read; nothing is stored yet.
        project.says(&["search", "--limit", kept], 1, "nothing is stored");
    }
}

#[test]
fn dates_and_durations_of_a_command_are_in_range() {
    let project = Project::new();
    project.source_asking("http://127.0.0.1:9/a/${window.start}", "windows: {first: 1d, step: 1h}");
    for date in
        ["-1", "0", "", "nan", "0001-01-01", "1969-12-31", "2101-01-01", "+262142-01-01", "99999999999999999999"]
    {
        let from = format!("--from={date}");
        let said = project.say(&["run", "s", &from, "--to", "2026-01-02"]);
        assert_eq!(said.code, Some(1), "{date}: {said:?}");
        assert!(said.err.contains("is not a date") || said.err.contains("is out of range"), "{date}: {said:?}");
    }
    for span in ["-1", "0", "", "nan", "365", "1000000d", "9223372036854775808d", "18446744073709551615s"] {
        let closed = format!("--closed={span}");
        project.says(&["retention", &closed], 1, "--closed wants a whole number and a unit");
    }
}

#[test]
fn an_origin_is_an_origin_and_nothing_more() {
    let project = Project::new();
    for (to, expect) in [
        ("ftp://127.0.0.1", "it begins with http:// or https://"),
        ("http://u:p@127.0.0.1:1", "write http://127.0.0.1:1"),
        ("http://127.0.0.1:1/x", "write http://127.0.0.1:1"),
        ("http://127.0.0.1:1?y", "write http://127.0.0.1:1"),
    ] {
        for words in [["run", "s"], ["try", "s"]] {
            let origin = format!("http://127.0.0.1:9={to}");
            project.says(&[&words[..], &["--origin", &origin]].concat(), 1, expect);
        }
    }
}

#[test]
fn numbers_of_a_search_are_numbers() {
    let project = Project::new();
    let filters = ["salary.yearly_min>=nan", "salary.yearly_min<inf", "salary.yearly_min=-infinity"];
    for filter in filters {
        project.says(&["search", "-f", filter], 1, "is not a number");
    }
    let points = ["1e300km", "nankm", "infkm", "-1km", "0km", "1e999m", "km"];
    for radius in points {
        let said = project.say(&["search", "-f", &format!("location.point=48,2,{radius}")]);
        let refused = said.err.contains("is no place") || said.err.contains("is looked for within");
        assert!(said.code == Some(1) && refused, "{radius}: {said:?}");
    }
    for size in ["0", "-1", "10001", "18446744073709551616", "nan"] {
        project.says(&["search", "--facet", &format!("contract.type:{size}")], 1, "is no facet");
    }
    for step in ["0", "-1", "nan", "inf", "1e-300"] {
        project.says(&["search", "--facet", &format!("salary.yearly_min:{step}")], 1, "is no facet");
    }
}
